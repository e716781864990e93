"""Operations that are counted by products: dots, convolutions, linear algebra."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from jax import lax
from jax.lax import linalg

from irad._compat import ir, primitives
from irad.cost.entries import Avals, Count, Params, is_complex, size


def _products(aval: Any) -> int:
    """Operations to multiply two entries and add the product."""
    return 8 if is_complex(aval) else 2


def summed(x: Any, params: Params) -> int:
    """How many products a dot sums for an entry of its result."""
    ((contracted, _), _) = params["dimension_numbers"]
    return math.prod(x.shape[i] for i in contracted)


def _dot(x: Avals, y: Avals, params: Params) -> int:
    terms = summed(x[0], params)
    if terms == 1:
        return size(y[0]) * (6 if is_complex(y[0]) else 1)
    return _products(y[0]) * size(y[0]) * terms


def is_in_groups(eqn: ir.JaxprEqn) -> bool:
    """Whether a convolution has groups of a batch, as the pull of one by features has.

    XLA for CPUs has no kernel for it: it loops over entries, and over zeros between.
    """
    return eqn.params.get("batch_group_count", 1) > 1


def _convolution(x: Avals, y: Avals, params: Params) -> int:
    """Products of a kernel entry with an entry of the operand that is there."""
    operand, kernel, result = params["dimension_numbers"]
    positions = 1
    for i, padding in enumerate(params["padding"]):
        positions *= _meetings(
            x[0].shape[operand[2 + i]],
            x[1].shape[kernel[2 + i]],
            y[0].shape[result[2 + i]],
            params["window_strides"][i],
            params["rhs_dilation"][i],
            params["lhs_dilation"][i],
            padding[0],
        )
    features = x[1].shape[kernel[0]] * x[1].shape[kernel[1]]
    batch = x[0].shape[operand[0]] // params["batch_group_count"]
    return _products(x[0]) * batch * features * positions


@cache
def _meetings(
    x: int, kernel: int, y: int, stride: int, hole: int, spread: int, before: int
) -> int:
    """Pairs of a result and a kernel entry that meet an entry of the operand."""
    places = stride * np.arange(y)[:, None] + hole * np.arange(kernel) - before
    inside = (places >= 0) & (places <= (x - 1) * spread) & (places % spread == 0)
    return int(inside.sum())


def _transform(x: Avals, y: Avals, params: Params) -> int:
    """5 n log2 n for each complex transform of length n, half of it for real ones."""
    n = math.prod(params["fft_lengths"])
    is_real = not (is_complex(x[0]) and is_complex(y[0]))
    entries = size(y[0] if is_complex(x[0]) else x[0])
    return round(entries * 5 * math.log2(max(n, 1)) / (2 if is_real else 1))


# Linear algebra -----------------------------------------------------------------------


def _matrices(count: Callable[[int, int], int]) -> Count:
    """Rows that count one ``m x n`` matrix, for each in a batch of them."""

    def counted(x: Avals, y: Avals, params: Params) -> int:
        *batch, m, n = x[0].shape
        return math.prod(batch) * count(m, n) * (4 if is_complex(x[0]) else 1)

    return counted


def _lu(m: int, n: int) -> int:
    k = min(m, n)
    return 2 * m * n * k - (m + n) * k**2 + 2 * k**3 // 3


def _reflectors(m: int, n: int) -> int:
    k = min(m, n)
    return 2 * max(m, n) * k**2 - 2 * k**3 // 3


def _qr(m: int, n: int) -> int:
    return _reflectors(m, n) + _orthogonal(m, min(m, n), min(m, n))


def _orthogonal(m: int, n: int, k: int) -> int:
    return 4 * m * n * k - 2 * (m + n) * k**2 + 4 * k**3 // 3


def _singular(m: int, n: int) -> int:
    k, long = min(m, n), max(m, n)
    return 4 * long**2 * k + 8 * long * k**2 + 9 * k**3


def _triangular(x: Avals, y: Avals, params: Params) -> int:
    n = x[0].shape[-1]
    return size(y[0]) * n * (4 if is_complex(x[0]) else 1)


def _product_of_reflectors(x: Avals, y: Avals, params: Params) -> int:
    *batch, m, n = y[0].shape
    count = _orthogonal(m, n, x[1].shape[-1])
    return math.prod(batch) * count * (4 if is_complex(x[0]) else 1)


def _tridiagonal(x: Avals, y: Avals, params: Params) -> int:
    return (3 * size(x[0]) + 5 * size(y[0])) * (4 if is_complex(x[0]) else 1)


CONTRACTIONS: dict[ir.Primitive, Count] = {
    lax.dot_general_p: _dot,
    lax.conv_general_dilated_p: _convolution,
    lax.fft_p: _transform,
    linalg.cholesky_p: _matrices(lambda m, n: n**3 // 3),
    linalg.triangular_solve_p: _triangular,
    linalg.lu_p: _matrices(_lu),
    linalg.qr_p: _matrices(_qr),
    primitives.geqrf_p: _matrices(_reflectors),
    primitives.geqp3_p: _matrices(_reflectors),
    linalg.householder_product_p: _product_of_reflectors,
    linalg.eigh_p: _matrices(lambda m, n: 9 * n**3),
    linalg.eig_p: _matrices(lambda m, n: 25 * n**3),
    linalg.schur_p: _matrices(lambda m, n: 25 * n**3),
    linalg.hessenberg_p: _matrices(lambda m, n: 10 * n**3 // 3),
    linalg.tridiagonal_p: _matrices(lambda m, n: 4 * n**3 // 3),
    linalg.svd_p: _matrices(_singular),
    linalg.tridiagonal_solve_p: _tridiagonal,
}
