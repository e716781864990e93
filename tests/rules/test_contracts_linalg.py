"""What the rules of contractions and linear algebra take for granted of JAX.

Each row: a function that makes one primitive, its operands in the order the rules read
them, the shapes of its results in their order, and its params.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import jaxprs_in_params
from jax.extend.core import primitives as public

from irad._compat import primitives as private

X, W = jnp.ones((2, 3)), jnp.ones((3, 4))
A, V = jnp.eye(3), jnp.ones(3)
TALL = jnp.ones((4, 3))
ROWS_OF_GROUPS = (X, jnp.ones((2, 3, 4)), np.array([1, 1], np.int32))
DOT = {"dimension_numbers", "precision", "preferred_element_type", "out_sharding"}
SOLVE = {"left_side", "lower", "transpose_a", "conjugate_a", "unit_diagonal"}
ALL_PARTS = {"subset_by_index", "algorithm"}

Shapes = list[tuple[int, ...]]
Row = tuple[Callable[..., Any], tuple[Any, ...], Shapes, set[str]]
ROWS: dict[Any, Row] = {
    lax.dot_general_p: (jnp.matmul, (X, W), [(2, 4)], DOT),
    private.ragged_dot_general_p: (
        lax.ragged_dot,
        ROWS_OF_GROUPS,
        [(2, 4)],
        DOT - {"dimension_numbers"} | {"ragged_dot_dimension_numbers", "group_offset"},
    ),
    lax.conv_general_dilated_p: (
        lambda x, w: lax.conv_general_dilated(x, w, (1,), "VALID"),
        (jnp.ones((2, 3, 6)), jnp.ones((4, 3, 3))),
        [(2, 4, 4)],
        DOT
        | {"window_strides", "padding", "lhs_dilation", "rhs_dilation"}
        | {"feature_group_count", "batch_group_count"},
    ),
    lax.fft_p: (
        lambda x: lax.fft(x, "RFFT", (3,)),
        (X,),
        [(2, 2)],
        {"fft_type", "fft_lengths"},
    ),
    public.cholesky_p: (jnp.linalg.cholesky, (A,), [(3, 3)], set()),
    private.cholesky_update_p: (lax.linalg.cholesky_update, (A, V), [(3, 3)], set()),
    private.symmetric_product_p: (
        lambda a, c: lax.linalg.symmetric_product(a, c, symmetrize_output=False),
        (W, A),
        [(3, 3)],
        {"alpha", "beta"},
    ),
    public.lu_p: (lax.linalg.lu, (TALL,), [(4, 3), (3,), (4,)], set()),
    public.qr_p: (
        lambda x: lax.linalg.qr(x, pivoting=True),
        (TALL,),
        [(4, 4), (4, 3), (3,)],
        {"pivoting", "full_matrices", "use_magma"},
    ),
    public.eigh_p: (
        lax.linalg.eigh,
        (A,),
        [(3, 3), (3,)],
        ALL_PARTS | {"lower", "sort_eigenvalues"},
    ),
    public.eig_p: (
        lax.linalg.eig,
        (A,),
        [(3,), (3, 3), (3, 3)],
        {"compute_left_eigenvectors", "compute_right_eigenvectors"}
        | {"enable_eigvec_derivs", "implementation"},
    ),
    public.svd_p: (
        lax.linalg.svd,
        (TALL,),
        [(3,), (4, 4), (3, 3)],
        ALL_PARTS | {"full_matrices", "compute_uv"},
    ),
    public.triangular_solve_p: (
        lambda a, b: lax.linalg.triangular_solve(a, b, left_side=True),
        (A, W),
        [(3, 4)],
        SOLVE,
    ),
    public.tridiagonal_solve_p: (
        lax.linalg.tridiagonal_solve,
        (V, V, V, W),
        [(3, 4)],
        {"perturb_singular"},
    ),
}


@pytest.mark.parametrize("primitive", ROWS, ids=str)
def test_operands_results_and_params_are_what_the_rule_reads(primitive: Any) -> None:
    make, operands, results, params = ROWS[primitive]
    (eqn,) = [e for e in _equations(make, *operands) if e.primitive is primitive]
    assert [v.aval.shape for v in eqn.invars] == [np.shape(x) for x in operands]
    assert [v.aval.shape for v in eqn.outvars] == results
    assert set(eqn.params) == params


def _equations(fun: Any, *x: Any) -> list[Any]:
    """All equations of a function's jaxpr, those of inner ones too."""
    pending, found = [jax.make_jaxpr(fun)(*x).jaxpr], []
    while pending:
        for eqn in pending.pop().eqns:
            found.append(eqn)
            pending += jaxprs_in_params(eqn.params)
    return found


def test_axes_of_a_product_are_batch_then_left_then_right() -> None:
    numbers = (((2,), (0,)), ((1,), (2,)))
    y = lax.dot_general(jnp.ones((2, 3, 4)), jnp.ones((4, 5, 3)), numbers)
    assert y.shape == (3, 2, 5)


def test_a_cholesky_factor_is_read_from_the_lower_triangle() -> None:
    x = jnp.array([[4.0, jnp.nan], [2.0, 5.0]])
    y = lax.linalg.cholesky(x, symmetrize_input=False)
    np.testing.assert_allclose(y, [[2, 0], [1, 2]])


def test_pivots_are_the_order_of_rows_and_of_columns() -> None:
    x = jnp.array([[1.0, 2.0], [3.0, 4.0]])
    factors, _, rows = lax.linalg.lu(x)
    lower = jnp.tril(factors, -1) + jnp.eye(2)
    np.testing.assert_allclose(lower @ jnp.triu(factors), x[rows])
    q, r, columns = lax.linalg.qr(x, pivoting=True)
    np.testing.assert_allclose(q @ r, x[:, columns])


def test_a_tridiagonal_matrix_has_its_outer_diagonals_padded() -> None:
    """The lower one at its start, the upper one at its end."""
    lower, d, upper = (
        jnp.array([0, 1.0, 2]),
        jnp.array([5.0, 6, 7]),
        jnp.array([3.0, 4, 0]),
    )
    x = lax.linalg.tridiagonal_solve(lower, d, upper, jnp.ones((3, 1)))
    dense = np.array([[5.0, 3, 0], [1, 6, 4], [0, 2, 7]])
    np.testing.assert_allclose(dense @ x, np.ones((3, 1)))
