"""What is computed again is computed again, whatever the cotangent is."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import irad
from irad._compat.waiting import after_p

DTYPES = ["float32", "float64", "bfloat16", "float16", "complex64", "int32", "bool"]
WITNESSES = [
    jnp.float32(jnp.nan),
    jnp.bfloat16(jnp.inf),
    jnp.complex64(3),
    -jnp.ones((2, 2), "float16"),
    jnp.ones((2, 0)),
]


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_value_after_another_is_itself_bit_for_bit(dtype: str) -> None:
    x = jnp.array([0, 1, -0.0, 3]).astype(dtype)
    for witness in WITNESSES:
        y = jax.jit(after_p.bind)(x, witness)
        assert y.dtype == x.dtype
        assert np.asarray(y).tobytes() == np.asarray(x).tobytes()


def test_the_tangent_of_a_value_after_another_is_its_own() -> None:
    x, w = jnp.arange(3.0), jnp.ones(2)
    for grad in (jax.grad, irad.grad):
        found = grad(lambda x: jnp.sum(after_p.bind(x, w) ** 2))(x)
        np.testing.assert_array_equal(found, 2 * x)
    batch = jax.vmap(after_p.bind)(jnp.ones((2, 3)), jnp.ones(2))
    np.testing.assert_array_equal(batch, jnp.ones((2, 3)))


def deep(wrapped: Any):
    """A net of 12 layers in 3 parts."""

    def part(ws, x):
        for w in ws:
            x = jnp.tanh(x @ w) + x
        return x

    def loss(ws, x):
        for i in range(0, len(ws), 4):
            x = wrapped(part)(ws[i : i + 4], x)
        return jnp.mean(x**2)

    ws = [jnp.full((64, 64), 0.01 * (i + 1), "float32") for i in range(12)]
    return loss, (ws, jnp.ones((256, 64), "float32"))


def test_checkpointed_parts_take_less_memory_on_cpu_too() -> None:
    def temp(wrapped: Any) -> int:
        loss, arguments = deep(wrapped)
        compiled = jax.jit(irad.grad(loss)).lower(*arguments).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert 2 * temp(jax.checkpoint) < temp(lambda part: part)


def test_an_infinite_cotangent_does_not_touch_what_is_computed_again() -> None:
    loss, (ws, x) = deep(jax.checkpoint)
    for scale in (jnp.inf, jnp.nan, 1.0):
        found = jax.jit(irad.grad(lambda ws, s=scale: s * loss(ws, x)))(ws)
        expected = jax.jit(jax.grad(lambda ws, s=scale: s * loss(ws, x)))(ws)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5)
