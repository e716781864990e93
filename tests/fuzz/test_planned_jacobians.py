"""Random programs whose Jacobians are taken in every way, and by JAX."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import irad
from tests.fuzz.structures import POINT, outputs, programs, scalar
from tests.fuzz.test_random_programs import QUICK

pytestmark = pytest.mark.usefixtures("standard_promotion")

ORDERS: list[Any] = ["auto", "forward", "reverse", "compressed"]


def check(program: Any, *, second: bool = False) -> None:
    """The Jacobian, and for some the Hessian, by irad in every way and by JAX.

    What differs when compiled in a hurry is compiled again, as users compile it.
    """

    def fun(x: Any) -> Any:
        return outputs(program, x)

    def ours(x: Any) -> dict[str, Any]:
        found = {order: irad.jacobian(fun, order=order)(x) for order in ORDERS}
        plan = irad.plan(fun)(x)
        for i, candidate in enumerate(plan.candidates):
            if candidate.seconds is not None:
                J = irad.jacobian(fun, plan=plan.choosing(i))(x)
                found[f"{i}: {candidate.way}"] = J
        found["bcoo"] = _dense(irad.jacobian(fun, format="bcoo")(x))
        operator = irad.jacobian(fun, format="operator")(x)
        found["operator"] = operator.dense()
        return found | {"push": operator @ x, "pull": operator.T @ fun(x)}

    def theirs(x: Any) -> dict[str, Any]:
        y, pushed = jax.jvp(fun, (x,), (x,))
        pulled = jax.vjp(fun, x)[1](y)[0]
        return {"dense": jax.jacobian(fun)(x), "push": pushed, "pull": pulled}

    def hessians(x: Any) -> dict[str, Any]:
        of = lambda x: scalar(program, x)  # noqa: E731
        return {
            "hessian": irad.hessian(of)(x),
            "sparse hessian": _dense(irad.hessian(of, format="bcoo")(x)),
            "expected": jax.hessian(of)(x),
        }

    def all_of_them(x: Any) -> Any:
        return ours(x), theirs(x), hessians(x) if second else {}

    for options in (QUICK, {}):
        compiled = jax.jit(all_of_them).lower(POINT).compile(compiler_options=options)
        try:
            return compare(*compiled(POINT))
        except AssertionError:
            if not options:
                raise
    raise AssertionError


def compare(ours: Any, theirs: Any, hessians: Any) -> None:
    for what, found in ours.items():
        assert_close(found, theirs.get(what, theirs["dense"]), what)
    for what, found in hessians.items():
        assert_close(found, hessians["expected"], what)


def assert_close(found: Any, expected: Any, what: str) -> None:
    """Two trees are equal but for rounding."""
    assert jax.tree.structure(found) == jax.tree.structure(expected), what
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
    for a, b in pairs:
        assert (a.shape, a.dtype) == (b.shape, b.dtype), what
        scale = 1.0 + np.max(np.abs(b), initial=0.0)
        np.testing.assert_allclose(a, b, 1e-8, 1e-9 * scale, err_msg=what)


def _dense(tree: Any) -> Any:
    is_sparse = lambda b: hasattr(b, "todense")  # noqa: E731
    return jax.tree.map(lambda b: b.todense(), tree, is_leaf=is_sparse)


SLOW = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(SLOW, max_examples=40)
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
