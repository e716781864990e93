"""Compaction: entries of one element that are in one column are added up.

Terms of different origin (a vector as a whole, and its components one by one) may have
entries in the same place. They are found on the host, and summed into one term.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import numpy as jnp

from irad.ellpack.terms import Array, Slot, Tape, Term

FROM = 6
"""Of so many terms no places are compared."""

LARGEST = 1 << 23
WORTH = 1.25


def compacted(
    tape: Tape, terms: Sequence[Term], dtype: Any
) -> tuple[np.ndarray, Slot] | None:
    """Columns and entries of one term that is the sum; None if it is no better."""
    if len(terms) <= FROM:
        return None
    shape = np.broadcast_shapes(*(t.columns.index.shape[1:] for t in terms))
    count = sum(t.k for t in terms)
    if count * int(np.prod(shape, dtype=np.int64)) > LARGEST:
        return None
    index = np.concatenate(
        [np.broadcast_to(t.columns.index, (t.k, *shape)) for t in terms]
    )
    rank, columns = _ranked(index)
    k = columns.shape[0]
    if count <= WORTH * k:
        return None
    return columns, _summed(tape, terms, rank, k, shape, dtype)


def _ranked(index: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each entry the place among its element's columns, -1 for none; the columns."""
    count, shape = index.shape[0], index.shape[1:]
    flat = index.reshape(count, -1)
    order = np.argsort(flat, axis=0, kind="stable")
    ordered = np.take_along_axis(flat, order, 0)
    fresh = np.ones(ordered.shape, bool)
    fresh[1:] = ordered[1:] != ordered[:-1]
    fresh &= ordered >= 0
    place = np.cumsum(fresh, axis=0) - 1
    place[ordered < 0] = -1
    rank = np.empty_like(place)
    np.put_along_axis(rank, order, place, 0)
    columns = np.full((int(place.max(initial=-1)) + 1, flat.shape[1]), -1, np.int32)
    which, element = np.nonzero(fresh)
    columns[place[which, element], element] = ordered[which, element]
    return rank.reshape(count, *shape), columns.reshape(-1, *shape)


def _summed(
    tape: Tape,
    terms: Sequence[Term],
    rank: np.ndarray,
    k: int,
    shape: tuple[int, ...],
    dtype: Any,
) -> Slot:
    """One array of entries: for each place the sum of what belongs there."""
    entries = [(i, j) for i, t in enumerate(terms) for j in range(t.k)]
    shares: list[list[tuple[int, int, np.ndarray | None]]] = [[] for _ in range(k)]
    for (i, j), own in zip(entries, rank, strict=True):
        for place in np.unique(own[own >= 0]):
            mask = own == place
            shares[int(place)].append((i, j, None if mask.all() else mask))
    slots = [t.value for t in terms if isinstance(t.value, Slot)]
    full = np.broadcast_shapes(shape, *(slot.shape[1:] for slot in slots))
    constants = [None if isinstance(t.value, Slot) else t.value for t in terms]
    breaks = [p for p in range(1, k) if not _follows(shares[p - 1], shares[p])]
    bounds = [0, *breaks, k]

    def add(*arrays: Array) -> Array:
        rest = iter(arrays)
        values = [next(rest) if c is None else c for c in constants]
        made = [
            jnp.broadcast_to(_block(values, shares[a], b - a, dtype), (b - a, *full))
            for a, b in itertools.pairwise(bounds)
        ]
        return jnp.concatenate(made)

    size = int(np.prod(full, dtype=np.int64))
    work = sum(len(own) - 1 for own in shares) * size
    masked = sum(mask is not None for own in shares for _, _, mask in own) * size
    return tape.step(add, slots, [], (k, *full), work, selected=masked)


_Shares = Sequence[tuple[int, int, np.ndarray | None]]
"""What is added up in a place: of which term which entries, and at which elements."""


def _follows(before: _Shares, after: _Shares) -> bool:
    """Whether two places are sums of neighbouring entries of the same terms."""
    return [(i, j + 1) for i, j, _ in before] == [(i, j) for i, j, _ in after] and all(
        a is b or (a is not None and b is not None and np.array_equal(a, b))
        for (*_, a), (*_, b) in zip(before, after, strict=True)
    )


def _block(values: Sequence[Any], shares: _Shares, n: int, dtype: Any) -> Array:
    """The sums of ``n`` places, the first of which has these shares."""
    total: Array | None = None
    for i, j, mask in shares:
        v = values[i]
        if not np.ndim(v):
            v = jnp.asarray(v, dtype)
        elif v.shape[0] != 1:
            v = v if v.shape[0] == n else v[j : j + n]
        share = v if mask is None else jnp.where(mask, v, jnp.zeros((), dtype))
        total = share if total is None else total + share
    assert total is not None
    return total
