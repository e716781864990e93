"""Textbook counts of the routines that XLA calls by name, LAPACK and its kin.

Golub, Van Loan, Matrix computations (4th edition, 2013), and the operation counts of
LAPACK Working Note 41. Iterative routines (eigenvalues, singular values) are given
the usual estimate.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from irad.instruments.hlo import Array

Shape = Sequence[Array]


def flops(target: str, operands: Shape, results: Shape) -> int | None:
    """Flops of the custom call ``target``, or ``None`` if its name says nothing."""
    for pattern, count in ROUTINES.items():
        if re.search(pattern, target):
            return count(operands, results)
    return None


def cholesky(operands: Shape, _: Shape) -> int:
    """A square matrix into its factor: n^3 / 3."""
    return _times(operands[0], _square(operands[0]) ** 3 // 3)


def triangular(operands: Shape, results: Shape) -> int:
    """A triangular system: n for each entry of the result."""
    n = _square(operands[0])
    return results[0].size * n * (4 if results[0].is_complex else 1)


def _factors(operands: Shape, _: Shape) -> int:
    """An m x n matrix into L and U: 2 (m n k - (m + n) k^2 / 2 + k^3 / 3)."""
    m, n, k = _sides(operands[0])
    return _times(operands[0], 2 * m * n * k - (m + n) * k**2 + 2 * k**3 // 3)


def _reflectors(operands: Shape, _: Shape) -> int:
    """A matrix into reflectors and R: 2 l k^2 - 2 k^3 / 3, of sides l >= k."""
    m, n, k = _sides(operands[0])
    return _times(operands[0], 2 * max(m, n) * k**2 - 2 * k**3 // 3)


def _orthogonal(operands: Shape, results: Shape) -> int:
    """Q written out from k reflectors: 4 m n k - 2 (m + n) k^2 + 4 k^3 / 3."""
    m, n, _ = _sides(results[0])
    k = operands[1].dims[-1]
    count = 4 * m * n * k - 2 * (m + n) * k**2 + 4 * k**3 // 3
    return _times(results[0], count)


def _symmetric(operands: Shape, _: Shape) -> int:
    """Eigenvalues and vectors of a symmetric matrix: 9 n^3."""
    return _times(operands[0], 9 * _square(operands[0]) ** 3)


def _eigenvalues(operands: Shape, _: Shape) -> int:
    """Eigenvalues and vectors of a square matrix: 25 n^3."""
    return _times(operands[0], 25 * _square(operands[0]) ** 3)


def _singular(operands: Shape, _: Shape) -> int:
    """Singular values and vectors: 4 m^2 n + 8 m n^2 + 9 n^3 with m >= n."""
    m, n, k = _sides(operands[0])
    long = max(m, n)
    return _times(operands[0], 4 * long**2 * k + 8 * long * k**2 + 9 * k**3)


def _tridiagonal(operands: Shape, results: Shape) -> int:
    """A tridiagonal system: 3 n to eliminate, 5 for each entry of the result."""
    count = 3 * operands[0].size + 5 * results[-1].size
    return count * (4 if operands[0].is_complex else 1)


def _nothing(_: Shape, __: Shape) -> int:
    return 0


ROUTINES: dict[str, Callable[[Shape, Shape], int]] = {
    r"potrf": cholesky,
    r"trsm": triangular,
    r"getrf": _factors,
    r"geqrf|geqp3": _reflectors,
    r"(orgqr|ungqr)": _orthogonal,
    r"(syev|heev)": _symmetric,
    r"gesvd|gesdd": _singular,
    r"geev": _eigenvalues,
    r"gtsv": _tridiagonal,
    r"^(Sharding|SPMD|LayoutConstraint|TopK|annotate_device_placement)": _nothing,
    r"threefry|lu_pivots_to_permutation|ResultTiling": _nothing,
}


def _square(matrix: Array) -> int:
    return matrix.dims[-1]


def _sides(matrix: Array) -> tuple[int, int, int]:
    m, n = matrix.dims[-2:]
    return m, n, min(m, n)


def _times(matrix: Array, count: int) -> int:
    """For each matrix of a batch, and four times for complex entries."""
    batch = math.prod(matrix.dims[:-2])
    return batch * count * (4 if matrix.is_complex else 1)
