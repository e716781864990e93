"""A step that goes back stores what its shifted reads share, and nothing else."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from irad._compat.storing import stored_p

DTYPES = ["float32", "float64", "bfloat16", "float16", "complex64", "int8", "uint32"]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0, 2), (6,), (2, 3)])
def test_a_stored_value_is_itself_bit_for_bit(dtype: str, shape: tuple[int]) -> None:
    numbers = np.array([-0.0, 1, np.inf, -np.inf, np.nan, 0])
    if "int" in dtype:
        numbers = np.arange(6)
    x = jnp.asarray(numbers).astype(dtype)[: np.prod(shape, dtype=int)].reshape(shape)
    y = jax.jit(stored_p.bind)(x)
    assert y.dtype == x.dtype
    assert np.asarray(y).tobytes() == np.asarray(x).tobytes()


@pytest.mark.parametrize("x", [1.0, -jnp.inf, jnp.nan])
def test_the_tangent_of_a_stored_value_is_its_own(x: float) -> None:
    for ad in (jax, irad):
        t = jnp.arange(3.0)
        _, found = ad.jvp(stored_p.bind, (jnp.full(3, x),), (t,))
        np.testing.assert_array_equal(found, t)
        assert ad.grad(lambda x: 3 * stored_p.bind(x))(x) == 3
    batch = jax.vmap(stored_p.bind, 1, 1)(jnp.ones((2, 3)))
    np.testing.assert_array_equal(batch, jnp.ones((2, 3)))


def diffused(u: Any) -> Any:
    """Reads its neighbours along both axes."""
    around = (jnp.roll(u, k, axis) for k in (1, -1) for axis in (0, 1))
    return u + 0.1 * sum(around, start=-4.0 * u) * u


def gated(u: Any) -> Any:
    """Reads each quarter of an array once."""
    a, b, c, d = jnp.split(jnp.tanh(u), 4, axis=1)
    return jnp.concatenate([a * b, b * c, c * d, d * a], axis=1)


def looped(step: Any, steps: int = 3) -> Any:
    def loss(u: Any) -> Any:
        u, _ = lax.scan(lambda u, _: (step(u), None), u, length=steps)
        return jnp.sum(u**2)

    return loss


@pytest.mark.parametrize(
    ("step", "side", "count"),
    [(diffused, 64, 2), (diffused, 32, 0), (gated, 64, 0)],
)
def test_shared_and_large_values_are_stored(step: Any, side: int, count: int) -> None:
    """Of a stencil its product with the cotangent, and the row of the stack."""
    u = jnp.asarray(np.random.default_rng(0).uniform(0.1, 0.9, (side, side)))
    steps = 200  # of few steps all that is computed would be kept
    made = jax.make_jaxpr(irad.grad(looped(step, steps)))(u)
    assert str(made).count("= stored ") == count
    found, expected = (ad.grad(looped(step, steps))(u) for ad in (irad, jax))
    np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.usefixtures("float32", "standard_promotion")
def test_a_step_that_keeps_the_sum_of_its_neighbours_and_reads_it_stores_it() -> None:
    """Beside the product with the cotangent, in a loop that is nested."""
    u = jnp.asarray(np.random.default_rng(0).uniform(0.1, 0.9, (256, 256)), "float32")
    loss = looped(diffused, 200)
    made = jax.make_jaxpr(irad.grad(loss))(u)
    assert str(made).count("= stored ") == 3  # the sum where it runs first and again
    found, expected = (ad.grad(loss)(u) for ad in (irad, jax))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_loops_that_store_are_differentiated_again() -> None:
    u = jnp.asarray(np.random.default_rng(1).uniform(0.1, 0.9, (64, 64)))
    loss = looped(diffused)
    assert "= stored " in str(jax.make_jaxpr(irad.grad(loss))(u))
    expected = jax.jvp(jax.grad(loss), (u,), (u,))[1]
    for found in (
        irad.hvp(loss, (u,), (u,)),
        irad.jvp(irad.grad(loss), (u,), (u,))[1],
        jax.jvp(irad.grad(loss), (u,), (u,))[1],
        irad.grad(lambda x: jnp.vdot(irad.grad(loss)(x), u))(u),
        jax.grad(lambda x: jnp.vdot(irad.grad(loss)(x), u))(u),
    ):
        np.testing.assert_allclose(found, expected, rtol=1e-10)
