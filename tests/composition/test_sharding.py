"""Arrays that lie on many devices: gradients lie where JAX's do, and say so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental import compute_on, xla_metadata
from jax.extend.core import check_jaxpr, jaxprs_in_params
from jax.sharding import AxisType, NamedSharding, auto_axes
from jax.sharding import PartitionSpec as P

import irad

Space = jax.memory.Space
AUTO = jax.make_mesh((4, 2), ("x", "y"), axis_types=(AxisType.Auto,) * 2)
EXPLICIT = jax.make_mesh((4, 2), ("x", "y"), axis_types=(AxisType.Explicit,) * 2)
RNG = np.random.default_rng(0)
X = RNG.standard_normal((8, 6))
W = RNG.standard_normal((6, 4))
B = RNG.standard_normal(4)


def put(mesh: Any, x: Any, *spec: Any) -> jax.Array:
    """An array on a mesh."""
    return jax.device_put(jnp.asarray(x), NamedSharding(mesh, P(*spec)))


def agree(run: Callable[[Any], Callable[..., Any]], *args: Any) -> None:
    """Well typed, and of JAX's values, types and shardings, with jit and without."""
    check_jaxpr(jax.make_jaxpr(run(irad))(*args).jaxpr)
    for stage in (jax.jit, lambda fun: fun):
        ours, theirs = stage(run(irad))(*args), stage(run(jax))(*args)
        assert jax.tree.structure(ours) == jax.tree.structure(theirs)
        for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
            assert jax.typeof(a) == jax.typeof(b)
            assert a.sharding.is_equivalent_to(b.sharding, a.ndim)


def gradients(fun: Callable[..., Any], n: int = 1) -> Callable[[Any], Any]:
    """Value and gradient in the first ``n`` arguments, by irad or by JAX."""
    return lambda ad: ad.value_and_grad(fun, tuple(range(n)))


# Shardings in the types ---------------------------------------------------------------

REGION = auto_axes(
    lambda x, w: jnp.sin(x @ w) * jnp.cumsum(x, axis=0)[:, :1], out_sharding=P("x", "y")
)

OF_X: dict[str, Callable[[Any], Any]] = {
    "sin": jnp.sin,
    "times its sum": lambda x: x * x.sum(),
    "scalar operand": lambda x: lax.mul(x, x.sum()),
    "max": lambda x: jnp.max(x, axis=0) + jnp.max(x, axis=1).sum(),
    "log_softmax": lambda x: jax.nn.log_softmax(x, axis=1) * x,
    "cumulative": lambda x: lax.cumlogsumexp(x, 1) + jnp.cumsum(x, 1),
    "shapes": lambda x: x.reshape(8, 2, 3).T.sum(1) * jnp.broadcast_to(2.0, (3, 8)),
    "pad and slice": lambda x: lax.pad(x, 0.0, ((0, 0, 0), (1, 2, 1)))[:, 1:5],
    "half of a split": lambda x: jnp.split(x, 2, axis=1)[0],
    "concatenate": lambda x: jnp.concatenate([x, jnp.ones_like(x), 2 * x], axis=1),
    "gather": lambda x: x.at[:, jnp.array([1, 0, 1])].get(out_sharding=P("x", None)),
    "update": lambda x: lax.dynamic_update_slice(x, 2 * x[:, :2], (0, 1)),
    "chosen": lambda x: lax.select_n(jnp.array(1), x, 2 * x, 3 * x),
    "spectrum": lambda x: jnp.abs(jnp.fft.rfft(x, axis=1)),
    "reshard": lambda x: jax.sharding.reshard(x, P(None, "y")) * jnp.arange(6.0),
    "attention": lambda x: jnp.einsum(
        "bij,bj->bi", jax.nn.softmax(jnp.einsum("bi,bj->bij", x, x)), x
    ),
    "scan": lambda x: lax.scan(lambda c, _: (jnp.sin(c) * x, c), x, length=3)[1],
    "cond": lambda x: lax.cond(x.sum() > 0, jnp.sin, lambda x: x * x, x),
    "checkpoint": jax.checkpoint(lambda x: jnp.sin(jnp.sin(x))),
    "custom rule": jax.nn.gelu,
    "vmap": jax.vmap(lambda row: jnp.sin(row) * row.sum()),
}
OF_X_AND_W: dict[str, Callable[..., Any]] = {
    "product": lambda x, w: x @ w,
    "second unused": lambda x, w: x,
    "summed over devices": lambda x, w: jnp.einsum(
        "bi,ij->bj",
        jax.sharding.reshard(x, P(None, "y")),
        jax.sharding.reshard(w, P("y", None)),
        out_sharding=P(None, None),
    ),
    "shard_map": lambda x, w: jax.shard_map(
        lambda x, w: jnp.sin(x @ w) * lax.psum(x.sum(), "x"),
        in_specs=(P("x"), P(None, "y")),
        out_specs=P("x", "y"),
    )(x, w),
    "automatic region": REGION,
    "automatic region in a call": lambda x, w: jax.jit(REGION)(x, w),
    "automatic region in a branch": lambda x, w: lax.cond(
        True, REGION, lambda x, w: x @ w, x, w
    ),
    "automatic region in a loop": lambda x, w: lax.scan(
        lambda c, _: (c + c * REGION(x, w), None), x @ w, length=2
    )[0],
}


