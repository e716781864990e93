"""The entries of a sparse matrix, from terms: where they are, and their values."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax import numpy as jnp

from irad.ellpack.terms import Array, Slot, Term, Terms

Values = Callable[[Term], Any]
"""The entries of a term: a number, or an array of shape (k, *shape) up to 1s."""


def values_of(run: dict[int, Array]) -> Values:
    """The entries of terms from the arrays of slots."""

    def entries(t: Term) -> Any:
        value = t.value
        return value.of(run[value.number]) if isinstance(value, Slot) else value

    return entries


@dataclass(frozen=True, eq=False)
class Entries:
    """Where the entries of some terms are: static, in the order of the terms.

    ``rows`` and ``columns`` count the elements of the variable and the columns; no pair
    occurs twice. ``pick`` says of each term which of its entries are meant, as flat
    positions in (k, *shape), None for all; ``sums`` adds entries that share a place.
    """

    rows: np.ndarray
    columns: np.ndarray
    picks: tuple[np.ndarray | None, ...]
    sums: np.ndarray | None

    @property
    def irregular(self) -> int:
        """How many entries are gathered or added up one by one."""
        if self.sums is not None:
            return 4 * self.sums.size
        return sum(p.size for p in self.picks if p is not None and not _has_few(p))

    def gather(
        self, terms: Terms, values: Values, shape: Sequence[int], dtype: Any
    ) -> Array:
        """The values of the entries, one vector."""
        pieces = []
        for t, pick in zip(terms, self.picks, strict=True):
            v = values(t)
            if not np.ndim(v):
                n = t.k * int(np.prod(shape, dtype=np.int64))
                count = n if pick is None else pick.size
                pieces.append(jnp.full(count, v, dtype))
                continue
            full = (t.k, *shape)
            if pick is None:
                pieces.append(jnp.broadcast_to(v, full).reshape(-1).astype(dtype))
                continue
            rows = v.reshape(v.shape[0], -1).astype(dtype)
            pieces += _picked(rows, _within(pick, full, v))
        if not pieces:
            return jnp.zeros(0, dtype)
        joined = pieces[0] if len(pieces) == 1 else jnp.concatenate(pieces)
        if self.sums is None:
            return joined
        return jnp.zeros(self.rows.size, dtype).at[self.sums].add(joined)


def _within(pick: np.ndarray, full: tuple[int, ...], v: Array) -> np.ndarray:
    """Places in an array, from those in it stretched to a shape."""
    if v.shape == full:
        return pick
    axes = np.unravel_index(pick, full)
    own = tuple(
        axis if n != 1 else np.zeros_like(axis)
        for axis, n in zip(axes, v.shape, strict=True)
    )
    return np.ravel_multi_index(own, v.shape)


MANY_RUNS, LONG = 64, 64
"""Entries are sliced where they are fewer runs than these, so long on average: a slice
is a kernel, which takes longer to start than so many entries take to gather."""


def _has_few(pick: np.ndarray) -> bool:
    """Whether picked entries are few runs."""
    runs = 1 + int((np.diff(pick) != 1).sum())
    return runs == 1 or (runs <= MANY_RUNS and LONG * runs <= pick.size)


def _picked(rows: Array, pick: np.ndarray) -> list[Array]:
    """Picked entries, as slices where there are few runs.

    The same part of each row is one slice: XLA then computes nothing outside of it.
    """
    part = _part_of_each(pick, *rows.shape)
    if part is not None:
        return [rows[:, part].reshape(-1)]
    flat = rows.reshape(-1)
    if not _has_few(pick):
        return [flat[pick]]
    breaks = np.flatnonzero(np.diff(pick) != 1) + 1
    bounds = [0, *breaks.tolist(), pick.size]
    return [
        flat[int(pick[a]) : int(pick[b - 1]) + 1]
        for a, b in itertools.pairwise(bounds)
        if b > a
    ]


def _part_of_each(pick: np.ndarray, count: int, length: int) -> slice | None:
    """The part of each of ``count`` rows that is picked, if it is one and the same."""
    width = pick.size // count
    if not width or pick.size % count:
        return None
    start = int(pick[0])
    part = np.arange(start, start + width)
    every = length * np.arange(count)[:, None] + part
    return slice(start, start + width) if (pick == every.reshape(-1)).all() else None


def entries_of(terms: Terms, shape: Sequence[int]) -> Entries:
    """The places of all entries of a variable's Jacobian."""
    size = int(np.prod(shape, dtype=np.int64))
    rows, columns, picks = [], [], []
    for t in terms:
        full = np.broadcast_to(t.columns.index, (t.k, *shape)).reshape(-1)
        row = np.broadcast_to(np.arange(size, dtype=np.int32), (t.k, size)).reshape(-1)
        present = full >= 0
        if present.all():
            picks.append(None)
        else:
            pick = np.flatnonzero(present)
            picks.append(pick)
            full, row = full[pick], row[pick]
        rows.append(row)
        columns.append(full)
    if not rows:
        empty = np.zeros(0, np.int32)
        return Entries(empty, empty, (), None)
    row, column = np.concatenate(rows), np.concatenate(columns)
    key = row.astype(np.int64) * (int(column.max(initial=0)) + 1) + column
    _, first, inverse = np.unique(key, return_index=True, return_inverse=True)
    if first.size == key.size:
        return Entries(row, column, tuple(picks), None)
    return Entries(row[first], column[first], tuple(picks), inverse)
