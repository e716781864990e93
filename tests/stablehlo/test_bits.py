"""A number made of another's bits has no derivative that a module could say."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from tests.stablehlo.exported import exported

X = np.array([0.5, 1.5, -2.0], np.float32)


def scaled_by_exponent(x: Any) -> Any:
    exponent = (lax.bitcast_convert_type(x, np.int32) >> np.int32(23)) & np.int32(255)
    return x * (exponent - np.int32(127)).astype(np.float32)


def sign_by_bits(x: Any) -> Any:
    return lax.select(lax.bitcast_convert_type(x, np.int32) < np.int32(0), -x, x)


def noisy(x: Any) -> Any:
    return x * jax.random.uniform(jax.random.key(0), x.shape, np.float32)


@pytest.mark.parametrize("transform", [irad.stablehlo.jvp, irad.stablehlo.vjp])
@pytest.mark.parametrize("in_a_loop", [False, True])
def test_a_number_made_of_bits_is_an_error(transform: Any, in_a_loop: bool) -> None:
    step = lambda x: lax.nextafter(x, jnp.ones_like(x))  # noqa: E731
    f = (lambda x: lax.fori_loop(0, 3, lambda i, x: step(x), x)) if in_a_loop else step
    with pytest.raises(irad.NotDifferentiableError, match="read as bits") as raised:
        transform(exported(f, X))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "f", [scaled_by_exponent, sign_by_bits, noisy], ids=lambda f: f.__name__
)
def test_integers_and_decisions_made_of_bits_are_step_functions(f: Any) -> None:
    _, slope = irad.stablehlo.jvp(exported(f, X))(X, np.ones_like(X))
    expected = jax.jvp(f, (X,), (np.ones_like(X),))[1]
    np.testing.assert_allclose(slope, expected, rtol=1e-6)
