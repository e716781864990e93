"""Matrices to differentiate at: away from where a factorization has no derivative."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

RNG = np.random.default_rng(5)


def some(*shape: int, dtype: str = "float64") -> Any:
    """Normally distributed numbers."""
    values = RNG.standard_normal(shape)
    if "complex" in dtype:
        values = values + 1j * RNG.standard_normal(shape)
    return jnp.asarray(values, dtype)


def dominant(*shape: int, dtype: str = "float64") -> Any:
    """Square matrices with a large diagonal, of different elements."""
    n = shape[-1]
    return some(*shape, dtype=dtype) + jnp.diag(3.0 + jnp.arange(float(n))).astype(
        dtype
    )


def positive(*shape: int, dtype: str = "float64") -> Any:
    """Positive definite matrices with eigenvalues apart."""
    root = some(*shape, dtype=dtype)
    n = shape[-1]
    square = root @ jnp.conj(jnp.swapaxes(root, -1, -2)) / n
    return square + jnp.diag(1.0 + jnp.arange(float(n))).astype(dtype)
