"""What a loop draws until it accepts has no derivative that a module could say."""

from typing import Any

import jax
import numpy as np
import pytest
from jax import lax
from jax import numpy as jnp

import irad
from tests.stablehlo.exported import exported

X = np.array([0.5, 1.5], np.float32)


def of_gamma(x: Any) -> Any:
    """JAX differentiates it implicitly; its module has the sampler."""
    return jax.random.gamma(jax.random.key(0), x, dtype=np.float32)


def of_first_below(x: Any) -> Any:
    """Uniform numbers, drawn until one is below the first element."""

    def drawn(state: Any) -> Any:
        key, _ = state
        key, again = jax.random.split(key)
        return key, jax.random.uniform(again, (), np.float32)

    state = jax.random.key(1), jnp.float32(2)
    return x * lax.while_loop(lambda s: s[1] > x[0], drawn, state)[1]


def of_noise(x: Any) -> Any:
    """Uniform numbers, drawn until one is below a constant."""

    def drawn(state: Any) -> Any:
        key, _ = state
        key, again = jax.random.split(key)
        return key, jax.random.uniform(again, (), np.float32)

    state = jax.random.key(1), jnp.float32(2)
    return x * lax.while_loop(lambda s: s[1] > 0.5, drawn, state)[1]


@pytest.mark.parametrize("transform", [irad.stablehlo.jvp, irad.stablehlo.vjp])
@pytest.mark.parametrize("f", [of_gamma, of_first_below])
def test_a_draw_that_is_accepted_by_an_active_number_has_none(
    f: Any, transform: Any
) -> None:
    with pytest.raises(irad.NotDifferentiableError, match="until one is accepted"):
        transform(exported(f, X))


def test_a_draw_that_is_accepted_by_constants_is_a_constant() -> None:
    module = exported(of_noise, X)
    c = np.array([2.0, -3.0], np.float32)
    expected = jax.vjp(of_noise, X)[1](c)[0]
    np.testing.assert_array_equal(irad.stablehlo.vjp(module)(X, c)[1], expected)
