"""``shard_map``: programs for many devices, the laws, and what crosses the boundary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import check_jaxpr, jaxprs_in_params
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

import irad
from tests.kinds import of_kinds
from tests.laws import Case, check_laws

MESH = jax.make_mesh((4, 2), ("x", "y"), axis_types=(AxisType.Auto,) * 2)
RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.standard_normal((8, 4)))
W = jnp.asarray(RNG.standard_normal((4, 6)) / 2)
V = jnp.asarray(RNG.standard_normal((6, 4)) / 2)
S = jnp.asarray(0.7)
RING = [(k, (k + 1) % 4) for k in range(4)]

Function = Callable[..., Any]
Sharded = Callable[[bool], Function]
"""A function of global arrays, for checked types or unchecked ones."""


def sharded(body: Function, in_specs: Any, out_specs: Any, **options: Any) -> Sharded:
    """``body`` over the mesh."""

    def make(checked: bool) -> Function:
        return jax.shard_map(
            body,
            mesh=MESH,
            in_specs=in_specs,
            out_specs=out_specs,
            check_vma=checked,
            **options,
        )

    return make


def _varying(x: Any, axes: Any, checked: bool) -> Any:
    return lax.pcast(x, axes, to="varying") if checked else x


def _loss(x: Any, w: Any) -> Any:
    """The mean over all devices of a loss of each device's part of the data."""
    return lax.pmean(jnp.sum(jnp.tanh(x @ w) ** 2), ("x", "y"))


def _tensor_parallel(x: Any, w: Any, v: Any) -> Any:
    """Columns, then rows of the weights on each device; the batch over axis y."""
    hidden = jnp.tanh(x @ w)
    y = lax.psum(hidden @ v, "x")
    whole = lax.all_gather(y, "y", axis=0, tiled=True)
    return lax.psum_scatter(whole * whole, "y", scatter_dimension=0, tiled=True)


def _ring(checked: bool) -> Function:
    """Every query meets every key as the keys go round."""

    def body(q: Any, k: Any) -> Any:
        def step(carry: Any, _: Any) -> Any:
            k, total = carry
            total += jnp.exp(q @ k.T / 4).sum(1)
            return (lax.ppermute(k, "x", RING), total), None

        start = _varying(jnp.zeros(q.shape[0]), "x", checked)
        (_, total), _ = lax.scan(step, (k, start), length=4)
        return jnp.log(total)

    return sharded(body, P("x"), P("x"))(checked)


def _experts(x: Any, w: Any) -> Any:
    """Rows are sent to the device of their expert and back."""
    sent = lax.all_to_all(x.reshape(4, -1, x.shape[1]), "x", 0, 0)
    done = jnp.tanh(sent * (1.0 + lax.axis_index("x").astype(float)) @ w)
    return lax.all_to_all(done, "x", 0, 0).reshape(-1, w.shape[1])


def _control_flow(x: Any, s: Any) -> Any:
    """A branch that depends on the device, a loop, and a call, one in the other."""

    def step(y: Any, _: Any) -> Any:
        is_even = lax.axis_index("x") % 2 == 0
        return s * lax.cond(is_even, lambda y: jnp.sin(y) * y, jnp.cos, y), None

    return jax.jit(lambda x: lax.scan(step, x, length=2)[0])(x) * lax.psum(x.sum(), "x")


def _several(x: Any, s: Any) -> Any:
    """A result that varies, one that is shared, an integer, one that is no function."""
    total = lax.psum(jnp.sum(jnp.exp(x) * s), ("x", "y"))
    return jnp.exp(x), total, jnp.argsort(x, axis=1), jnp.ones(())


def _custom(x: Any, w: Any) -> Any:
    @jax.custom_vjp
    def doubled(x: Any) -> Any:
        return jnp.sin(x)

    doubled.defvjp(lambda x: (jnp.sin(x), x), lambda x, c: (2.0 * c * jnp.cos(x),))
    remade = jax.checkpoint(lambda x, w: jnp.tanh(lax.psum(jnp.sin(x @ w), "x")))
    return jax.nn.relu(doubled(x) @ w) + remade(x, w)


