"""Random programs whose Jacobians are taken in every way, and by JAX."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import irad
from tests.compiling import AS_USERS, QUICK
from tests.fuzz.structures import POINT, outputs, programs, scalar

pytestmark = pytest.mark.usefixtures("standard_promotion")

ORDERS: list[Any] = [
    "auto",
    "forward",
    "reverse",
    "compressed",
    "chain",
    "markowitz",
    "elimination",
]
SOMETIMES_OPEN = ORDERS[4:]
FORMATS: list[Any] = ["dense", "bcoo", "operator"]
Pairs = dict[str, tuple[Any, Any]]


def check(program: Any, *, second: bool = False) -> None:
    """The Jacobian, and for some the Hessian, by irad in every way and by JAX.

    What differs when compiled in a hurry is compiled again, as users compile it.
    """

    def fun(x: Any) -> Any:
        return outputs(program, x)

    def of(x: Any) -> Any:
        return scalar(program, x)

    def pairs(x: Any) -> Pairs:
        found = by_orders(irad.jacobian, fun, x) | by_rows(fun, x)
        pairs = against("jacobian", found, jax.jacobian(fun)(x)) | products(fun, x)
        if second:
            found = by_orders(irad.hessian, of, x) | by_colourings(of, x)
            pairs |= against("hessian", found, jax.hessian(of)(x))
        return pairs

    for options in (QUICK, AS_USERS):
        compiled = jax.jit(pairs).lower(POINT).compile(compiler_options=options)
        try:
            return compare(compiled(POINT))
        except AssertionError:
            if options is AS_USERS:
                raise
    raise AssertionError


def check_on_host(program: Any, which: int) -> None:
    """One matrix on the host, in one of the orders that are open, against JAX's."""

    def fun(x: Any) -> Any:
        return outputs(program, x)

    options: Any = {"order": ORDERS[which % len(ORDERS)], "format": "scipy"}
    try:
        found = irad.jacobian(fun, **options)(POINT)
    except irad.PlanError:
        assert options["order"] in SOMETIMES_OPEN, options
        return
    expected = jax.jit(jax.jacobian(fun)).lower(POINT)
    rows = jax.tree.leaves(expected.compile(compiler_options=QUICK)(POINT))
    y, x = (jax.tree.leaves(t) for t in (jax.eval_shape(fun, POINT), POINT))
    blocks = [
        [np.reshape(J, (a.size, b.size)) for J, b in zip(row, x, strict=True)]
        for a, row in zip(y, batches(rows, len(x)), strict=True)
    ]
    assert_close(found.toarray(), np.block(blocks), f"jacobian {options}")


def batches(of: list[Any], size: int) -> list[list[Any]]:
    return [of[i : i + size] for i in range(0, len(of), size)]


def by_orders(derivative: Any, fun: Any, x: Any) -> dict[str, Any]:
    """The derivative in every order that is open and in every format, as arrays.

    Orders that come to the same recipe are the same program, which runs once.
    """
    second = derivative is irad.hessian
    found: dict[str, Any] = {}
    for format in FORMATS:
        done: set[Any] = set()
        for order in ORDERS:
            options = {"order": order, "format": format}
            try:
                plan = irad.plan(fun, second_order=second, **options)(x)
            except irad.PlanError:
                assert order in SOMETIMES_OPEN, options
                continue
            if plan.recipe not in done:
                done.add(plan.recipe)
                found[f"{order} {format}"] = _dense(derivative(fun, **options)(x))
    return found


def by_rows(fun: Any, x: Any) -> dict[str, Any]:
    """The Jacobian by every row of a plan that was not chosen."""
    plan = irad.plan(fun)(x)
    return {
        f"{i}: {candidate.way}": irad.jacobian(fun, plan=plan.choosing(i))(x)
        for i, candidate in enumerate(plan.candidates)
        if candidate.seconds is not None and i != plan.chosen
    }


