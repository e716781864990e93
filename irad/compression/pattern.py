"""Patterns: where a variable's Jacobian may be nonzero, in classes of equal rows.

Each element of a variable has a set of columns that it may depend on. Most elements
share theirs with others (all outputs of a dense layer have one set), so the sets are
numbered and each element holds a number.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from irad._compat import scientific

Array = NDArray[Any]
Sets = Any
"""A ``scipy.sparse.csr_array`` of bools with sorted columns: classes x n."""

LIMIT = 20_000_000
"""A result with more entries than this in its sets is widened to a single class."""

MERGED = 256
"""Among fewer entries than this it does not pay to look for equal unions."""

NOTHING = -1
"""The index of an element that depends on nothing."""


@dataclass(frozen=True, eq=False)
class Pattern:
    """The pattern of the Jacobian of a variable's elements, in row-major order.

    Element ``i`` may depend on the columns ``sets[rows[i]]``, and on no others.
    """

    rows: Array
    sets: Sets

    @property
    def shape(self) -> tuple[int, int]:
        """Elements x columns."""
        return len(self.rows), self.sets.shape[1]

    @property
    def nnz(self) -> int:
        """How many entries the whole pattern has."""
        if self.sets.shape[0] == 1:
            return len(self.rows) * self.sets.nnz
        return int(np.diff(self.sets.indptr)[self.rows].sum(dtype=np.int64))

    def csr(self) -> Sets:
        """The pattern with a row for each element."""
        return self.sets[self.rows]

    def take(self, index: Array) -> Pattern:
        """The pattern of chosen elements; ``NOTHING`` chooses none."""
        index = np.asarray(index).ravel()
        absent = index < 0
        if not absent.any():
            return Pattern(self.rows[index], self.sets)
        k, n = self.sets.shape
        if not len(self.rows):
            return zero(len(index), n)
        indptr = np.append(self.sets.indptr, self.sets.indptr[-1:])
        rows = np.where(absent, np.int32(k), self.rows[index])
        return Pattern(rows, csr(self.sets.indices, indptr, n))

    def union(self, other: Pattern) -> Pattern:
        """Each element depends on what it depends on in either pattern."""
        if self is other or not other.sets.nnz:
            return self
        if not self.sets.nnz:
            return other
        k = other.sets.shape[0]
        keys = self.rows.astype(np.int64) * k + other.rows
        pairs, rows = _numbered(keys, self.sets.shape[0] * k)
        p, q = np.divmod(pairs, k)
        if self.sets is other.sets and np.array_equal(p, q):
            return self
        if _work(self.sets, p) + _work(other.sets, q) > LIMIT:
            return self.widened(other)
        return _merged(rows, self.sets[p] + other.sets[q])

    def gathered(self, results: Array, elements: Array, m: int) -> Pattern:
        """The pattern of ``m`` results, ``results[k]`` depending on ``elements[k]``."""
        results, elements = np.ravel(results), np.ravel(elements)
        pairs = (results, self.rows[elements])
        data = np.ones(len(results), np.bool_)
        shape = (m, self.sets.shape[0])
        return self._unions(scientific.sparse().csr_array((data, pairs), shape=shape))

    def composed(self, local: Pattern) -> Pattern:
        """The pattern of what depends by ``local`` on this pattern's elements."""
        classes = self.rows[local.sets.indices]
        chosen = csr(classes, local.sets.indptr, self.sets.shape[0])
        return self._unions(chosen).take(local.rows)

    def _unions(self, chosen: Sets) -> Pattern:
        """The unions of the classes that each row of ``chosen`` names."""
        rows = np.arange(chosen.shape[0], dtype=np.int32)
        if chosen.nnz > MERGED:
            chosen.sum_duplicates()
            distinct = _merged(rows, chosen)
            rows, chosen = distinct.rows, distinct.sets
        if _work(self.sets, chosen.indices) > LIMIT:
            return full(len(rows), self.used_columns(), self.sets.shape[1])
        sets = chosen @ self.sets
        sets.sort_indices()
        return _merged(rows, sets)

    def transpose(self) -> Pattern:
        """The pattern of the transposed Jacobian."""
        sets = self.csr().T.tocsr()
        sets.sort_indices()
        return _merged(np.arange(sets.shape[0], dtype=np.int32), sets)

    def merged(self) -> Pattern:
        """The same pattern, classes of equal sets being one."""
        return _merged(self.rows, self.sets)

    def used_columns(self) -> Array:
        """The columns that some element depends on."""
        used = np.zeros(self.sets.shape[0], np.bool_)
        used[self.rows] = True
        sets = self.sets if used.all() else self.sets[np.flatnonzero(used)]
        present = np.zeros(sets.shape[1], np.bool_)
        present[sets.indices] = True
        return np.flatnonzero(present)

    def widened(self, *others: Pattern) -> Pattern:
        """Every element depends on whatever some element here or there depends on."""
        columns = [p.used_columns() for p in (self, *others)]
        union = functools.reduce(np.union1d, columns)
        return full(len(self.rows), union, self.sets.shape[1])

    def covers(self, other: Pattern) -> bool:
        """Whether every entry of another pattern of this shape is one of this."""
        return self.union(other).nnz == self.nnz


