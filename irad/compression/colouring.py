"""Colourings: which columns, or rows, of a Jacobian one product can hold together.

Columns of one colour share no row, so the product with the sum of their unit vectors
holds every entry of theirs by itself. ``Decompression`` says where each entry is found.

Source: Gebremedhin, Manne & Pothen, What color is your Jacobian? (2005).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from irad.compression.lattice import lattice
from irad.compression.orders import greedy, orders
from irad.compression.pattern import Array, Pattern, Sets, csr

NONE = -1
"""The colour of a column without entries: no product needs it."""


@dataclass(frozen=True, eq=False)
class Decompression:
    """Where each entry of a pattern, in row-major order, is found.

    Entry ``k`` is element ``place[k]`` of product ``product[k]``.
    """

    product: Array
    place: Array


@dataclass(frozen=True, eq=False)
class Colouring:
    """Colours of the columns, or of the rows: ``NONE`` for one without entries.

    Product ``c`` is the Jacobian times the sum of the columns' unit vectors of colour
    ``c``, or the transposed Jacobian times that of the rows'.
    """

    colours: Array
    count: int
    decompression: Decompression


@dataclass(frozen=True, eq=False)
class TwoSided:
    """Groups of columns and groups of rows that hold every entry together.

    Products are counted through: those of the columns' colours, then of the rows'.
    ``NONE`` is the colour of a column or row that is in no group.
    """

    columns: Array
    rows: Array
    num_columns: int
    num_rows: int
    decompression: Decompression

    @property
    def count(self) -> int:
        """How many products are needed in all."""
        return self.num_columns + self.num_rows


def columns(pattern: Pattern, shape: Sequence[int] | None = None) -> Colouring:
    """Colours for the columns: those of one colour share no row.

    Lattices (if ``shape`` says that the columns are the elements of an array) and
    several greedy orders are tried until one needs no more colours than the fullest row
    has entries; the fewest are kept.
    """
    colours, count = _coloured(pattern, shape)
    rows, cols = entries(pattern)
    return Colouring(colours, count, Decompression(colours[cols], rows))


def rows(pattern: Pattern, shape: Sequence[int] | None = None) -> Colouring:
    """Colours for the rows: those of one colour share no column."""
    colours, count = _coloured(pattern.transpose(), shape)
    rows, cols = entries(pattern)
    return Colouring(colours, count, Decompression(colours[rows], cols))


def entries(pattern: Pattern) -> tuple[Array, Array]:
    """The rows and the columns of a pattern's entries, in row-major order."""
    whole = pattern.csr()
    rows = np.repeat(np.arange(whole.shape[0], dtype=np.int32), np.diff(whole.indptr))
    return rows, whole.indices


def _coloured(
    pattern: Pattern, shape: Sequence[int] | None = None
) -> tuple[Array, int]:
    return _fewest(pattern.sets[np.unique(pattern.rows)], shape)


def _fewest(
    sets: Sets, shape: Sequence[int] | None, *, quick: bool = False
) -> tuple[Array, int]:
    """The fewest colours found for columns of which each set may hold one of each."""
    bound = int(np.diff(sets.indptr).max(initial=0))
    if not bound:
        return np.full(sets.shape[1], NONE, np.int32), 0
    members = sets.T.tocsr()
    best = None if shape is None else lattice(sets, shape, bound)
    if best is not None:
        colours, count = best
        best = np.where(np.diff(members.indptr) > 0, colours, np.int32(NONE)), count
    if best is None or best[1] > bound:
        for order in itertools.islice(orders(members), 2 if quick else None):
            found = greedy(members, order)
            best = found if best is None or found[1] < best[1] else best
            if best[1] == bound:
                break
    assert best is not None
    return best


# Two-sided ----------------------------------------------------------------------------

DIVISIONS = 24
"""So many divisions of a pattern are tried, those first that could need fewest."""


def two_sided(pattern: Pattern) -> TwoSided:
    """Groups of columns and of rows that hold every entry, in few products in all.

    The fullest rows are taken as rows, so that the columns need only be told apart in
    the others; or the fullest columns as columns, and the rows told apart in the
    others. One side alone is among what is tried.

    Source: Coleman & Verma, The efficient computation of sparse Jacobian matrices using
    automatic differentiation (1998).
    """
    i, j = entries(pattern)
    across, along = _divided(pattern), _divided(pattern.transpose())
    if across.count <= along.count:
        found, by_row = across, across.full[i] >= 0
        cols, rows = found.sparse, found.full
        counts = found.num_sparse, found.num_full
    else:
        found, by_row = along, along.full[j] < 0
        cols, rows = found.full, found.sparse
        counts = found.num_full, found.num_sparse
    product = np.where(by_row, counts[0] + rows[i], cols[j])
    return TwoSided(cols, rows, *counts, Decompression(product, np.where(by_row, j, i)))


@dataclass(frozen=True, eq=False)
class _Division:
    """Colours of the full rows (``NONE`` for others), and of columns in the others."""

    full: Array
    sparse: Array
    num_full: int
    num_sparse: int

    @property
    def count(self) -> int:
        return self.num_full + self.num_sparse


def _divided(pattern: Pattern) -> _Division:
    """The best division into full rows and others, the others' columns coloured.

    Divisions are compared by quick colourings; the best one and that without full rows
    are then coloured with care.
    """
    whole = pattern.csr()
    lengths = np.diff(whole.indptr)
    alone = int(lengths.max(initial=0))
    best, chosen = _division(whole, alone, quick=True).count, alone
    for least, longest in _thresholds(whole, lengths)[:DIVISIONS]:
        if least >= best:
            break
        count = _division(whole, longest, quick=True).count
        if count < best:
            best, chosen = count, longest
    found = [_division(whole, at, quick=False) for at in {alone, chosen}]
    return min(found, key=lambda division: division.count)


def _division(whole: Sets, longest: int, *, quick: bool) -> _Division:
    """Rows of more than ``longest`` entries are the full ones."""
    full = np.diff(whole.indptr) > longest
    sparse, num_sparse = _fewest(_rows_only(whole, ~full), None, quick=quick)
    columns = _rows_only(whole, full).T.tocsr()
    groups, num_full = _fewest(columns, None, quick=quick)
    return _Division(groups, sparse, num_full, num_sparse)


def _thresholds(whole: Sets, lengths: Array) -> list[tuple[int, int]]:
    """Lengths that part sparse rows from full ones, by the fewest products possible.

    As many columns are told apart as the longest sparse row has entries, and as many
    full rows as some column has entries in them.
    """
    found = []
    for longest in np.unique(np.append(lengths, 0)):
        inside = whole.indices[np.repeat(lengths > longest, lengths)]
        deepest = int(np.bincount(inside).max(initial=0))
        found.append((int(longest) + deepest, int(longest)))
    return sorted(found)


def _rows_only(whole: Sets, kept: Array) -> Sets:
    """A pattern without the entries of other rows than those kept."""
    inside = np.repeat(kept, np.diff(whole.indptr))
    lengths = np.where(kept, np.diff(whole.indptr), 0)
    return csr(whole.indices[inside], np.append(0, np.cumsum(lengths)), whole.shape[1])
