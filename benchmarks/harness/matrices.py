"""Derivatives in any format as sparse matrices, and whether two are the same."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jax.experimental import sparse as jax_sparse
from scipy import sparse

from benchmarks.programs.derivative import Pattern
from irad.errors import DisagreementError


def matrix(
    result: Any, shape: tuple[int, int], pattern: Pattern | None = None
) -> sparse.csr_array:
    """The derivative as rows by columns: of an array, a BCOO, values at a pattern."""
    if isinstance(result, jax_sparse.BCOO):
        return _entries(np.asarray(result.data), *_places(result, shape), shape)
    values = np.asarray(result)
    if pattern is not None:
        return _entries(values, pattern.rows, pattern.columns, shape)
    if values.size != math.prod(shape):
        raise DisagreementError(f"the result is {list(values.shape)} for {list(shape)}")
    return sparse.csr_array(values.reshape(shape))


def agree_by_rows(
    result: sparse.csr_array, reference: sparse.csr_array, *, tolerance: float
) -> float:
    """The largest difference, relative to the largest entry of its row.

    Relative to its row, a missing entry shows in a matrix of any range. Raises
    ``DisagreementError`` beyond the tolerance, and where anything is not finite.
    """
    if result.dtype != reference.dtype:
        raise DisagreementError(f"{result.dtype} against {reference.dtype}")
    if not (np.isfinite(result.data).all() and np.isfinite(reference.data).all()):
        raise DisagreementError("a derivative has NaN or inf")
    apart = _largest(abs(result - reference))
    scale = _largest(abs(reference))
    relative = apart / np.where(scale > 0, scale, 1)
    worst = float(relative.max(initial=0.0))
    if worst > tolerance:
        row = int(relative.argmax())
        raise DisagreementError(
            f"values differ in row {row} by {worst:.2g} of its largest entry, where "
            f"{tolerance:.2g} is allowed"
        )
    return worst


def _entries(
    values: np.ndarray, rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]
) -> sparse.csr_array:
    if values.shape != rows.shape:
        raise DisagreementError(f"{list(values.shape)} values at {len(rows)} places")
    return sparse.coo_array((values, (rows, columns)), shape).tocsr()


def _places(
    result: jax_sparse.BCOO, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the stored entries, outputs before inputs."""
    if result.n_batch or result.n_dense or math.prod(result.shape) != math.prod(shape):
        raise DisagreementError(f"the result is {result} for {list(shape)}")
    flat = np.ravel_multi_index(tuple(np.asarray(result.indices).T), result.shape)
    rows, columns = np.divmod(flat, shape[1])
    return rows, columns


def _largest(x: sparse.csr_array) -> np.ndarray:
    """The largest entry of each row of a matrix without negative ones."""
    return x.max(axis=1).toarray().ravel() if x.nnz else np.zeros(x.indptr.size - 1)
