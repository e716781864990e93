"""Colourings of grids: ``(a . index) mod k`` for the elements of an array."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from irad.compression.pattern import Array, Sets

DIFFERENCES = 2_000
"""A pattern with more distinct offsets than this between columns is no stencil."""

PAIRS = 20_000_000
CANDIDATES = 20_000
BEYOND = 4
"""So many colours more than the lower bound are tried."""


def lattice(sets: Sets, shape: Sequence[int], bound: int) -> tuple[Array, int] | None:
    """Colours for columns that are the elements of an array, or None.

    Two columns may have one colour if no row has an entry in both. With the offsets of
    all pairs that share a row this is one small test for all columns: ``a . offset`` is
    never a multiple of ``k``.
    """
    if bound < 1 or not shape:
        return None
    offsets = _offsets(sets, shape)
    if offsets is None:
        return None
    for k in range(bound, bound + BEYOND + 1):
        if k ** len(shape) > CANDIDATES:
            return None
        a = np.indices((k,) * len(shape)).reshape(len(shape), -1)
        valid = ((offsets @ a) % k != 0).all(axis=0)
        if valid.any():
            chosen = a[:, int(np.argmax(valid))]
            index = np.indices(shape).reshape(len(shape), -1)
            return ((chosen @ index) % k).astype(np.int32), k
    return None


def _offsets(sets: Sets, shape: Sequence[int]) -> Array | None:
    """The distinct offsets between two columns of a row; None if they are many."""
    lengths = np.diff(sets.indptr).astype(np.int64)
    if int((lengths**2).sum()) > PAIRS:
        return None
    counted = sets.astype(np.int32)
    pairs = (counted.T @ counted).tocoo()
    above = pairs.row < pairs.col
    first = np.array(np.unravel_index(pairs.row[above], shape))
    second = np.array(np.unravel_index(pairs.col[above], shape))
    span = [2 * n for n in shape]
    offset = second - first + np.array(shape)[:, None]
    distinct = np.unique(np.ravel_multi_index(tuple(offset), span))
    if len(distinct) > DIFFERENCES:
        return None
    return np.array(np.unravel_index(distinct, span)).T - np.array(shape)
