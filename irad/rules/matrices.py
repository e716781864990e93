"""Arithmetic of matrices for the rules of linear algebra.

Matrices are the last two axes; others are a batch. Zeros are selected, never multiplied
in: what a mask drops may be infinite.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax

from irad._compat import ir
from irad.linear_map import Array

HIGHEST = lax.Precision.HIGHEST


def is_complex(x: Array) -> bool:
    """Whether an array is complex."""
    return np.issubdtype(x.dtype, np.complexfloating)


def conj(x: Array) -> Array:
    """The conjugate, for real arrays too."""
    return lax.conj(x) if is_complex(x) else x


def real(x: Array) -> Array:
    """The real part, for real arrays too."""
    return lax.real(x) if is_complex(x) else x


def transposed(x: Array) -> Array:
    """The transpose of each matrix."""
    return lax.transpose(x, (*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


def adjoint(x: Array) -> Array:
    """The conjugate transpose of each matrix."""
    return conj(transposed(x))


def matmul(a: Array, b: Array, precision: lax.Precision | None = HIGHEST) -> Array:
    """The product of each pair of matrices."""
    batch = tuple(range(a.ndim - 2))
    pair = ((a.ndim - 1,), (b.ndim - 2,))
    return lax.dot_general(a, b, (pair, (batch, batch)), precision=precision)


def positions(x: Array) -> tuple[Array, Array]:
    """Row and column of each element."""
    return numbers_along(x, x.ndim - 2), numbers_along(x, x.ndim - 1)


def numbers_along(x: Array, axis: int) -> Array:
    """The position of each element along an axis, sharded as the elements are."""
    sharding = ir.typeof(x).sharding
    return lax.broadcasted_iota(np.int32, x.shape, axis, out_sharding=sharding)


def on_diagonal(x: Array) -> Array:
    """Where the main diagonal is."""
    return lax.eq(*positions(x))


def where(mask: Array, x: Array) -> Array:
    """``x`` where the mask holds, zero elsewhere."""
    return lax.select(mask, x, lax.full_like(x, 0))


def tril(x: Array, k: int = 0) -> Array:
    """The triangle on and below the ``k``-th diagonal above the main one."""
    row, column = positions(x)
    return where(lax.ge(row + k if k else row, column), x)


def triu(x: Array, k: int = 0) -> Array:
    """The triangle on and above the ``k``-th diagonal above the main one."""
    row, column = positions(x)
    return where(lax.le(row + k if k else row, column), x)


def hermitian(x: Array) -> Array:
    """The Hermitian matrix of a lower triangle and the real part of its diagonal."""
    whole = lax.select(lax.gt(*positions(x)), x, adjoint(x))
    if not is_complex(x):
        return whole
    diagonal = lax.convert_element_type(real(x), x.dtype)
    return lax.select(on_diagonal(x), diagonal, whole)


def eye_like(x: Array) -> Array:
    """The identity matrix, for each matrix in ``x``."""
    return lax.convert_element_type(on_diagonal(x), x.dtype)


def along_rows(v: Array, n: int) -> Array:
    """A matrix of ``n`` rows, each the vector ``v``."""
    shape = (*v.shape[:-1], n, v.shape[-1])
    return lax.broadcast_in_dim(v, shape, (*range(v.ndim - 1), v.ndim))


def block(x: Array, rows: slice, columns: slice) -> Array:
    """A block of each matrix."""
    (i, m, _), (j, n, _) = rows.indices(x.shape[-2]), columns.indices(x.shape[-1])
    if (i, m, j, n) == (0, x.shape[-2], 0, x.shape[-1]):
        return x
    batch = x.shape[:-2]
    return lax.slice(x, (*(0 for _ in batch), i, j), (*batch, m, n))


def stacked(blocks: Sequence[Sequence[Array]]) -> Array:
    """The matrix of a table of blocks."""
    axis = blocks[0][0].ndim - 1
    rows = [lax.concatenate(row, axis) if len(row) > 1 else row[0] for row in blocks]
    return lax.concatenate(rows, axis - 1) if len(rows) > 1 else rows[0]


def permuted_rows(x: Array, permutation: Array) -> Array:
    """Each matrix with its rows in another order."""
    batch = tuple(range(x.ndim - 2))
    numbers = lax.GatherDimensionNumbers(
        offset_dims=(x.ndim - 1,),
        collapsed_slice_dims=(x.ndim - 2,),
        start_index_map=(x.ndim - 2,),
        operand_batching_dims=batch,
        start_indices_batching_dims=batch,
    )
    return lax.gather(
        x,
        lax.expand_dims(permutation, (permutation.ndim,)),
        numbers,
        (*(1 for _ in batch), 1, x.shape[-1]),
        unique_indices=True,
        mode=lax.GatherScatterMode.PROMISE_IN_BOUNDS,
    )


def permuted_columns(x: Array, permutation: Array) -> Array:
    """Each matrix with its columns in another order."""
    return transposed(permuted_rows(transposed(x), permutation))


def solved_by_factors(lu: Array, b: Array, *, transpose: bool = False) -> Array:
    """``X`` with ``L U X = b``, or with the transpose of L U."""
    for lower in (False, True) if transpose else (True, False):
        b = lax.linalg.triangular_solve(
            lu,
            b,
            left_side=True,
            lower=lower,
            transpose_a=transpose,
            unit_diagonal=lower,
        )
    return b


def solve(a: Array, b: Array) -> Array:
    """``X`` with ``a X = b`` for any invertible ``a``, differentiated implicitly."""
    lu, _, permutation = lax.linalg.lu(lax.stop_gradient(a))

    def forward(_: Any, b: Array) -> Array:
        return solved_by_factors(lu, permuted_rows(b, permutation))

    def backward(_: Any, b: Array) -> Array:
        numbers = numbers_along(permutation, permutation.ndim - 1)
        _, inverse = lax.sort_key_val(permutation, numbers)
        return permuted_rows(solved_by_factors(lu, b, transpose=True), inverse)

    return lax.custom_linear_solve(lambda x: matmul(a, x), b, forward, backward)