@pytest.mark.parametrize("name", OF_X)
def test_explicit_shardings_of_one_operand(name: str) -> None:
    with jax.set_mesh(EXPLICIT):
        x = put(EXPLICIT, X, "x", None)
        agree(gradients(lambda x: jnp.sum(jnp.cos(OF_X[name](x)))), x)


@pytest.mark.parametrize("name", OF_X_AND_W)
def test_explicit_shardings_of_two_operands(name: str) -> None:
    with jax.set_mesh(EXPLICIT):
        args = put(EXPLICIT, X, "x", None), put(EXPLICIT, W, None, "y")
        agree(
            gradients(lambda x, w: jnp.sum(jnp.cos(OF_X_AND_W[name](x, w))), 2), *args
        )


def _model(x: Any, w: Any, b: Any) -> Any:
    return jnp.mean(jnp.tanh(x @ w + b) ** 2)


@pytest.mark.parametrize(
    "transform",
    [
        lambda ad: ad.value_and_grad(_model, (0, 1, 2)),
        lambda ad: lambda *a: ad.jvp(_model, a, tuple(map(jnp.sin, a))),
        lambda ad: lambda *a: ad.linearize(_model, *a)[1](*map(jnp.sin, a)),
        lambda ad: lambda *a: ad.vjp(lambda x, w, b: jnp.sin(x), *a)[1](a[0]),
        lambda ad: lambda *a: ad.jvp(lambda x, w, b: (w, x * 0), a, a),
        lambda ad: ad.grad(
            lambda *a: sum(jnp.sum(c**2) for c in ad.grad(_model, (0, 1, 2))(*a)),
            (0, 1, 2),
        ),
    ],
    ids=["grad", "jvp", "linearize", "zero cotangents", "zero tangents", "second"],
)
def test_explicit_shardings_through_every_transform(transform: Any) -> None:
    with jax.set_mesh(EXPLICIT):
        specs = (X, "x", None), (W, None, "y"), (B, "y")
        agree(transform, *(put(EXPLICIT, *spec) for spec in specs))


