"""Modules for several devices: shards, collectives, and where arrays lie."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import AxisType, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

import irad
from irad.stablehlo import Module
from irad_passes.errors import ModuleError

MESH = jax.make_mesh((2, 4), ("i", "j"), axis_types=(AxisType.Auto,) * 2)
X = np.sin(np.arange(64.0)).reshape(8, 8)

Shard = Callable[[Any], Any]

COLLECTIVES: dict[str, Shard] = {
    "sum": lambda x: x * lax.psum(jnp.sin(x), "j"),
    "sum over both": lambda x: x * lax.psum(x**2, ("i", "j")),
    "mean": lambda x: jnp.tanh(x) - lax.pmean(x, "i"),
    "gather": lambda x: lax.all_gather(x, "j", axis=1, tiled=True)[:, :2] * x,
    "gather of rows": lambda x: lax.all_gather(x**2, "i").sum(0),
    "gather in the other order": lambda x: (
        jnp.cos(lax.all_gather(x, ("j", "i"), tiled=True))[:4] * x
    ),
    "scatter": lambda x: lax.psum_scatter(
        lax.all_gather(x**3, "j", axis=1, tiled=True),
        "j",
        scatter_dimension=1,
        tiled=True,
    ),
    "exchange": lambda x: lax.all_to_all(jnp.exp(x), "i", 1, 0, tiled=True)[:4] * x,
    "ring": lambda x: x * lax.ppermute(x, "j", [(i, (i + 1) % 4) for i in range(4)]),
    "shift": lambda x: x + lax.ppermute(x**2, "i", [(0, 1)]),
    "index": lambda x: x**2 * (lax.axis_index(("j", "i")).astype(x.dtype)),
    "loop": lambda x: lax.fori_loop(0, 3, lambda _, s: lax.pmean(jnp.sin(s), "j"), x),
    "call": lambda x: jax.jit(lambda y: jnp.sin(y) * lax.psum(y, "i"))(x),
}


def sharded(shard: Shard, mesh: Mesh = MESH, **options: Any) -> Callable[[Any], Any]:
    spec = P("i", "j")
    return jax.shard_map(
        shard, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False, **options
    )


def exported(f: Any, *given: Any, **options: Any) -> Any:
    structs = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in given]
    return jax.export.export(jax.jit(f, **options))(*structs)


def check(module: Module, f: Callable[[Any], Any]) -> None:
    """The module's value and both of its derivatives are those of the source."""
    value = jax.jit(f)(X)
    t, c = np.cos(X), np.cos(np.arange(value.size)).reshape(value.shape)
    push = jax.jit(lambda x, t: jax.jvp(f, (x,), (t,)))(X, t)
    found = irad.stablehlo.jvp(module)(X, t)
    for ours, theirs in zip(found, push, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    of_module = irad.stablehlo.vjp(module)
    same, pulled = of_module(X, c)
    np.testing.assert_array_equal(same, found[0])
    # By the pairing, since JAX pulls back no loop whose trips it does not know.
    np.testing.assert_allclose(np.vdot(pulled, t), np.vdot(c, found[1]), rtol=1e-10)
    for again in (of_module.text(), of_module.artifact()):
        np.testing.assert_array_equal(irad.stablehlo.load(again)(X, c)[1], pulled)


@pytest.mark.parametrize("name", COLLECTIVES)
def test_derivatives_of_collectives_are_those_of_the_source(name: str) -> None:
    f = sharded(COLLECTIVES[name])
    module = irad.stablehlo.load(exported(f, X))
    assert module.mesh is not None
    assert module.mesh.shape == {"i": 2, "j": 4}
    check(module, f)


@pytest.mark.parametrize("spec", [None, P(None, "j")], ids=["free", "placed"])
def test_a_computation_along_some_axes_leaves_the_others(spec: Any) -> None:
    def shard(x: Any) -> Any:
        y = jnp.sin(x)
        placed = y if spec is None else lax.with_sharding_constraint(y, spec)
        return placed * lax.psum(x, "i")

    f = jax.shard_map(
        shard, mesh=MESH, in_specs=P("i"), out_specs=P("i"), axis_names={"i"}
    )
    check(irad.stablehlo.load(exported(f, X)), f)


def test_a_computation_within_another_is_along_the_axes_left() -> None:
    def inner(x: Any) -> Any:
        return jnp.sin(x) * lax.psum(x, "j") * lax.psum(x, "i")

    def outer(x: Any) -> Any:
        across = P(None, "j")
        mapped = jax.shard_map(
            inner, in_specs=across, out_specs=across, axis_names={"j"}
        )
        return mapped(x) * lax.psum(x, "i")

    f = jax.shard_map(
        outer, mesh=MESH, in_specs=P("i"), out_specs=P("i"), axis_names={"i"}
    )
    check(irad.stablehlo.load(exported(f, X)), f)


def test_an_operation_of_a_shard_has_its_place_in_errors() -> None:
    text = TEXT.replace("stablehlo.sine %s", "stablehlo.custom_call @mine(%s)").replace(
        "%s) : ", "%s) : (tensor<1xf32>) -> "
    )
    with pytest.raises(irad.NoRuleError, match=r"'mine' \(<text>:5:10\)"):
        irad.stablehlo.vjp(irad.stablehlo.load(text))


def test_a_module_is_read_under_any_mesh() -> None:
    with jax.set_mesh(MESH):
        module = irad.stablehlo.load(TEXT)
    assert "stablehlo.cosine" in irad.stablehlo.jvp(module).text()


def constrained(x: Any) -> Any:
    placed = partial(
        lax.with_sharding_constraint, shardings=NamedSharding(MESH, P("j"))
    )
    return placed(jnp.sin(x) @ x)


def test_where_values_lie_is_kept_for_tangents_and_cotangents() -> None:
    module = irad.stablehlo.load(exported(constrained, X))
    check(module, constrained)
    for transform, count in ((irad.stablehlo.jvp, 2), (irad.stablehlo.vjp, 2)):
        assert transform(module).text().count("sdy.sharding_constraint") == count


def test_where_inputs_and_results_lie_is_kept() -> None:
    rows = NamedSharding(MESH, P("i"))
    source = exported(jnp.sin, X, in_shardings=rows, out_shardings=rows)
    module = irad.stablehlo.load(source)
    assert module.text().count("sdy.sharding") >= 2
    c = jax.device_put(X, rows)
    value, pulled = irad.stablehlo.vjp(module)(c, c)
    assert value.sharding.is_equivalent_to(rows, 2)
    assert pulled.sharding.is_equivalent_to(rows, 2)
    np.testing.assert_allclose(pulled, np.cos(X) * X, rtol=1e-12)


def test_products_with_the_hessian_and_jacobians_of_shards() -> None:
    def loss(x: Any) -> Any:
        return jax.shard_map(
            lambda x: lax.psum(jnp.sum(jnp.tanh(x) ** 2), ("i", "j")),
            mesh=MESH,
            in_specs=P("i", "j"),
            out_specs=P(),
        )(x)

    module = irad.stablehlo.load(exported(loss, X))
    whole = lambda x: jnp.sum(jnp.tanh(x) ** 2)  # noqa: E731
    t = np.cos(X)
    (product,) = irad.stablehlo.hvp(module)(X, t)
    expected = jax.jvp(jax.grad(whole), (X,), (t,))[1]
    np.testing.assert_allclose(product, expected, rtol=1e-10)
    (J,) = irad.stablehlo.jacobian(irad.stablehlo.grad(module))(X)
    np.testing.assert_allclose(np.tensordot(J, t, 2), expected, rtol=1e-10)


def test_an_export_of_several_devices_is_differentiated_to_any_order() -> None:
    f = sharded(COLLECTIVES["sum"])
    source = exported(f, X, in_shardings=NamedSharding(MESH, P("i", "j")))
    call = irad.stablehlo.export(jax.export.deserialize(source.serialize())).call

    def first(call: Any, x: Any) -> Any:
        return jax.grad(lambda x: jnp.sum(call(x) ** 2))(x)

    def second(call: Any, x: Any) -> Any:
        return jax.grad(lambda x: jnp.vdot(first(call, x), X))(x)

    x = jax.device_put(X, NamedSharding(MESH, P("i", "j")))
    for derivative in (first, second):
        found = jax.jit(partial(derivative, call))(x)
        expected = jax.jit(partial(derivative, f))(x)
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


TEXT = """
sdy.mesh @mesh = <["x"=16]>
func.func @main(%x: tensor<16xf32>) -> tensor<16xf32> {
  %y = sdy.manual_computation(%x) in_shardings=[<@mesh, [{"x"}]>] out_shardings=[<@mesh, [{"x"}]>] manual_axes={"x"} (%s: tensor<1xf32>) {
    %t = stablehlo.sine %s : tensor<1xf32>
    sdy.return %t : tensor<1xf32>
  } : (tensor<16xf32>) -> tensor<16xf32>
  return %y : tensor<16xf32>
}"""  # noqa: E501


def test_a_module_for_more_devices_than_there_are_is_differentiated_and_not_run() -> (
    None
):
    module = irad.stablehlo.load(TEXT)
    pull = irad.stablehlo.vjp(module)
    assert "num_partitions = 16" in pull.text()
    assert "stablehlo.cosine" in pull.text()
    x = np.ones(16, np.float32)
    with pytest.raises(ModuleError, match=r"for 16 devices .* here are 8.*XLA_FLAGS"):
        pull(x, x)


ANOTHER_ORDER = f"=16], device_ids={[1, 0, *range(2, 16)]}"
PART = """%z = sdy.sharding_constraint %x <@mesh, [{"x":(1)4}]> : tensor<16xf32>
  %y ="""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("=16]", ANOTHER_ORDER, "devices are in another order"),
        ("%y =", PART, "a part of the axis 'x'"),
    ],
    ids=["another order", "a part of an axis"],
)
def test_what_jax_cannot_say_is_an_error_with_its_place(
    old: str, new: str, words: str
) -> None:
    with pytest.raises(ModuleError, match=rf"<text>:\d+:\d+: error: .*{words}"):
        irad.stablehlo.load(TEXT.replace(old, new))
