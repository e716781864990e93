"""A module that no JAX wrote: another spelling of everything, and the same rules."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import irad

MODULE = Path(__file__).with_name("foreign.mlir")
W = np.array(
    [[0.5, -0.25, 1.0], [0.125, 0.75, -0.5], [-1.0, 0.25, 0.0], [0.5, 0.5, 0.5]]
)
B = np.array([0.5, -0.25, 0.0, 0.1])
X, LABELS = np.sin(np.arange(6.0)).reshape(2, 3), np.array([2, 0])


def loss(x: jax.Array) -> jax.Array:
    """What the module computes."""
    h = jax.nn.relu(x @ W.T + B)
    return -jnp.mean(jax.nn.log_softmax(h)[jnp.arange(2), LABELS])


def test_a_module_of_another_framework_is_run_and_differentiated() -> None:
    module = irad.stablehlo.load(MODULE)
    assert module.name == "forward"
    np.testing.assert_allclose(module(X, LABELS)[0], loss(X), rtol=1e-12)
    (gradient,) = irad.stablehlo.grad(module)(X, LABELS)
    np.testing.assert_allclose(gradient, jax.grad(loss)(X), rtol=1e-10, atol=1e-14)
    t = np.cos(X)
    (product,) = irad.stablehlo.hvp(module)(X, LABELS, t)
    expected = jax.jvp(jax.grad(loss), (X,), (t,))[1]
    np.testing.assert_allclose(product, expected, rtol=1e-9, atol=1e-14)


@pytest.mark.usefixtures("float32")
def test_its_types_stay_wide_where_those_of_jax_are_narrow() -> None:
    (gradient,) = irad.stablehlo.grad(irad.stablehlo.load(MODULE))(X, LABELS)
    assert gradient.dtype == np.float64


def test_its_gradient_is_written_and_read_again() -> None:
    gradient = irad.stablehlo.grad(irad.stablehlo.load(MODULE))
    again = irad.stablehlo.load(gradient.artifact())
    np.testing.assert_array_equal(again(X, LABELS)[0], gradient(X, LABELS)[0])
