"""Gradients that compute again, saved, loaded and differentiated once more."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
from jax import lax
from jax import numpy as jnp

import irad
from tests.stablehlo.agreement import primitives
from tests.stablehlo.exported import exported

WEIGHTS = np.sin(np.arange(9.0)).reshape(3, 3)
X = np.cos(np.arange(12.0)).reshape(4, 3)


def layers(x: Any) -> Any:
    for _ in range(6):
        x = jnp.tanh(x @ WEIGHTS.astype(x.dtype))
    return jnp.sum(jnp.real(x) ** 2)


def loop(x: Any) -> Any:
    def step(x: Any, _: None) -> Any:
        return jnp.sin(x @ WEIGHTS.astype(x.dtype)), None

    return jnp.sum(lax.scan(step, x, None, 9)[0] ** 3)


@pytest.mark.parametrize("f", [layers, loop])
def test_a_loaded_gradient_that_computes_again_has_the_tangents_of_the_source(
    f: Callable[[Any], Any],
) -> None:
    gradient = jax.grad(irad.checkpoint(f))
    module = exported(gradient, X)
    t = np.sin(X)
    value, product = irad.stablehlo.jvp(module)(X, t)
    np.testing.assert_allclose(value, jax.grad(f)(X), 1e-12)
    expected = jax.jvp(jax.grad(f), (X,), (t,))[1]
    np.testing.assert_allclose(product, expected, 1e-10)
    np.testing.assert_allclose(irad.stablehlo.vjp(module)(X, t)[1], expected, 1e-10)


@pytest.mark.parametrize("dtype", [np.float16, np.complex128])
def test_a_value_that_waits_is_known_in_every_type(dtype: Any) -> None:
    x = X.astype(dtype)
    gradient = jax.grad(irad.checkpoint(layers, schedule="none"))
    t = np.sin(X).astype(dtype)
    module = exported(gradient, x)
    assert "population_count" in primitives(module)
    product = irad.stablehlo.jvp(module)(x, t)[1]
    expected = jax.jvp(jax.grad(layers), (x,), (t,))[1]
    np.testing.assert_allclose(product, expected, *[40 * jnp.finfo(dtype).eps] * 2)
