"""Exports without a derivative, given one: through serialization, to any order."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad

X = np.linspace(0.2, 1.0, 4, dtype=np.float32)
P = {"b": np.float32(2.0), "w": np.ones((3, 4), np.float32)}
N = np.int32(3)


def program(p: Any, n: Any, x: Any, unused: Any) -> Any:
    scaled = jnp.tanh(p["w"] @ x) * p["b"] * n.astype(np.float32)
    return {"loss": jnp.sum(scaled), "next": n + 1}


def reloaded(f: Any, *args: Any, **options: Any) -> Any:
    """A function exported, serialized without a derivative, and read back."""
    written = jax.export.export(jax.jit(f), **options)(*args).serialize()
    return jax.export.deserialize(written)


@pytest.mark.parametrize("platforms", [None, ("cpu", "cuda")])
def test_an_artifact_without_a_vjp_is_differentiated_to_third_order(platforms):
    restored = irad.stablehlo.export(reloaded(program, P, N, X, X, platforms=platforms))
    of_source = lambda p, x: program(p, N, x, X)["loss"]  # noqa: E731
    of_module = lambda p, x: restored.call(p, N, x, X)["loss"]  # noqa: E731
    for _ in range(3):
        found = jax.jit(jax.grad(of_module, (0, 1)))(P, X)
        expected = jax.grad(of_source, (0, 1))(P, X)
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
            found,
            expected,
        )
        of_source, of_module = map(sum_of_sines, (of_source, of_module))


def sum_of_sines(f: Any) -> Any:
    return lambda p, x: jnp.sum(jnp.sin(jax.grad(f, 1)(p, x)))


def test_integers_and_what_is_unused_have_zero_cotangents():
    restored = irad.stablehlo.export(reloaded(program, P, N, X, X))
    f = lambda *args: restored.call(*args)["loss"]  # noqa: E731
    n, unused = jax.grad(f, (1, 3), allow_int=True)(P, N, X, X)
    assert n.dtype == jax.dtypes.float0
    np.testing.assert_array_equal(unused, np.zeros_like(X))


def test_what_is_serialized_with_a_vjp_needs_irad_no_more():
    restored = irad.stablehlo.export(reloaded(jnp.sin, X))
    again = jax.export.deserialize(restored.serialize(vjp_order=2))
    first = lambda x: jnp.sum(jax.grad(lambda x: jnp.sum(again.call(x)))(x))  # noqa: E731
    np.testing.assert_allclose(jax.grad(first)(X), -np.sin(X), rtol=1e-6)


def test_a_program_that_asks_for_its_platform_gets_it():
    f = lambda x: lax.platform_dependent(x, cpu=jnp.sin, cuda=jnp.cos).sum()  # noqa: E731
    restored = irad.stablehlo.export(reloaded(f, X, platforms=("cpu", "cuda")))
    np.testing.assert_allclose(jax.grad(restored.call)(X), np.cos(X), rtol=1e-6)


def test_a_loop_that_jax_cannot_reverse_is_reversed():
    step = lambda c: (c[0] + 1, jnp.sin(c[1]))  # noqa: E731
    f = lambda x: lax.while_loop(lambda c: c[1][0] > 0.15, step, (0, x))[1].sum()  # noqa: E731
    restored = irad.stablehlo.export(reloaded(f, X))
    np.testing.assert_allclose(
        jax.grad(restored.call)(X), irad.grad(f)(X), rtol=1e-6, atol=1e-7
    )


def test_what_a_module_alone_does_not_know_is_refused():
    (shape,) = jax.export.symbolic_args_specs([X], "n")
    with pytest.raises(irad.NotDifferentiableError, match="with symbolic shapes"):
        irad.stablehlo.export(reloaded(jnp.sin, shape))
    with pytest.raises(TypeError, match=r"expected a jax\.export\.Exported"):
        irad.stablehlo.export(jnp.sin)  # pyright: ignore[reportArgumentType]
