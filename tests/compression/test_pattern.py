"""The algebra of patterns, against dense matrices of bools."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from irad.compression import pattern as patterns
from irad.compression.pattern import Pattern, from_csr, identity, stacked, zero

M, N = 6, 5
matrices = hnp.arrays(np.bool_, (M, N), fill=st.just(False))
indices = hnp.arrays(np.int64, st.integers(0, 9), elements=st.integers(-1, M - 1))
pairs = st.lists(st.tuples(st.integers(0, 3), st.integers(0, M - 1)))


def of(matrix: np.ndarray) -> Pattern:
    return from_csr(scipy.sparse.csr_array(matrix))


def dense(p: Pattern) -> np.ndarray:
    return p.csr().toarray()


@given(matrices, matrices, indices)
def test_patterns_are_united_taken_stacked_and_transposed_like_matrices(a, b, index):
    p, q = of(a), of(b)
    rows = np.append(a, np.zeros((1, N), bool), axis=0)
    np.testing.assert_array_equal(dense(p.union(q)), a | b)
    np.testing.assert_array_equal(dense(p.take(index)), rows[index])
    np.testing.assert_array_equal(dense(stacked([p, q, p])), np.vstack([a, b, a]))
    np.testing.assert_array_equal(dense(p.transpose()), a.T)
    assert p.nnz == a.sum()
    assert p.union(q).covers(p)
    assert p.covers(q) == bool((a | ~b).all())


@given(matrices, pairs)
def test_gathered_elements_are_united(a, related):
    results = np.array([r for r, _ in related], np.int64)
    elements = np.array([e for _, e in related], np.int64)
    expected = np.zeros((4, N), bool)
    for r, e in related:
        expected[r] |= a[e]
    np.testing.assert_array_equal(dense(of(a).gathered(results, elements, 4)), expected)


@given(matrices, hnp.arrays(np.bool_, (4, M)))
def test_composition_is_the_boolean_product(a, local):
    expected = (local.astype(int) @ a.astype(int)) > 0
    np.testing.assert_array_equal(dense(of(a).composed(of(local))), expected)


@given(a=matrices, b=matrices, related=pairs)
def test_what_is_too_large_is_widened_and_covers(a, b, related):
    results = np.array([r for r, _ in related], np.int64)
    elements = np.array([e for _, e in related], np.int64)
    exact = of(a).union(of(b)), of(a).gathered(results, elements, 4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patterns, "LIMIT", 2)
        wide = of(a).union(of(b)), of(a).gathered(results, elements, 4)
    for p, q in zip(wide, exact, strict=True):
        assert p.covers(q)


def test_equal_rows_are_one_class():
    p = identity(4, 0, 4).gathered(np.repeat(np.arange(3), 4), np.tile(range(4), 3), 3)
    assert p.sets.shape[0] == 1
    assert p.nnz == 12
    assert zero(3, 4).nnz == 0
