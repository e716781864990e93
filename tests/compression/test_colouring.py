"""Colourings hold every entry of a pattern by itself, in few products."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from irad.compression import colouring, symmetric
from irad.compression.pattern import Pattern, from_csr
from irad.planning.substitution import Substitution

RNG = np.random.default_rng(0)

matrices = hnp.arrays(
    np.bool_, st.tuples(st.integers(0, 8), st.integers(0, 8)), fill=st.just(False)
)
square = st.integers(0, 9).flatmap(
    lambda n: hnp.arrays(np.bool_, (n, n), fill=st.just(False))
)


def pattern(matrix: Any) -> Pattern:
    return from_csr(scipy.sparse.csr_array(np.asarray(matrix)))


def values(p: Pattern) -> np.ndarray:
    """A matrix with the pattern, and random entries."""
    whole = p.csr().toarray()
    return np.where(whole, RNG.normal(size=whole.shape), 0.0)


def seeds(colours: np.ndarray, count: int) -> np.ndarray:
    return (colours[:, None] == np.arange(count)).astype(float)


def held(products: list[np.ndarray], where: colouring.Decompression) -> np.ndarray:
    pairs = zip(where.product, where.place, strict=True)
    return np.array([products[c][k] for c, k in pairs])


def at_entries(A: np.ndarray, p: Pattern) -> np.ndarray:
    return A[colouring.entries(p)]


def check_columns(p: Pattern, found: colouring.Colouring) -> None:
    A = values(p)
    products = list((A @ seeds(found.colours, found.count)).T)
    np.testing.assert_array_equal(held(products, found.decompression), at_entries(A, p))
    used = np.unique(found.colours[found.colours >= 0])
    np.testing.assert_array_equal(used, np.arange(found.count))


def symmetrised(p: Pattern) -> np.ndarray:
    A = values(p)
    return np.triu(A) + np.triu(A, 1).T


@given(matrices)
def test_products_of_column_colours_hold_every_entry(matrix):
    p = pattern(matrix)
    check_columns(p, colouring.columns(p))
    check_columns(p, colouring.columns(p, shape=(matrix.shape[1],)))


@given(matrices)
def test_products_of_row_colours_hold_every_entry(matrix):
    p = pattern(matrix)
    found, A = colouring.rows(p), values(p)
    products = list((A.T @ seeds(found.colours, found.count)).T)
    np.testing.assert_array_equal(held(products, found.decompression), at_entries(A, p))


@given(matrices)
def test_two_sided_products_hold_every_entry(matrix):
    p = pattern(matrix)
    found, A = colouring.two_sided(p), values(p)
    products = [
        *(A @ seeds(found.columns, found.num_columns)).T,
        *(A.T @ seeds(found.rows, found.num_rows)).T,
    ]
    np.testing.assert_array_equal(held(products, found.decompression), at_entries(A, p))
    one_side = min(colouring.columns(p).count, colouring.rows(p).count)
    assert found.count <= one_side


@given(square)
def test_products_of_a_star_colouring_hold_every_entry(matrix):
    p = pattern(matrix | matrix.T)
    found, A = symmetric.star(p), symmetrised(p)
    products = list((A @ seeds(found.colours, found.count)).T)
    np.testing.assert_array_equal(held(products, found.decompression), at_entries(A, p))


@given(square)
def test_entries_follow_from_an_acyclic_colouring_by_substitution(matrix):
    p = pattern(matrix | matrix.T)
    found, A = symmetric.acyclic(p), symmetrised(p)
    products = list((A @ seeds(found.colours, found.count)).T)
    entries = held(products, found.decompression)
    for k in np.argsort(found.level, kind="stable"):
        terms = found.subtract[found.starts[k] : found.starts[k + 1]]
        assert (found.level[terms] < found.level[k]).all()
        entries[k] -= entries[terms].sum()
    np.testing.assert_allclose(entries, at_entries(A, p), atol=1e-12)


@settings(max_examples=25)
@given(square)
def test_substitution_solves_the_products_of_an_acyclic_colouring(matrix):
    p = pattern(matrix | matrix.T)
    found, A = symmetric.acyclic(p), symmetrised(p)
    solution = Substitution.of(p, found)
    values = solution.solved(jnp.asarray((A @ seeds(found.colours, found.count)).T))
    expected = at_entries(A, p)
    np.testing.assert_allclose(values[solution.number], expected, atol=1e-12)


def tridiagonal(n: int) -> np.ndarray:
    return abs(np.subtract.outer(np.arange(n), np.arange(n))) <= 1


def arrow(n: int) -> np.ndarray:
    A = np.eye(n, dtype=bool)
    A[0] = A[:, 0] = True
    return A


def five_points(n: int, m: int) -> np.ndarray:
    at = np.stack(np.unravel_index(np.arange(n * m), (n, m)))
    return abs(at[:, :, None] - at[:, None]).sum(0) <= 1


@pytest.mark.parametrize(
    ("matrix", "shape", "count"),
    [
        (np.eye(7), None, 1),
        (np.ones((3, 5)), None, 5),
        (np.zeros((3, 5)), None, 0),
        (tridiagonal(50), None, 3),
        (tridiagonal(50), (50,), 3),
        (five_points(9, 11), (9, 11), 5),
        (np.kron(np.eye(4), np.ones((3, 2))), None, 2),
    ],
)
def test_known_patterns_need_so_many_columns(matrix, shape, count):
    assert colouring.columns(pattern(matrix), shape).count == count


def test_an_arrow_needs_three_products_of_both_sides():
    found = colouring.two_sided(pattern(arrow(30)))
    assert found.count == 3
    assert colouring.columns(pattern(arrow(30))).count == 30


def test_symmetric_colourings_need_fewer_products_than_columns():
    assert symmetric.star(pattern(arrow(30))).count == 2
    assert symmetric.acyclic(pattern(arrow(30))).count == 2
    assert symmetric.star(pattern(tridiagonal(30))).count == 3
    assert symmetric.acyclic(pattern(tridiagonal(30))).count == 2
    grid = pattern(five_points(6, 6))
    assert symmetric.acyclic(grid).count <= symmetric.star(grid).count
