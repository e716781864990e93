"""Compaction: entries of one element that are in one column are added up.

Terms of different origin (a vector as a whole, and its components one by one) may have
entries in the same place. They are found on the host, and summed into one term.
"""

from __future__ import annotations

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

    def add(*arrays: Array) -> Array:
        rest = iter(arrays)
        values = [next(rest) if c is None else c for c in constants]
        rows = [_row(values, own, dtype) for own in shares]
        return jnp.stack([jnp.broadcast_to(row, full) for row in rows])

    work = sum(map(len, shares)) * int(np.prod(full, dtype=np.int64))
    return tape.step(add, slots, [], (k, *full), flops=work)


def _row(
    values: Sequence[Any],
    shares: Sequence[tuple[int, int, np.ndarray | None]],
    dtype: Any,
) -> Array:
    total: Array = jnp.zeros((), dtype)
    for i, j, mask in shares:
        v = values[i]
        entry = v[min(j, v.shape[0] - 1)] if np.ndim(v) else jnp.asarray(v, dtype)
        share = entry if mask is None else jnp.where(mask, entry, jnp.zeros((), dtype))
        total = total + share
    return total
