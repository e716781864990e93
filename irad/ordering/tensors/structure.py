"""The structure of a Jacobian of arrays: which of its axes are dense, which are deltas.

A Jacobian of ``y`` in ``x`` has the axes of ``y`` for rows and those of ``x`` for
columns. A row axis and a column axis can be a *pair*: a Kronecker delta, entries are
not zero where the two indices are equal. All other axes are *dense*. The numbers are
stored in an array that has no axis for what they do not depend on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Axis:
    """An axis of a Jacobian.

    ``partner`` is the place of the axis on the other side that makes a pair with it,
    None for a dense one. ``stored`` is the extent of the stored array along it: its
    size, or 1, or 0 where it has no such axis. Both axes of a pair have the same.
    """

    size: int
    stored: int = 0
    partner: int | None = None


@dataclass(frozen=True)
class Structure:
    """The axes of a Jacobian's rows and columns."""

    rows: tuple[Axis, ...]
    columns: tuple[Axis, ...]

    @property
    def T(self) -> Structure:
        """The structure of the transpose."""
        return Structure(self.columns, self.rows)

    @property
    def is_scalar(self) -> bool:
        """Whether one number is stored: a multiple of deltas and of ones."""
        own = (*self.rows, *(axis for axis in self.columns if axis.partner is None))
        return all(axis.stored <= 1 for axis in own)

    def moved(self, order: Sequence[int | Axis]) -> Structure:
        """Other row axes: old ones by their places, and new ones, dense.

        The partner of one that is left out becomes dense, and keeps what is stored.
        """
        place = {old: new for new, old in enumerate(order) if isinstance(old, int)}
        rows = (self.rows[x] if isinstance(x, int) else x for x in order)
        columns = (
            axis if axis.partner is None else _paired(axis, place.get(axis.partner))
            for axis in self.columns
        )
        return Structure(tuple(rows), tuple(columns))


def _paired(axis: Axis, partner: int | None) -> Axis:
    return Axis(axis.size, axis.stored, partner)


def dense(rows: Sequence[int], columns: Sequence[int]) -> Structure:
    """Every entry stored."""
    return Structure(
        tuple(Axis(size, size) for size in rows),
        tuple(Axis(size, size) for size in columns),
    )


def diagonal(shape: Sequence[int], stored: Sequence[int] | None = None) -> Structure:
    """An elementwise map; ``stored`` are the extents of its factor, by default none."""
    extents = [0] * len(shape) if stored is None else stored
    axes = tuple(
        Axis(size, extent, place)
        for place, (size, extent) in enumerate(zip(shape, extents, strict=True))
    )
    return Structure(axes, axes)


def product(after: Structure, before: Structure) -> Structure:
    """The structure of ``after @ before``.

    A pair met by a pair makes a pair; a pair met by a dense axis hands its other end
    on to it. Two dense axes are summed over, and gone.
    """
    return Structure(
        tuple(_through(axis, before.rows) for axis in after.rows),
        tuple(_through(axis, after.columns) for axis in before.columns),
    )


def _through(axis: Axis, met: Sequence[Axis]) -> Axis:
    if axis.partner is None:
        return axis
    other = met[axis.partner]
    return Axis(axis.size, max(axis.stored, other.stored), other.partner)


def multiplications(after: Structure, before: Structure) -> int:
    """How many products of numbers ``after @ before`` takes.

    The stored entries of dense axes that stay, times what each axis between them takes:
    its size if a dense axis is summed over or scaled; where a pair meets a pair, what
    is stored along them. Where nothing is, one side that is a mere number scales along
    the axis, and two such make one product.
    """
    scales = after.is_scalar != before.is_scalar
    between = (
        _between(a, b, scales) for a, b in zip(after.columns, before.rows, strict=True)
    )
    return _kept(after.rows) * math.prod(between) * _kept(before.columns)


def _kept(axes: Sequence[Axis]) -> int:
    return math.prod(a.size for a in axes if a.partner is None and a.stored)


def _between(a: Axis, b: Axis, scales: bool) -> int:
    if a.partner is None or b.partner is None:
        return a.size
    return max(a.stored, b.stored) or (a.size if scales else 1)


def total(a: Structure, b: Structure) -> Structure:
    """The structure of ``a + b``: only what is a pair in both remains one."""
    return Structure(_summed(a.rows, b.rows), _summed(a.columns, b.columns))


def _summed(a: Sequence[Axis], b: Sequence[Axis]) -> tuple[Axis, ...]:
    return tuple(_sum(x, y) for x, y in zip(a, b, strict=True))


def _sum(x: Axis, y: Axis) -> Axis:
    if x.partner == y.partner:
        return Axis(x.size, max(x.stored, y.stored, 1), x.partner)
    return Axis(x.size, x.size)
