"""Rules of the decompositions into eigenvalues and into singular values.

As in ``linalg``, with the same notation. Derivatives of eigenvectors and of singular
vectors divide by differences of eigenvalues and of squared singular values: where these
are equal the tangent is infinite or NaN, as in JAX.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax
from jax.lax.linalg import eig_p, eigh_p, svd_p

from irad.linear_map import Array, bind
from irad.rules.matrices import (
    adjoint,
    along_rows,
    conj,
    eye_like,
    is_complex,
    matmul,
    numbers_along,
    on_diagonal,
    real,
    solve,
    transposed,
    where,
)
from irad.rules.registry import Rewritten, Rule, WrittenOut, by_case

Tangents = Sequence[Any]


@by_case(eigh_p)
def _choose_eigh(params: Any, avals: Any, active: Any) -> Rule | None:
    """JAX has no derivative of some of the eigenvalues."""
    del active
    return WrittenOut(_eigh) if _all_of(params, avals[0].shape[-1]) else None


def _all_of(params: Any, n: int) -> bool:
    """Whether a factorization computes all of ``n`` values."""
    return params["subset_by_index"] in (None, (0, n))


def _eigh(y: Any, x: Any, t: Tangents, **params: Any) -> tuple[Array, Array]:
    """With P = V* A' V: w' = diag(P), V' = V (F P), F_ij = 1 / (w_j - w_i), F_ii = 0.

    First-order perturbation theory: it takes the eigenvalues to be distinct and A' to
    be Hermitian. The eigenvalues' own tangents take one product of matrices.
    """
    del x, params
    v, w = y
    moved = matmul(t[0], v)
    w_dot = lax.reduce_sum(real(conj(v) * moved), (v.ndim - 2,))
    w = lax.convert_element_type(w, v.dtype)
    eye = eye_like(v)
    row = along_rows(w, w.shape[-1])
    F = lax.integer_pow(eye + row - transposed(row), -1) - eye
    return matmul(v, F * matmul(adjoint(v), moved)), w_dot


@by_case(eig_p)
def _choose_eig(params: Any, avals: Any, active: Any) -> Rule | None:
    """Right eigenvectors are always needed.

    JAX refuses to differentiate a call for vectors without ``enable_eigvec_derivs``.
    """
    del avals, active
    right = params["compute_right_eigenvectors"]
    vectors = right or params["compute_left_eigenvectors"]
    if vectors and not params["enable_eigvec_derivs"]:
        return None
    return WrittenOut(_eig) if right else Rewritten(_eig_with_vectors)


def _eig_with_vectors(x: Array, **params: Any) -> Sequence[Array]:
    """The decomposition with right eigenvectors, which are not returned."""
    params |= {"compute_right_eigenvectors": True, "enable_eigvec_derivs": True}
    return bind(eig_p, [x], params)[:-1]


def _eig(
    y: Any, x: Any, t: Tangents, *, compute_left_eigenvectors: bool, **params: Any
) -> tuple[Array, ...]:
    """With P = V^-1 A' V: w' = diag(P), and the vectors' tangents.

    Left eigenvectors are the right ones of A*, whose eigenvalues are the conjugates.
    """
    del x, params
    w, *vectors = y
    right = vectors[-1]
    A_dot = lax.convert_element_type(t[0], right.dtype)
    solved = solve(right, A_dot)
    w_dot = lax.reduce_sum(solved * transposed(right), (right.ndim - 1,))
    tangents = [w_dot]
    if compute_left_eigenvectors:
        left = vectors[0]
        tangents.append(_eigenvectors(lax.conj(w), left, solve(left, adjoint(A_dot))))
    return (*tangents, _eigenvectors(w, right, solved))


def _eigenvectors(w: Array, v: Array, solved: Array) -> Array:
    """Columns u_j + c_j v_j with U = V (F P), F_ij = 1 / (w_j - w_i), P = ``solved`` V.

    The complex numbers c_j keep what LAPACK makes of vectors that are determined but
    for a factor: of norm 1, and the component of largest absolute value real.
    """
    eye = eye_like(v)
    row = along_rows(w, w.shape[-1])
    F = lax.reciprocal(eye + row - transposed(row)) - eye
    U = matmul(v, F * matmul(solved, v))
    rows = v.ndim - 2
    if not v.shape[rows]:
        return U
    largest = lax.argmax(lax.abs(v), rows, np.int32)
    mask = numbers_along(v, rows) == along_rows(largest, v.shape[-2])
    along = lax.reduce_sum(lax.real(lax.conj(v) * U), (rows,))
    turned = lax.reduce_sum(where(mask, lax.imag(U)), (rows,))
    pivot = lax.reduce_sum(where(mask, lax.real(v)), (rows,))
    c = lax.complex(-along, -turned / pivot)
    return U + v * along_rows(c, v.shape[-2])


@by_case(svd_p)
def _choose_svd(params: Any, avals: Any, active: Any) -> Rule | None:
    """The values' derivative needs the vectors. JAX has none of full vectors."""
    del active
    m, n = avals[0].shape[-2:]
    if not _all_of(params, min(m, n)):
        return None
    if not params["compute_uv"]:
        return Rewritten(_svd_with_vectors)
    return None if params["full_matrices"] and m != n else WrittenOut(_svd)


