"""Maps that only move entries: they have no value, and wait until somebody has one.

A move acts on the rows of a Jacobian, ``M @ J``. Its transpose is a move too, and acts
on the columns of one: ``J @ M = (M.T @ J.T).T``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from irad.ordering.tensors.structure import Axis, Structure, dense

Shape: TypeAlias = tuple[int, ...]


@dataclass(frozen=True)
class Permute:
    """Axes in another order: ``order[i]`` is what comes at place ``i``."""

    order: tuple[int, ...]

    @property
    def T(self) -> Permute:
        return Permute(tuple(map(self.order.index, range(len(self.order)))))

    def __call__(self, J: Structure) -> Structure:
        return J.moved(self.order)


@dataclass(frozen=True)
class Insert:
    """New axes along which entries are copied: places in the result, and sizes."""

    places: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def T(self) -> Drop:
        return Drop(self.places, self.sizes)

    def __call__(self, J: Structure) -> Structure:
        new = dict(zip(self.places, self.sizes, strict=True))
        old = iter(range(len(J.rows)))
        count = len(J.rows) + len(new)
        return J.moved(
            [Axis(new[at]) if at in new else next(old) for at in range(count)]
        )


@dataclass(frozen=True)
class Drop:
    """Axes that are summed over, or of size 1: their places, and sizes."""

    places: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def T(self) -> Insert:
        return Insert(self.places, self.sizes)

    def __call__(self, J: Structure) -> Structure:
        return J.moved([at for at in range(len(J.rows)) if at not in self.places])


@dataclass(frozen=True)
class Resize:
    """Zeros around an axis, or a part of it: a delta along it is written out."""

    place: int
    old: int
    new: int

    @property
    def T(self) -> Resize:
        return Resize(self.place, self.new, self.old)

    def __call__(self, J: Structure) -> Structure:
        axis = J.rows[self.place]
        columns = list(J.columns)
        if axis.partner is not None:
            size = columns[axis.partner].size
            columns[axis.partner] = Axis(size, size)
        narrows = self.new <= self.old
        stays = axis.partner is None and not axis.stored and narrows
        rows = list(J.rows)
        rows[self.place] = Axis(self.new, 0 if stays else self.new)
        return Structure(tuple(rows), tuple(columns))


@dataclass(frozen=True)
class Rearrange:
    """A reshape or a slice: every entry is written out."""

    old: Shape
    new: Shape

    @property
    def T(self) -> Rearrange:
        return Rearrange(self.new, self.old)

    def __call__(self, J: Structure) -> Structure:
        return dense(self.new, [axis.size for axis in J.columns])


Move: TypeAlias = Permute | Insert | Drop | Resize | Rearrange