def _closure(checked: bool) -> Function:
    """A closed-over array, and a value of the outer program."""

    def fun(x: Any, w: Any) -> Any:
        scaled = jnp.sin(w)

        def body(x: Any) -> Any:
            return jnp.tanh(x @ scaled) * jnp.arange(6.0)

        return sharded(body, P("x"), P("x"))(checked)(x)

    return fun


def _in_a_scan(checked: bool) -> Function:
    step = sharded(
        lambda x, w: jnp.tanh(lax.psum(x, "x") @ w) + x, (P("x"), P()), P("x")
    )

    def fun(x: Any, w: Any) -> Any:
        return lax.scan(lambda x, _: (step(checked)(x, w), None), x, length=3)[0]

    return fun


def _mapped(checked: bool) -> Function:
    def fun(x: Any, w: Any) -> Any:
        body = sharded(lambda x, w: lax.psum(jnp.sin(x @ w), "x"), (P("x"), P()), P())
        return jax.vmap(body(checked), (None, 0))(x, jnp.stack([w, 2 * w]))

    return fun


def _complex(x: Any, s: Any) -> Any:
    return lax.psum(jnp.sin(x * s), "x")


def _twice(checked: bool) -> Function:
    def body(a: Any, b: Any) -> Any:
        return a * lax.psum(jnp.sin(b), "x")

    return lambda x: sharded(body, (P("x"), P("x")), P("x"))(checked)(x, x)


def _partly(x: Any, w: Any) -> Any:
    y = jnp.tanh(x @ w)
    return lax.psum(jnp.sum(y), "x"), jnp.sin(y)


@dataclass(frozen=True)
class Row:
    """A program with a ``shard_map``, and its arguments."""

    name: str
    make: Sharded
    args: tuple[Any, ...]
    second: bool = False
    numeric: bool = True
    modes: tuple[str, ...] = ("fwd", "rev")

    def __str__(self) -> str:
        """The name, which is the test's id."""
        return self.name


DATA = (P(("x", "y")), P())
BY_ROWS = (P("x"), P())

ROWS = [
    Row("data parallel", sharded(_loss, DATA, P()), (X, W), second=True),
    Row(
        "tensor parallel",
        sharded(_tensor_parallel, (P("y"), P(None, "x"), P("x")), P("y")),
        (X, W[:, :4], V[:4]),
    ),
    Row("ring", _ring, (X, X[:4])),
    Row("all to all", sharded(_experts, BY_ROWS, P("x")), (jnp.tile(X, (2, 1)), W)),
    Row("control flow", sharded(_control_flow, BY_ROWS, P("x")), (X, S)),
    Row(
        "several results",
        sharded(_several, (P("x", "y"), P()), (P("x", "y"), P(), P("x", "y"), P())),
        (X, S),
        second=True,
    ),
    # JAX has no forward mode of a custom_vjp.
    Row(
        "custom rules",
        sharded(_custom, BY_ROWS, P("x")),
        (X, W),
        numeric=False,
        modes=("rev",),
    ),
    Row("closure", _closure, (X, W)),
    Row("in a scan", _in_a_scan, (X, jnp.eye(4) / 2)),
    Row("under vmap", _mapped, (X, W)),
    Row("float32", sharded(_loss, DATA, P()), (X.astype("f4"), W.astype("f4"))),
    Row(
        "complex",
        sharded(_complex, BY_ROWS, P()),
        (lax.complex(X, X * X), lax.complex(S, S)),
    ),
    Row("an operand twice", _twice, (X,)),
    # A mesh with an automatic axis runs under jit only, and differences do not.
    Row(
        "manual over one axis",
        sharded(_partly, BY_ROWS, (P(), P("x")), axis_names={"x"}),
        (X, W),
        numeric=False,
    ),
]