def by_colourings(of: Any, x: Any) -> dict[str, Any]:
    """The Hessian by every colouring, star and acyclic ones too, in every format."""
    found: dict[str, Any] = {}
    for format in FORMATS:
        options = {"order": "compressed", "format": format}
        plan = irad.plan(of, second_order=True, **options)(x)
        for i, candidate in enumerate(plan.candidates):
            H = irad.hessian(of, plan=plan.choosing(i), format=format)(x)
            found[f"{candidate.way} {format}"] = _dense(H)
    return found


def products(fun: Any, x: Any) -> Pairs:
    """A tangent pushed and a cotangent pulled through the operator."""
    J = irad.jacobian(fun, format="operator")(x)
    y, pushed = jax.jvp(fun, (x,), (x,))
    (pulled,) = jax.vjp(fun, x)[1](y)
    return {"push": (J @ x, pushed), "pull": (J.T @ y, pulled)}


def against(name: str, found: dict[str, Any], expected: Any) -> Pairs:
    return {f"{name} {what}": (J, expected) for what, J in found.items()}


def compare(pairs: Pairs) -> None:
    for what, (found, expected) in pairs.items():
        assert_close(found, expected, what)


def assert_close(found: Any, expected: Any, what: str) -> None:
    """Two trees are equal but for rounding."""
    assert jax.tree.structure(found) == jax.tree.structure(expected), what
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
    for a, b in pairs:
        assert (a.shape, a.dtype) == (b.shape, b.dtype), what
        scale = 1.0 + np.max(np.abs(b), initial=0.0)
        np.testing.assert_allclose(a, b, 1e-8, 1e-9 * scale, err_msg=what)


def _dense(J: Any) -> Any:
    """A derivative in any format as a tree of arrays."""
    if isinstance(J, irad.Jacobian):
        return J.dense()
    is_sparse = lambda b: hasattr(b, "todense")  # noqa: E731
    as_array = lambda b: b.todense() if is_sparse(b) else b  # noqa: E731
    return jax.tree.map(as_array, J, is_leaf=is_sparse)


SLOW = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(SLOW, max_examples=10)
@given(programs(), st.integers(0, 7))
def test_planned_jacobians_of_random_programs_are_jaxs(program, which):
    check(program, second=which == 0)


@pytest.mark.fuzz
@pytest.mark.parametrize("shard", range(4))
def test_planned_jacobians_of_many_random_programs_are_jaxs(shard):
    """An eighth of the profile's examples in all, for each has a dozen Jacobians."""

    @seed(shard)
    @settings(SLOW, max_examples=settings().max_examples // 32)
    @given(programs(), st.integers(0, 7))
    def many(program: Any, which: int) -> None:
        check(program, second=which == 0)

    many()


SCAN_BEHIND_CHECKPOINT = [
    (
        "checkpoint",
        4,
        0,
        1,
        [("add", 4, 5, 2, ()), ("sin", 5, 0, 3, ()), ("dot", 5, 5, 5, ())],
    ),
    ("divide", 0, 4, 2, ()),
    ("jit", 2, 5, 10, [("softmax", 3, 4, 2, ())]),
    ("scan", 4, 3, 7, [("add", 5, 1, 1, ())]),
]
CHECKPOINT_IN_A_GRADIENT = [
    ("vmap", 1, 3, 2, [("nothing", 1, 2, 6, ())]),
    ("set", 2, 2, 4, ()),
    ("checkpoint", 3, 4, 2, [("tanh", 4, 4, 2, ())]),
]
NOTHING_PASSES = [
    ("vmap", 0, 5, 7, [("sin", 0, 3, 2, ())]),
    ("stencil", 4, 2, 0, ()),
    ("vmap", 2, 0, 11, [("square", 2, 1, 11, ())]),
    ("stencil", 2, 5, 8, ()),
    ("vmap", 3, 2, 3, [("tanh", 0, 0, 8, ())]),
    ("stencil", 2, 5, 8, ()),
    ("jit", 2, 1, 0, [("stencil", 2, 5, 4, ())]),
]


@pytest.mark.parametrize(
    ("program", "second"),
    [
        (SCAN_BEHIND_CHECKPOINT, False),
        (CHECKPOINT_IN_A_GRADIENT, True),
        (NOTHING_PASSES, True),
    ],
)
def test_what_random_programs_once_found_is_jaxs(program, second):
    check(program, second=second)