def test_explicit_shardings_without_a_mesh_in_context() -> None:
    """JAX needs the mesh in its context, or jit, to make the first cotangent."""
    args = put(EXPLICIT, X, "x", None), put(EXPLICIT, W, None, "y"), put(EXPLICIT, B)
    ours = irad.grad(_model, (0, 1, 2))(*args)
    for a, b in zip(ours, jax.jit(jax.grad(_model, (0, 1, 2)))(*args), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
        assert jax.typeof(a) == jax.typeof(b)


def test_sorting_a_sharded_array_is_differentiated() -> None:
    """JAX sorts positions along that are not sharded, and fails."""
    with jax.set_mesh(EXPLICIT):
        x = put(EXPLICIT, X, "x", None)
        ours = irad.grad(lambda x: jnp.sum(jnp.sort(x, 1) * jnp.arange(6.0)))(x)
        assert jax.typeof(ours) == jax.typeof(x)
    np.testing.assert_array_equal(ours, np.argsort(np.argsort(X, 1), 1))


# Shardings that XLA carries on --------------------------------------------------------

BY_X, BY_Y, ALL = (NamedSharding(AUTO, P(*s)) for s in (("x",), (None, "y"), ()))


def _product(x: Any, w: Any) -> Any:
    return jnp.sum(jnp.tanh(x @ w) ** 2)


def _with_call(x: Any, w: Any) -> Any:
    placed = jax.jit(
        lambda x, w: jnp.tanh(x @ w), in_shardings=(BY_X, BY_Y), out_shardings=BY_X
    )
    return jnp.sum(placed(x, w) ** 2)


CARRIED: dict[str, Callable[..., Any]] = {
    "product": _product,
    "call with shardings": _with_call,
    "constraint": lambda x, w: jnp.sum(
        lax.with_sharding_constraint(jnp.tanh(x @ w), BY_X) ** 2
    ),
    "device_put": lambda x, w: jnp.sum(jax.device_put(jnp.tanh(x @ w), BY_Y) ** 2),
}


@pytest.mark.parametrize("name", CARRIED)
def test_shardings_are_carried_to_gradients(name: str) -> None:
    agree(gradients(CARRIED[name], 2), put(AUTO, X, "x"), put(AUTO, W, None, "y"))


def test_a_call_with_shardings_places_the_gradients_of_unplaced_operands() -> None:
    agree(gradients(_with_call, 2), jnp.asarray(X), jnp.asarray(W))


def test_jit_of_a_gradient_places_operands_and_results() -> None:
    def placed(ad: Any) -> Any:
        fun = ad.grad(_product, (0, 1))
        return jax.jit(fun, in_shardings=(BY_X, BY_Y), out_shardings=(BY_Y, ALL))

    agree(placed, jnp.asarray(X), jnp.asarray(W))


def test_a_donated_argument_is_given_up_and_the_gradient_is_right() -> None:
    x, w = put(AUTO, X, "x"), put(AUTO, W)
    expected = jax.grad(_product)(x, w)
    ours = jax.jit(irad.grad(_product), donate_argnums=0)(x, w)
    np.testing.assert_allclose(ours, expected, rtol=1e-12)
    assert x.is_deleted()


def test_a_donating_call_inside_keeps_its_operand() -> None:
    """What is differentiated is one program: nothing in it can be given up early."""
    x = jnp.asarray(X)
    double = jax.jit(lambda x: 2.0 * x, donate_argnums=0)
    ours = irad.grad(lambda x: jnp.sum(double(x) ** 2))(x)
    assert not x.is_deleted()
    np.testing.assert_allclose(ours, 8 * X)


def test_pmap_inside_and_around() -> None:
    x = jnp.arange(24.0).reshape(8, 3) / 24

    def shard(x: Any) -> Any:
        return x * lax.psum(jnp.sin(x), "i")

    mapped = jax.pmap(shard, axis_name="i")
    agree(gradients(lambda x: jnp.sum(mapped(x) ** 2)), x)
    agree(
        lambda ad: jax.pmap(ad.grad(lambda x: jnp.sum(shard(x))), axis_name="i"),
        x,
    )


# Memories and devices -----------------------------------------------------------------


def test_a_transfer_to_the_host_and_back_is_undone() -> None:
    """JAX sends the cotangent of the first transfer nowhere, and fails."""

    def fun(x: Any) -> Any:
        there = jax.device_put(jnp.sin(x), Space.Host)
        return jnp.sum(jax.device_put(there, Space.Device) ** 2)

    made = jax.make_jaxpr(irad.grad(fun))(jnp.asarray(X))
    check_jaxpr(made.jaxpr)
    ours = jax.jit(irad.grad(fun))(jnp.asarray(X))
    np.testing.assert_allclose(ours, 2 * np.sin(X) * np.cos(X), rtol=1e-12)


def test_an_operand_on_the_host_gets_its_cotangent_there() -> None:
    def run(ad: Any) -> Any:
        def fun(x: Any) -> Any:
            return jnp.sum(jax.device_put(x, Space.Device) ** 2)

        return lambda x: ad.grad(fun)(jax.device_put(x, Space.Host))

    agree(run, jnp.asarray(X))


def _notes(jaxpr: Any) -> set[tuple[str, bool]]:
    """Primitives, and whether their equations carry the metadata."""
    found = {(eqn.primitive.name, bool(eqn.ctx.xla_metadata)) for eqn in jaxpr.eqns}
    for eqn in jaxpr.eqns:
        for inner in jaxprs_in_params(eqn.params):
            found |= _notes(inner)
    return found


def _noted(x: Any) -> Any:
    with xla_metadata.set_xla_metadata(of="mine"):
        return jnp.sin(x) * x


@pytest.mark.parametrize(
    "wrap",
    [
        lambda fun: fun,
        jax.jit,
        jax.checkpoint,
        lambda fun: lambda x: lax.cond(x[0, 0] > 0, fun, jnp.tanh, x),
        lambda fun: lambda x: lax.scan(lambda c, _: (fun(c), None), x, length=2)[0],
    ],
    ids=["plain", "jit", "checkpoint", "cond", "scan"],
)
def test_the_derivative_of_an_equation_is_where_the_equation_is(wrap: Any) -> None:
    """Its device, its mesh and its metadata; the latter stands for all of them."""

    def notes(ad: Any) -> set[tuple[str, bool]]:
        gradient = ad.grad(lambda x: jnp.sum(wrap(_noted)(x)))
        return _notes(jax.make_jaxpr(gradient)(jnp.asarray(X)).jaxpr)

    ours, theirs = notes(irad), notes(jax)
    for name in ("sin", "cos"):
        assert (name, True) in theirs
        assert (name, True) in ours
        assert (name, False) not in ours


def _computed_on_host(fun: Callable[..., Any]) -> Callable[..., Any]:
    """``fun`` as one call on the host, by the name it has in the installed JAX."""
    on = getattr(compute_on, "compute_on2", compute_on.compute_on)
    return on(fun, compute_type="device_host", out_memory_spaces=Space.Device)


def test_a_call_on_the_host_is_differentiated_as_calls_on_the_host() -> None:
    call = _computed_on_host(lambda x, w: (jnp.tanh(x @ w), jnp.exp(w)))

    def fun(x: Any, w: Any) -> Any:
        y, z = call(x, w)
        return jnp.sum(y**2) * jnp.sum(z)

    args = jnp.asarray(X), jnp.asarray(W)
    agree(gradients(fun, 2), *args)
    agree(lambda ad: lambda *a: ad.jvp(fun, a, tuple(map(jnp.sin, a))), *args)
    agree(lambda ad: lambda *a: ad.linearize(fun, *a)[1](*map(jnp.sin, a)), *args)
    agree(lambda ad: ad.grad(lambda *a: jnp.sum(ad.grad(fun)(*a) ** 2), (0, 1)), *args)