CASES = [
    *(
        Case(
            f"{row.name}, {name}",
            row.make(checked),
            row.args,
            second=row.second,
            numeric=row.numeric,
            modes=row.modes,
        )
        for row in ROWS
        for name, checked in (("checked", True), ("unchecked", False))
    ),
    *of_kinds("rows", [Case("rows", sharded(_complex, BY_ROWS, P())(True), (X, S))]),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws(case: Case) -> None:
    check_laws(case)


# What the derivative is made of -------------------------------------------------------


def _programs(ad: Any, fun: Function, args: Any) -> dict[str, Any]:
    """Typed programs of all transforms of a function, by their names."""
    t = [jnp.cos(x) for x in args]

    def pull(*x: Any) -> Any:
        y, pullback = ad.vjp(fun, *x)
        return pullback(jax.tree.map(jnp.sin, y))

    def push(*x: Any) -> Any:
        return ad.linearize(fun, *x)[1](*t)

    def both(*x: Any) -> Any:
        return ad.jvp(fun, x, tuple(t))

    made = {"jvp": both, "linearize": push, "vjp": pull}
    return {name: jax.make_jaxpr(f)(*args).jaxpr for name, f in made.items()}


def _sharded_equations(jaxpr: Any) -> list[Any]:
    found = [eqn for eqn in jaxpr.eqns if eqn.primitive.name == "shard_map"]
    for eqn in jaxpr.eqns:
        for inner in jaxprs_in_params(eqn.params):
            found += _sharded_equations(inner)
    return found


def _tanh_of_product(x: Any, w: Any, s: Any) -> Any:
    """Residuals: an operand, a result, a scalar that varies, one that does not."""
    y = jnp.exp(x @ w * jnp.sin(s))
    return y * jnp.sin(jnp.sum(x)), y


STRUCTURE = [
    (_loss, DATA, P(), (X, W)),
    (_tanh_of_product, (P("x"), P(), P()), P("x"), (X, W, S)),
    (_tensor_parallel, (P("y"), P(None, "x"), P("x")), P("y"), (X, W[:, :4], V[:4])),
]


@pytest.mark.parametrize("checked", [True, False], ids=["checked", "unchecked"])
@pytest.mark.parametrize("row", STRUCTURE, ids=lambda row: row[0].__name__)
def test_no_more_crosses_the_boundary_than_in_jax(row: Any, checked: bool) -> None:
    body, in_specs, out_specs, args = row
    fun = sharded(body, in_specs, out_specs)(checked)
    theirs = _programs(jax, fun, args)
    for name, ours in _programs(irad, fun, args).items():
        check_jaxpr(ours)
        a, b = (_sharded_equations(p) for p in (ours, theirs[name]))
        assert len(a) == len(b), name
        for one, other in zip(a, b, strict=True):
            assert len(one.outvars) <= len(other.outvars), name
            assert _elements(one.outvars) <= _elements(other.outvars), name


def _elements(variables: Any) -> int:
    return sum(v.aval.size for v in variables)


def test_a_residual_that_all_devices_share_is_stored_once() -> None:
    def body(x: Any, w: Any) -> Any:
        return x * lax.pcast(jnp.sin(w) * jnp.cos(w), "x", to="varying")

    fun = sharded(body, (P("x"), P()), P("x"))(True)
    program = _programs(irad, fun, (X, X[0]))["vjp"]
    forward = _sharded_equations(program)[0]
    pairs = zip(forward.outvars, forward.params["out_specs"], strict=True)
    shared = [v.aval.shape for v, spec in pairs if not tuple(spec)]
    assert shared
    assert set(shared) == {(4,)}


def test_an_inner_mesh_is_differentiated_inside_the_outer_one() -> None:
    """With checked types JAX stacks a residual over an axis that is manual outside."""

    def inner(x: Any, w: Any) -> Any:
        y = jnp.tanh(x @ w)
        return y * lax.psum(jnp.sum(y), "y")

    def body(x: Any, w: Any) -> Any:
        split = jax.shard_map(
            inner, in_specs=(P(None, "y"), P("y")), out_specs=P("y"), axis_names={"y"}
        )
        return lax.expand_dims(jnp.sum(split(jnp.sin(x), w)), (0,))

    def nested(x: Any, w: Any) -> Any:
        fun = sharded(body, (P("x"), P()), P("x"), axis_names={"x"})(True)
        return jnp.sum(fun(x, w))

    def plain(x: Any, w: Any) -> Any:
        x = jnp.sin(x).reshape(4, 2, 4)
        halves = jnp.tanh(x[:, :, :2] @ w[:2]), jnp.tanh(x[:, :, 2:] @ w[2:])
        sums = [jnp.sum(y, (1, 2)) for y in halves]
        return jnp.sum(sum(sums) ** 2)

    ours = jax.jit(irad.value_and_grad(nested, (0, 1)))(X, W)
    for a, b in zip(
        jax.tree.leaves(ours),
        jax.tree.leaves(jax.value_and_grad(plain, (0, 1))(X, W)),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-10)


@pytest.mark.parametrize("checked", [True, False], ids=["checked", "unchecked"])
def test_gradient_inside_a_function_that_runs_device_by_device(checked: bool) -> None:
    """Outside of jit the body runs on values, and irad inside it."""

    def run(ad: Any) -> Any:
        def body(x: Any, w: Any) -> Any:
            fun = lambda x: lax.psum(jnp.sum(jnp.sin(x @ w)), ("x", "y"))  # noqa: E731
            value, gradient = ad.value_and_grad(fun)(x)
            return value, gradient, ad.grad(lambda x: jnp.sum(jnp.sin(x)))(x)

        out_specs = P(), P(("x", "y")), P(("x", "y"))
        return sharded(body, DATA, out_specs)(checked)(X, W)

    for ours, expected in zip(run(irad), run(jax), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-12)


def test_a_pullback_of_shards_leaves_jit_and_enters_another() -> None:
    fun = sharded(_several, (P("x", "y"), P()), (P("x", "y"), P(), P("x", "y"), P()))
    y, pullback = jax.jit(lambda x, s: irad.vjp(lambda *a: fun(True)(*a)[:2], x, s))(
        X, S
    )
    ours = jax.jit(lambda pullback, c: pullback(c))(pullback, y)
    expected = jax.vjp(lambda *a: fun(True)(*a)[:2], X, S)[1](y)
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_a_result_without_cotangent_and_an_operand_without_one() -> None:
    def body(x: Any, w: Any, unused: Any) -> Any:
        del unused
        return jnp.sin(x), lax.psum(jnp.cos(w), "x"), jnp.floor(x)

    specs = (P("x"), P(), P("x")), (P("x"), P(), P("x"))
    for checked in (True, False):
        made = sharded(body, *specs)(checked)
        results = []
        for ad in (irad, jax):
            _, pullback = ad.vjp(lambda *a, made=made: made(*a)[0], X, W, X)
            results.append(pullback(X))
        for a, b in zip(*results, strict=True):
            np.testing.assert_array_equal(a, b)


def test_gradient_of_a_cast_that_promises_a_sum_is_an_error() -> None:
    """The cotangent of such an output is shares of a sum: of 1, nobody says whose."""

    def run(ad: Any) -> Any:
        fun = ad.grad(lambda x: lax.pcast(jnp.sum(jnp.sin(x)), "x", to="reduced"))
        return jax.make_jaxpr(sharded(fun, P(), P())(True))(X)

    for ad in (jax, irad):
        with pytest.raises(ValueError, match=r"cotangent|JAX type"):
            run(ad)