def zero(m: int, n: int) -> Pattern:
    """Elements that depend on none of ``n`` columns."""
    return full(m, np.empty(0, np.int32), n)


def full(m: int, columns: Array, n: int) -> Pattern:
    """Elements that all depend on the same of ``n`` columns, given in order."""
    sets = csr(columns, np.array([0, len(columns)]), n)
    return Pattern(np.zeros(m, np.int32), sets)


def identity(m: int, offset: int, total: int) -> Pattern:
    """Element ``i`` depends on column ``offset + i`` of ``total``."""
    sets = csr(np.arange(offset, offset + m), np.arange(m + 1), total)
    return Pattern(np.arange(m, dtype=np.int32), sets)


def stacked(patterns: Sequence[Pattern]) -> Pattern:
    """The patterns of several variables, one after the other."""
    distinct = list({id(p.sets): p.sets for p in patterns}.values())
    ends = np.cumsum([sets.shape[0] for sets in distinct])
    start = dict(zip(map(id, distinct), [0, *ends], strict=False))
    rows = [p.rows + np.int32(start[id(p.sets)]) for p in patterns]
    if len(distinct) == 1:
        return Pattern(np.concatenate(rows), distinct[0])
    indices = np.concatenate([sets.indices for sets in distinct])
    lengths = np.concatenate([np.diff(sets.indptr) for sets in distinct])
    indptr = np.concatenate([[0], np.cumsum(lengths)])
    return Pattern(np.concatenate(rows), csr(indices, indptr, distinct[0].shape[1]))


def from_csr(matrix: Sets) -> Pattern:
    """The pattern of the stored entries of a sparse matrix."""
    sets = matrix.tocsr().astype(np.bool_)
    sets.sum_duplicates()
    return _merged(np.arange(sets.shape[0], dtype=np.int32), sets)


def csr(indices: Array, indptr: Array, n: int) -> Sets:
    """Sets given by their columns, one after the other, and where each ends."""
    data = np.ones(len(indices), np.bool_)
    arrays = (data, indices.astype(np.int32), indptr.astype(np.int32))
    return scientific.sparse().csr_array(arrays, shape=(len(indptr) - 1, n))


def _work(sets: Sets, chosen: Array) -> int:
    """How many entries the chosen sets have in all."""
    return int(np.diff(sets.indptr)[chosen].sum(dtype=np.int64))


def _numbered(keys: Array, size: int) -> tuple[Array, Array]:
    """The distinct keys in order, and for each key its number among them."""
    if size > 4 * len(keys) + 1024:
        distinct, number = np.unique(keys, return_inverse=True)
        return distinct, number.astype(np.int32)
    present = np.zeros(size, np.bool_)
    present[keys] = True
    number = np.cumsum(present, dtype=np.int32) - np.int32(1)
    return np.flatnonzero(present), number[keys]


def _merged(rows: Array, sets: Sets) -> Pattern:
    """A pattern in which classes of equal sets are one, found by their hashes."""
    k = sets.shape[0]
    if k <= 1:
        return Pattern(rows, sets)
    hashes = _hashes(sets)
    distinct, first, number = np.unique(hashes, return_index=True, return_inverse=True)
    if len(distinct) == k:
        return Pattern(rows, sets)
    kept = sets[first]
    if not _equal(sets, kept[number]):
        return Pattern(rows, sets)
    return Pattern(number.astype(np.int32)[rows], kept)


def _hashes(sets: Sets) -> Array:
    """A sum of random numbers for each set, and so equal for equal sets."""
    weights = _weights(1 << max(0, sets.shape[1] - 1).bit_length())
    sums = np.concatenate([[np.uint64(0)], np.cumsum(weights[sets.indices])])
    return sums[sets.indptr[1:]] - sums[sets.indptr[:-1]]


@functools.lru_cache(maxsize=32)
def _weights(n: int) -> Array:
    return np.random.default_rng(0).integers(0, 2**64, n, dtype=np.uint64)


def _equal(a: Sets, b: Sets) -> bool:
    same = np.array_equal(a.indptr, b.indptr)
    return same and np.array_equal(a.indices, b.indices)


def size(shape: Sequence[int]) -> int:
    """The number of elements of an array."""
    return math.prod(shape)