def _svd_with_vectors(x: Array, **params: Any) -> Sequence[Array]:
    """The decomposition with singular vectors, which are not returned."""
    params |= {"compute_uv": True, "full_matrices": False}
    return bind(svd_p, [x], params)[:1]


def _svd(y: Any, x: Any, t: Tangents, **params: Any) -> tuple[Array, ...]:
    """With D = U* A' V: s' = diag(D), U' = U F (D s + s D*), V' = V F (s D + D* s).

    F_ij = 1 / (s_j^2 - s_i^2) elementwise and F_ii = 0. Where A has more rows (columns)
    than there are singular values, U' (V') has a share outside the span of U (V). The
    values' own tangents take one product of matrices. (Giles, "An extended collection
    of matrix derivative results", 2008.)
    """
    del x, params
    (A_dot,) = t
    s, U, V_h = y
    V = adjoint(V_h)
    m, n = A_dot.shape[-2:]
    long, short = (U, V) if m >= n else (V, U)
    moved = matmul(A_dot if m >= n else adjoint(A_dot), short)
    within = matmul(adjoint(long), moved)
    s_dot = lax.reduce_sum(real(conj(long) * moved), (long.ndim - 2,))
    U_inner, V_inner = _inner_rotations(s, within if m >= n else adjoint(within))
    U_dot, V_dot = matmul(U, U_inner), matmul(V, V_inner)
    if m != n:
        s = lax.convert_element_type(s, U.dtype)
        outside = (moved - matmul(long, within)) / along_rows(s, max(m, n))
        U_dot, V_dot = (U_dot + outside, V_dot) if m > n else (U_dot, V_dot + outside)
    return s_dot, U_dot, adjoint(V_dot)


def _inner_rotations(s: Array, D: Array) -> tuple[Array, Array]:
    """The tangents within the spans: U* U' = F (D s + s D*), V* V' = F (s D + D* s).

    What is left free, a phase of each pair of vectors, is put into U' (complex only).
    """
    column = along_rows(s, s.shape[-1])
    row = transposed(column)
    eye = eye_like(column)
    gaps = 1 / ((column + row) * (column - row) + eye) - eye
    F, column, row = (lax.convert_element_type(a, D.dtype) for a in (gaps, column, row))
    Ds, sD = column * D, row * D
    U_inner = F * (Ds + adjoint(Ds))
    if is_complex(D):
        zero = lax.convert_element_type(column == 0, D.dtype)
        inverse = 1 / (column + zero) - zero
        U_inner += where(on_diagonal(D), (D - adjoint(D)) / 2 * inverse)
    return U_inner, F * (sD + adjoint(sD))
