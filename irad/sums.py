"""Sums over axes in the form that the backend computes fast."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

import jax
from jax import lax
from jax import numpy as jnp

from irad._compat import ir, mesh
from irad._compat.batched import IN_LIBRARY

WIDE, FEW = 2**16, 16
"""Bytes of a row from which on rows are added by slices, and at most so many at once.

XLA for CPUs (0.10.2) sums rows of more than 64 KiB at a fortieth of the speed of
memory: what is broadcast over a batch, such as a table of positions, has its cotangent
in 15 ms so and in 0.4 by slices (32 rows of 65,536 numbers). The cotangent is then an
array of its own.
"""

SHORT = 64
"""The longest axis that is summed by slices where XLA for CPUs would have a library add
along it, whose sums of few take many times as long."""


def of_few(x: jax.Array, axes: Sequence[int]) -> jax.Array:
    """A sum over axes, which stay with one element each, of what is being computed."""
    is_large = x.size * x.dtype.itemsize >= IN_LIBRARY
    if is_large and jax.default_backend() == "cpu":
        short = [d for d in axes if 1 < x.shape[d] <= SHORT]
        for d in short:
            x = reduce(lax.add, lax.split(x, [1] * x.shape[d], d))
        axes = [d for d in axes if d not in short]
    return jnp.sum(x, axes, keepdims=True) if axes else x


def summed(c: jax.Array, axes: Sequence[int], out_sharding: Any = None) -> jax.Array:
    """The sum of a cotangent over some axes, in increasing order."""
    if not _has_wide_rows(c, axes):
        return lax.reduce_sum(c, axes, out_sharding=out_sharding)
    rows = math.prod(c.shape[: len(axes)])
    return _sum_of_rows(lax.reshape(c, (rows, *c.shape[len(axes) :])))


def _has_wide_rows(c: jax.Array, axes: Sequence[int]) -> bool:
    """Whether the axes are the leading ones and what is summed over them is large."""
    row = math.prod(c.shape[len(axes) :]) * c.dtype.itemsize
    return (
        row > WIDE
        and tuple(axes) == tuple(range(len(axes)))
        and c.size > 0
        and c.dtype.name in ("float32", "float64")
        and jax.default_backend() == "cpu"
        and mesh.is_on_one_device(ir.typeof(c))
    )


def _sum_of_rows(c: jax.Array) -> jax.Array:
    """The sum over the first axis, blocks of rows at a time."""
    while (n := c.shape[0]) > 1:
        few = next((k for k in range(FEW, 1, -1) if n % k == 0), 0)
        if not few:
            return lax.reduce_sum(c, (0,))
        blocks = lax.reshape(c, (few, n // few, *c.shape[1:]))
        parts = [lax.index_in_dim(blocks, i, keepdims=False) for i in range(few)]
        c = reduce(lax.add, parts)
    return lax.squeeze(c, (0,))
