"""Planned Jacobians take and give the types that JAX's do, at every edge."""

from __future__ import annotations

import threading
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

import irad

pytestmark = pytest.mark.usefixtures("standard_promotion")

X = jnp.arange(1.0, 5.0)
Z = jnp.asarray(np.arange(1.0, 5.0) + 1j)


def mixed(x: Any) -> Any:
    """Elements, their neighbours, and a running sum."""
    return jnp.sin(x) * x[::-1] + jnp.cumsum(x)


def outer(a: Any, b: Any) -> Any:
    return jnp.outer(a, b)


def as_dense(J: Any, format: str) -> Any:
    match format:
        case "bcoo":
            return J.todense()
        case "operator":
            return J.dense()
        case _:
            return J


CASES: dict[str, tuple[Any, ...]] = {
    "float16": (mixed, {}, X.astype("float16")),
    "bfloat16": (mixed, {}, X.astype("bfloat16")),
    "float32": (mixed, {}, X.astype("float32")),
    "two types in": (
        lambda p: p[0].astype("float64") * p[1],
        {},
        (X.astype("float32"), X),
    ),
    "two types out": (lambda x: (x * 2, x.astype("float32") * 3), {}, X),
    "a Python float": (lambda x: x * jnp.arange(3.0), {}, 2.0),
    "a Python float out": (lambda x: 3.0, {}, X),
    "holomorphic": (lambda x: x * x, {"holomorphic": True}, Z),
    "to real": (lambda x: jnp.sum(jnp.abs(x)), {"holomorphic": True}, X),
    "of complex": (lambda x: x * x, {}, Z),
    "of integers": (lambda x: x * x, {}, jnp.arange(3)),
    "to integers": (lambda x: (x, jnp.argsort(x)), {}, X),
    "to text": (lambda x: "a", {}, X),
    "of text": (lambda x: x, {}, "a"),
    "no pair": (lambda x: x, {"has_aux": True}, X),
    "the last": (outer, {"argnums": -1}, X, X[:2]),
    "turned": (outer, {"argnums": (1, 0)}, X, X[:2]),
    "a list": (outer, {"argnums": [0, 1]}, X, X[:2]),
}


@pytest.mark.parametrize("name", CASES)
def test_types_and_errors_are_those_of_jax(name: str) -> None:
    fun, options, *args = CASES[name]
    try:
        expected = jax.jacobian(fun, **options)(*args)
    except (TypeError, ValueError) as error:
        with pytest.raises(type(error)):
            irad.jacobian(fun, **options)(*args)
        return
    found = irad.jacobian(fun, **options)(*args)
    assert jax.tree.structure(found) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        assert (a.shape, a.dtype, a.weak_type) == (b.shape, b.dtype, b.weak_type)
        rough = 4 * float(jnp.finfo(b.dtype).eps)
        kind = np.complex128 if jnp.iscomplexobj(b) else np.float64
        np.testing.assert_allclose(a.astype(kind), b.astype(kind), rough, 4 * rough)


@pytest.mark.parametrize("order", ["auto", "reverse"])
def test_masks_and_integers_have_float0_derivatives(order: Any) -> None:
    mask = jnp.asarray([True, False])
    jacobian = irad.jacobian(
        lambda m: jnp.where(m, 1.0, 2.0), allow_int=True, order=order
    )
    J = jacobian(mask)
    assert (J.shape, J.dtype) == ((2, 2), jax.dtypes.float0)


@pytest.mark.parametrize("order", ["auto", "forward", "reverse"])
def test_inputs_may_lie_on_several_devices(order: Any) -> None:
    mesh = jax.make_mesh((8,), ("i",))
    x = jax.device_put(jnp.arange(16.0), NamedSharding(mesh, PartitionSpec("i")))
    J = irad.jacobian(lambda x: x * jnp.sin(x), order=order)(x)
    expected = jax.jacobian(lambda x: x * jnp.sin(x))(jnp.arange(16.0))
    np.testing.assert_allclose(J, expected, 1e-12)


@pytest.mark.parametrize("format", ["dense", "bcoo"])
def test_an_index_that_is_changed_in_place_is_read_anew(format: Any) -> None:
    index = np.asarray([0, 1, 2, 3])
    jacobian = irad.jacobian(lambda x: x[index] * x, format=format)
    for places in ([0, 1, 2, 3], [3, 3, 0, 1], [2, 1, 2, 1]):
        index[:] = places
        J = jacobian(X)
        expected = jax.jacobian(lambda x, p=tuple(places): x[jnp.asarray(p)] * x)(X)
        np.testing.assert_allclose(as_dense(J, format), expected)


def test_zeros_of_both_signs_are_told_apart() -> None:
    for zero in (0.0, -0.0, 0.0):
        J = irad.jacobian(lambda x, z=zero: x * z)(X)
        assert (np.signbit(np.diagonal(J)) == np.signbit(zero)).all()


def test_a_function_runs_its_effects_once() -> None:
    seen: list[float] = []

    def noisy(x: Any) -> Any:
        jax.debug.callback(lambda v: seen.append(float(v)), x[0])
        return x * x

    for format in ("dense", "bcoo", "operator"):
        seen.clear()
        irad.jacobian(noisy, format=format)(X)
        jax.effects_barrier()
        assert seen == [1.0]


@pytest.mark.parametrize("platform", ["cpu", "cuda", "tpu"])
def test_a_jacobian_is_lowered_for_every_platform(platform: str) -> None:
    jacobian = jax.jit(irad.jacobian(mixed))
    made = jax.export.export(jacobian, platforms=[platform])(X)
    assert made.out_avals[0].shape == (4, 4)


def test_threads_may_plan_at_once() -> None:
    found: dict[int, Any] = {}

    def work(i: int) -> None:
        found[i] = irad.jacobian(lambda x: mixed(x) * i, format="bcoo")(X).todense()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expected = jax.jacobian(mixed)(X)
    for i in range(6):
        np.testing.assert_allclose(found[i], i * expected)


@pytest.mark.parametrize("format", ["dense", "bcoo", "operator"])
def test_it_runs_without_compiling_and_watched_for_nan(format: Any) -> None:
    expected = jax.jacobian(mixed)(X)
    for context in (jax.disable_jit(), jax.debug_nans(True)):
        with context:
            J = irad.jacobian(mixed, format=format)(X)
            found = as_dense(J, format)
        np.testing.assert_allclose(found, expected, 1e-12)
        irad.clear_caches()
