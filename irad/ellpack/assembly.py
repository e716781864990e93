"""From terms to arrays: dense blocks."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jax import numpy as jnp

from irad.ellpack.entries import Values, entries_of
from irad.ellpack.terms import Array, Columns, Term, Terms

FEW, SMALL = 3, 2048
"""Entries that stand upon a dense share are compared with every column where elements
have so few, or where it takes so few comparisons; else they are scattered.

XLA runs comparisons in parallel and in the kernel that writes the dense share: diagonal
plus rank one of 1000 x 1000 takes 0.28 ms, 0.65 where the diagonal is scattered
(2 cores). Where nothing else is written, scattering into zeros is faster at any size:
three diagonals of 100 x 100 take 9 us, compared 72, of 1000 x 1000 0.27 ms, 0.41.
"""


@dataclass(frozen=True, eq=False)
class Product:
    """A dense share that is a product: (*shape, k) times (k, n)."""

    left: Array
    right: Array

    @property
    def array(self) -> Array:
        """All of it; a narrow one as a sum of outer products, which XLA fuses."""
        if self._is_wide:
            return self.left @ self.right
        return self._summed(self.left[..., None, :], self.right)

    def at(self, index: np.ndarray) -> Array:
        """For each element its entry in one column; anything where that is -1."""
        columns = _taken(self.right, index.reshape(-1)).reshape(-1, *index.shape)
        if self._is_wide:
            return jnp.einsum("...k,k...->...", self.left, columns)
        return self._summed(self.left, columns)

    @property
    def _is_wide(self) -> bool:
        return self.left.shape[-1] > FEW_FACTORS

    def _summed(self, left: Array, right: Array) -> Array:
        shares = (left[..., i] * right[i] for i in range(left.shape[-1]))
        return functools.reduce(operator.add, shares)


FEW_FACTORS = 4
"""Products of so few terms are added up where they are written."""


def _taken(x: Array, index: np.ndarray) -> Array:
    """Places along the last axis; runs are slices."""
    if index.size > 1 and (np.diff(index) == 1).all() and index[0] >= 0:
        return x[..., int(index[0]) : int(index[-1]) + 1]
    return x[..., np.maximum(index, 0)]


def dense_block(
    terms: Terms,
    values: Values,
    shape: Sequence[int],
    offset: int,
    n: int,
    dtype: Any,
    *,
    turned: bool = False,
    product: Product | None = None,
) -> Array:
    """The dense Jacobian, (*shape, n), in the columns from ``offset`` to offset + n.

    It is (n, *shape) if ``turned``; what is large is never moved afterwards. A product
    of shape (*shape, n) is added.
    """
    shape = tuple(shape)
    kinds = kinds_of(terms, shape, offset, n, upon=product is not None)
    shares = [
        _share(values(t), t.columns.index, shape, n, dtype, turned=turned)
        for t in kinds.dense
    ]
    if not kinds.compared and product is not None:
        shares.append(product.array)
    total = functools.reduce(operator.add, shares) if shares else None
    if kinds.compared:
        entries = [
            (index, _entry(values(t), j, dtype))
            for t in kinds.compared
            for j, index in enumerate(t.columns.index)
        ]
        found = _compared(entries, n, dtype, product)
        found = jnp.moveaxis(found, -1, 0) if turned else found
        total = found if total is None else total + found
    full = (n, *shape) if turned else (*shape, n)
    is_fresh = total is None
    total = jnp.broadcast_to(jnp.zeros((), dtype) if total is None else total, full)
    if not kinds.scattered:
        return total
    flat, taken = _placed(kinds.scattered, values, shape, n, dtype, turned=turned)
    target = total.reshape(-1).at[flat]
    write = target.set if is_fresh else target.add
    made = write(
        taken,
        indices_are_sorted=bool((np.diff(flat) > 0).all()),
        unique_indices=True,
        mode="promise_in_bounds",
    )
    return made.reshape(full)


@dataclass
class Kinds:
    """Terms by how they become dense: as rows or blocks, by comparison, scattered."""

    dense: list[Term] = field(default_factory=list)
    compared: list[Term] = field(default_factory=list)
    scattered: list[Term] = field(default_factory=list)

    @property
    def additions(self) -> int:
        """How many times all of the dense array is added to."""
        shares = len(self.dense) + bool(self.dense and self.compared)
        return max(shares - 1, 0)


def kinds_of(
    terms: Terms, shape: tuple[int, ...], offset: int, n: int, *, upon: bool
) -> Kinds:
    """The terms within a range of columns, counted from its first.

    ``upon`` says that a product is added; a dense term is something to add to, too.
    """
    found = Kinds()
    single: list[Term] = []
    for t in terms:
        index = t.columns.index - offset
        index = np.where((index >= 0) & (index < n), index, -1)
        if (index < 0).all():
            continue
        own = Term(Columns(index), t.value)
        if t.columns.is_uniform or _as_blocks(index, n) is not None:
            found.dense.append(own)
        else:
            single.append(own)
    width = sum(t.k for t in single)
    small = width <= FEW or int(np.prod(shape, dtype=np.int64)) * n * width <= SMALL
    is_compared = small and (upon or bool(found.dense))
    (found.compared if is_compared else found.scattered).extend(single)
    return found


def _entry(v: Any, j: int, dtype: Any) -> Array:
    """The ``j``-th entries of a term."""
    if not np.ndim(v):
        return jnp.asarray(v, dtype)
    return v[min(j, v.shape[0] - 1)].astype(dtype)


def _share(
    v: Any,
    index: np.ndarray,
    shape: tuple[int, ...],
    n: int,
    dtype: Any,
    *,
    turned: bool,
) -> Array:
    """The dense share of a term that has whole rows or blocks."""
    if not np.ndim(v):
        v = jnp.full((1,) * (len(shape) + 1), v, dtype)
    v = v.astype(dtype)
    if all(m == 1 for m in index.shape[1:]):
        return _uniform(v, index.reshape(-1), n, turned=turned)
    blocks = _as_blocks(index, n)
    assert blocks is not None
    found = _in_blocks(v, *blocks, index.shape[0], n)
    return jnp.moveaxis(found, -1, 0) if turned else found


def _uniform(v: Array, columns: np.ndarray, n: int, *, turned: bool) -> Array:
    """A dense term: its entries are the last axis (the first, if ``turned``)."""
    k = columns.size
    wide = jnp.broadcast_to(v, (k, *v.shape[1:]))
    if turned and k == n and (columns == np.arange(n)).all():
        return wide
    rows = _in_places(jnp.moveaxis(wide, 0, -1), columns, n)
    return jnp.moveaxis(rows, -1, 0) if turned else rows


def _in_places(rows: Array, columns: np.ndarray, n: int) -> Array:
    """Entries, the last axis of ``rows``, put in their columns."""
    k = columns.size
    first = int(columns[0])
    if first >= 0 and (columns == np.arange(first, first + k)).all():
        if k == n:
            return rows
        return jnp.pad(rows, [(0, 0)] * (rows.ndim - 1) + [(first, n - first - k)])
    source = np.full(n, k)
    present = columns >= 0
    if len(set(columns[present])) != present.sum():
        pieces = (_one_hot(rows[..., j : j + 1], columns[j], n) for j in range(k))
        return sum(pieces, jnp.zeros((), rows.dtype))
    source[columns[present]] = np.flatnonzero(present)
    padded = jnp.pad(rows, [(0, 0)] * (rows.ndim - 1) + [(0, 1)])
    return padded[..., source]


def _one_hot(x: Array, column: int, n: int) -> Array:
    hit = jnp.arange(n, dtype=jnp.int32) == np.int32(column)
    return jnp.where(hit, x, jnp.zeros((), x.dtype))


def _as_blocks(index: np.ndarray, n: int) -> tuple[np.ndarray, int] | None:
    """Entries that are whole blocks of ``k`` columns, and which block each is."""
    k = index.shape[0]
    if k == 1 or n % k:
        return None
    base = index[0]
    steps = np.arange(k).reshape(-1, *[1] * base.ndim)
    if (base < 0).any() or (base % k).any() or not (index == base + steps).all():
        return None
    return base // k, k


def _in_blocks(v: Array, block: np.ndarray, size: int, k: int, n: int) -> Array:
    rows = jnp.moveaxis(jnp.broadcast_to(v, (k, *v.shape[1:])), 0, -1)
    hit = jnp.asarray(block, jnp.int32)[..., None] == jnp.arange(
        n // size, dtype="int32"
    )
    zero = jnp.zeros((), v.dtype)
    full = jnp.where(hit[..., None], rows[..., None, :], zero)
    return full.reshape(*full.shape[:-2], n)


def _compared(
    entries: Sequence[tuple[np.ndarray, Array]],
    n: int,
    dtype: Any,
    product: Product | None,
) -> Array:
    """Entries written where their column is, upon zeros or a product.

    Where no element has two in one column nothing is added that is not there.
    """
    ids = jnp.arange(n, dtype=jnp.int32)
    zero = jnp.zeros((), dtype)
    distinct = _are_distinct([index for index, _ in entries])
    total: Array = zero if product is None else product.array
    for index, entry in entries:
        hit = _column_of(index, ids)
        if not distinct:
            total = total + jnp.where(hit, entry[..., None], zero)
            continue
        if product is not None:
            entry = entry + product.at(index)
        total = jnp.where(hit, entry[..., None], total)
    return total


def _column_of(index: np.ndarray, ids: Array) -> Array:
    """Where a column index equals each column; contiguous ones are not stored."""
    flat = index.reshape(-1)
    if flat.size > 1 and (np.diff(flat) == 1).all():
        made = jnp.arange(flat[0], flat[0] + flat.size, dtype=jnp.int32)
        return made.reshape(*index.shape, 1) == ids
    return jnp.asarray(index, jnp.int32)[..., None] == ids


def _are_distinct(columns: Sequence[np.ndarray]) -> bool:
    """Whether no element has two entries in one column."""
    shape = np.broadcast_shapes(*(index.shape for index in columns))
    ordered = np.sort([np.broadcast_to(index, shape) for index in columns], axis=0)
    return not ((ordered[1:] == ordered[:-1]) & (ordered[1:] >= 0)).any()


def _placed(
    terms: Sequence[Term],
    values: Values,
    shape: Sequence[int],
    n: int,
    dtype: Any,
    *,
    turned: bool,
) -> tuple[np.ndarray, Array]:
    """The flat places of all entries in a dense array, and their values."""
    entries = entries_of(tuple(terms), shape)
    size = int(np.prod(shape, dtype=np.int64))
    flat = entries.rows.astype(np.int64) * n + entries.columns
    if turned:
        flat = entries.columns.astype(np.int64) * size + entries.rows
    kind = np.int32 if size * n < 1 << 31 else np.int64
    return flat.astype(kind), entries.gather(tuple(terms), values, shape, dtype)
