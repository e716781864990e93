"""Rules of the matrix factorizations and of the solves with structured matrices.

Each writes the tangent of the results out of products and triangular solves, over the
results that are there already: nothing is factorized again. A' stands for the tangent
of A and X* for the conjugate transpose of X.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax import lax
from jax.lax.linalg import (
    cholesky_p,
    hessenberg_p,
    householder_product_p,
    lu_p,
    qr_p,
    schur_p,
    triangular_solve_p,
    tridiagonal_p,
    tridiagonal_solve_p,
)

from irad._compat import primitives as private
from irad.linear_map import Apply, Array
from irad.rules.matrices import (
    adjoint,
    block,
    conj,
    eye_like,
    hermitian,
    is_complex,
    matmul,
    on_diagonal,
    permuted_columns,
    permuted_rows,
    solve,
    stacked,
    transposed,
    tril,
    triu,
    where,
)
from irad.rules.registry import (
    Rule,
    WrittenOut,
    by_case,
    constant,
    linear_in,
    unsupported,
    written_out,
)

Tangents = Sequence[Any]

# Cholesky factors ---------------------------------------------------------------------

# From which size on a matrix is split in two, then its halves, then theirs: measured on
# a CPU; smaller blocks lose more in calls than they save in operations.
SPLIT_FROM = (64, 128, 128)


@written_out(cholesky_p)
def _cholesky(y: Array, x: Any, t: Tangents) -> Array:
    """L' = L phi(L^-1 A' L^-*), phi being the lower triangle with half the diagonal.

    (Murray, "Differentiation of the Cholesky decomposition", 2016.) Of A' it reads the
    lower triangle, as the primitive does of A.
    """
    del x
    return _cholesky_tangent(y, t[0], SPLIT_FROM)


def _cholesky_tangent(L: Array, t: Array, split_from: tuple[int, ...]) -> Array:
    """The tangent of a factor, by blocks: L21 = A21 L11^-*, L22 = chol(A22 - L21 L21*).

    The formula for a whole matrix takes 4 n^3 operations in reverse mode, most of them
    on zeros. Splitting in two once leaves 1.6 n^3, twice 1.0 n^3; the limit is 2/3 n^3.
    """
    n = L.shape[-1]
    if not split_from or n < split_from[0]:
        return _cholesky_tangent_of_block(L, t)
    a, b = slice(n // 2), slice(n // 2, n)
    L11, L21, L22 = block(L, a, a), block(L, b, a), block(L, b, b)
    t11 = _cholesky_tangent(L11, block(t, a, a), split_from[1:])
    t21 = lax.linalg.triangular_solve(
        L11,
        block(t, b, a) - matmul(L21, adjoint(t11)),
        lower=True,
        transpose_a=True,
        conjugate_a=True,
    )
    product = matmul(t21, adjoint(L21))
    rest = block(t, b, b) - (product + adjoint(product))
    t22 = _cholesky_tangent(L22, rest, split_from[1:])
    return stacked([[t11, lax.full_like(adjoint(t21), 0)], [t21, t22]])


def _cholesky_tangent_of_block(L: Array, t: Array) -> Array:
    """L phi(L^-1 A' L^-*), A' being read from its lower triangle."""
    diagonal = on_diagonal(t)
    factor = tril(L)
    right = lax.linalg.triangular_solve(
        factor, hermitian(t), lower=True, transpose_a=True, conjugate_a=True
    )
    solved = lax.linalg.triangular_solve(factor, right, left_side=True, lower=True)
    one = lax.full_like(t, 1)
    return matmul(factor, tril(solved * lax.select(diagonal, one / 2, one)))


@written_out(private.cholesky_update_p)
def _cholesky_update(y: Array, x: Any, t: Tangents) -> Array:
    """The tangent of the upper factor of R^T R + w w^T, as of any Cholesky factor."""
    (R, w), (R_dot, w_dot) = x, t
    half = []
    if R_dot is not None:
        half.append(matmul(transposed(triu(R_dot)), triu(R)))
    if w_dot is not None:
        half.append(lax.expand_dims(w_dot, (1,)) * lax.expand_dims(w, (0,)))
    total = half[0] if len(half) == 1 else half[0] + half[1]
    return transposed(
        _cholesky_tangent(transposed(y), total + transposed(total), SPLIT_FROM)
    )


@written_out(private.symmetric_product_p)
def _symmetric_product(
    y: Array, x: Any, t: Tangents, *, alpha: float, beta: float
) -> Array:
    """Of alpha A A^T + beta C: alpha (A' A^T + A A'^T) + beta C'."""
    del y
    a_dot, c_dot = t
    terms = []
    if a_dot is not None:
        half = matmul(a_dot, transposed(x[0]))
        terms.append((half + transposed(half)) * alpha)
    if c_dot is not None:
        terms.append(c_dot * beta)
    return terms[0] if len(terms) == 1 else terms[0] + terms[1]


# LU and QR factors --------------------------------------------------------------------


@written_out(lu_p)
def _lu(y: Any, x: Any, t: Tangents) -> tuple[Array | None, ...]:
    """L' = L tril(F, -1) and U' = triu(F) U with F = L^-1 P A' U^-1.

    (de Hoog, Anderssen and Lukas, "Differentiation of matrix functionals using
    triangular factorization", 2011.) What a wide or tall matrix has beside the square
    part follows from the product: U2' = L^-1 P A2' - tril(F, -1) U2, and L2' likewise.
    """
    del x
    lu, _, permutation = y
    m, n = lu.shape[-2:]
    k = min(m, n)
    head, tail = slice(k), slice(k, None)
    square = block(lu, head, head)
    moved = permuted_rows(t[0], permutation)
    solved = lax.linalg.triangular_solve(
        square,
        block(moved, head, slice(None)),
        left_side=True,
        lower=True,
        unit_diagonal=True,
    )
    left = block(solved, head, head)
    if m > k:
        left = stacked([[left], [block(moved, tail, head)]])
    F = lax.linalg.triangular_solve(square, left)
    F1 = block(F, head, head)
    L = tril(square, -1) + eye_like(square)
    blocks = [[matmul(L, tril(F1, -1)) + matmul(triu(F1), triu(square))]]
    if n > k:
        rest = matmul(tril(F1, -1), block(lu, head, tail))
        blocks[0].append(block(solved, head, tail) - rest)
    if m > k:
        rest = matmul(block(lu, tail, head), triu(F1))
        blocks.append([block(F, tail, head) - rest])
    return stacked(blocks), None, None


@written_out(qr_p)
def _qr(
    y: Any, x: Any, t: Tangents, *, pivoting: bool, full_matrices: bool, use_magma: Any
) -> tuple[Array | None, ...]:
    """Q' and R' by the thin factorization of the leading square or tall part of X.

    The matrix X1 of the leading columns of a wide X has the factors Q and R1, and the
    others are R2 = Q* X2.
    """
    del use_magma
    (x,), (t,) = x, t
    q, r, *pivots = y
    m, n = x.shape[-2:]
    k = min(m, n)
    if pivoting:
        x, t = permuted_columns(x, pivots[0]), permuted_columns(t, pivots[0])
    every, head, tail = slice(None), slice(k), slice(k, None)
    thin = block(q, every, head)
    q_dot, r_dot = _thin_qr(thin, block(r, head, head), block(t, every, head))
    if n > m:
        rest = matmul(adjoint(q_dot), block(x, every, tail), None)
        rest += matmul(adjoint(q), block(t, every, tail), None)
        r_dot = stacked([[r_dot, rest]])
    if m > n and full_matrices:
        q_dot = stacked([[q_dot, _complement(q, q_dot)]])
        r_dot = stacked(
            [[r_dot], [lax.full_like(r_dot, 0, shape=(*r.shape[:-2], m - n, n))]]
        )
    return (q_dot, r_dot, *(None for _ in pivots))


def _thin_qr(q: Array, r: Array, t: Array) -> tuple[Array, Array]:
    """Q' = Q (W - C) + X' R^-1 and R' = (C - W) R with C = Q* X' R^-1.

    W is skew-Hermitian with the strict lower triangle of C, and so that R keeps a real
    diagonal. (Townsend, "Differentiating the QR decomposition", 2018.)
    """
    solved = lax.linalg.triangular_solve(r, t)
    C = matmul(adjoint(q), solved, None)
    lower = tril(C, -1)
    skew = lower - adjoint(lower)
    if is_complex(C):
        imaginary = C - lax.convert_element_type(lax.real(C), C.dtype)
        skew += where(on_diagonal(C), imaginary)
    return matmul(q, skew - C, None) + solved, matmul(C - skew, r, None)


def _complement(q: Array, q_dot: Array) -> Array:
    """The tangent of the columns of a full Q that span the complement of X's columns.

    With Q1 the thin factor, upper block Qn and lower block Qp, and Z = Qp (Qn - I)^-1:
    Q2' = Q1' Z* - (Q1 + Q2 Z) (Qp' - Z Qn')*. This is the choice that Householder
    reflectors make (https://arxiv.org/abs/2409.13374, equations 32 and 33).
    """
    n = q_dot.shape[-1]
    every, head, tail = slice(None), slice(n), slice(n, None)
    square = block(q, head, head)
    z_h = solve(adjoint(square - eye_like(square)), adjoint(block(q, tail, head)))
    z = adjoint(z_h)
    frame = block(q, every, head) + matmul(block(q, every, tail), z, None)
    turned = block(q_dot, tail, every) - matmul(z, block(q_dot, head, every), None)
    return matmul(q_dot, z_h, None) - matmul(frame, adjoint(turned), None)


# Solves with structured matrices ------------------------------------------------------


def _with_transposed(c: Array, J: Apply) -> Array:
    """Solves with the transposed triangular matrix."""
    params = J.params | {"transpose_a": not J.params["transpose_a"]}
    return lax.linalg.triangular_solve(J.others[0], c, **params)


TRIANGULAR_IN_B = linear_in(None, _with_transposed)


@by_case(triangular_solve_p)
def _choose_triangular(params: Any, avals: Any, active: tuple[int, ...]) -> Rule:
    """Linear in the right-hand side alone."""
    del params, avals
    return TRIANGULAR_IN_B if active == (1,) else WrittenOut(_triangular)


def _triangular(
    y: Array, x: Any, t: Tangents, *, left_side: bool, lower: bool, **params: Any
) -> Array:
    """X' = A^-1 (B' - A' X), or from the right; A' is read where the primitive reads A.

    Where B is inactive and wide, A^-1 A' comes first: it is the smaller one, as in JAX.
    """
    A, B = x
    A_dot, B_dot = t
    inner = 1 if params["unit_diagonal"] else 0
    A_dot = lax.neg(tril(A_dot, -inner) if lower else triu(A_dot, inner))
    A_dot = transposed(A_dot) if params["transpose_a"] else A_dot
    A_dot = conj(A_dot) if params["conjugate_a"] else A_dot

    def solved(b: Array) -> Array:
        return lax.linalg.triangular_solve(
            A, b, left_side=left_side, lower=lower, **params
        )

    def product(a: Array) -> Array:
        return matmul(a, y) if left_side else matmul(y, a)

    others = B.shape[-1] if left_side else B.shape[-2]
    if B_dot is None and others >= A.shape[-1]:
        return product(solved(A_dot))
    moved = product(A_dot)
    return solved(moved if B_dot is None else B_dot + moved)


def _with_transposed_diagonals(c: Array, J: Apply) -> Array:
    """Solves with the transposed tridiagonal matrix: the outer diagonals exchanged.

    Each is stored with an element outside the matrix: the lower one's first, the upper
    one's last.
    """
    lower, d, upper, _ = J.others
    return lax.linalg.tridiagonal_solve(
        _shifted(upper, 1), d, _shifted(lower, -1), c, **J.params
    )


def _shifted(v: Array, places: int) -> Array:
    """A vector moved towards its end or its start, with zeros behind it."""
    config = [(0, 0, 0)] * (v.ndim - 1) + [(places, -places, 0)]
    return lax.pad(v, lax.full_like(v, 0, shape=()), config)


TRIDIAGONAL_IN_B = linear_in(None, None, None, _with_transposed_diagonals)


@by_case(tridiagonal_solve_p)
def _choose_tridiagonal(params: Any, avals: Any, active: tuple[int, ...]) -> Rule:
    """Linear in the right-hand side alone."""
    del params, avals
    return TRIDIAGONAL_IN_B if active == (3,) else WrittenOut(_tridiagonal)


def _tridiagonal(y: Array, x: Any, t: Tangents, **params: Any) -> Array:
    """X' = A^-1 (B' - A' X)."""
    lower_dot, d_dot, upper_dot, moved = t
    places = (
        (lower_dot, slice(1, None), slice(None, -1), (1, 0, 0)),
        (d_dot, slice(None), slice(None), (0, 0, 0)),
        (upper_dot, slice(None, -1), slice(1, None), (0, 1, 0)),
    )
    for diagonal, rows, columns, pad in places:
        if diagonal is None:
            continue
        column = lax.expand_dims(diagonal, (diagonal.ndim,))
        product = block(column, rows, slice(1)) * block(y, columns, slice(None))
        padding = [(0, 0, 0)] * (y.ndim - 2) + [pad, (0, 0, 0)]
        product = lax.pad(product, lax.full_like(product, 0, shape=()), padding)
        moved = lax.neg(product) if moved is None else moved - product
    lower, d, upper, _ = x
    return lax.linalg.tridiagonal_solve(lower, d, upper, moved, **params)


# No derivative ------------------------------------------------------------------------

constant(private.lu_pivots_to_permutation_p, "a permutation is made of integers")

for _primitive, _reason in {
    private.geqrf_p: "reflectors are an inner form of qr, which has a rule",
    private.geqp3_p: "reflectors are an inner form of qr, which has a rule",
    householder_product_p: "reflectors are an inner form of qr, which has a rule",
    private.ormqr_p: "reflectors are an inner form of qr, which has a rule",
    hessenberg_p: "a step towards eigenvalues, and eig and eigh have rules",
    tridiagonal_p: "a step towards eigenvalues, and eig and eigh have rules",
    schur_p: "a step towards eigenvalues, and eig and eigh have rules",
}.items():
    unsupported(_primitive, f"JAX has no rule either: {_reason}")
