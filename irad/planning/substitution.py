"""Entries of a symmetric matrix that follow from one another, level by level.

An acyclic colouring needs fewer products than a star colouring, and its products hold
sums of entries: each entry is its element of a product less others, found before.

Source: Gebremedhin, Tarafdar, Manne & Pothen, New acyclic and star coloring algorithms
with application to computing Hessians (2007).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from irad.compression.colouring import entries
from irad.compression.pattern import Pattern
from irad.compression.symmetric import AcyclicColouring

Array = Any


@dataclass(frozen=True, eq=False)
class Substitution:
    """Where the entries of a symmetric matrix are, and what is subtracted from them.

    An entry and its mirror image are one value. Values are numbered by level: value
    ``v`` is ``product[v]`` at ``place[v]``, and those of each of ``levels``, first to
    last, lose the sums of ``values`` by ``segments``. ``number`` is the value of each
    entry of the pattern, in row-major order.
    """

    product: np.ndarray
    place: np.ndarray
    levels: tuple[tuple[int, int, np.ndarray, np.ndarray], ...]
    number: np.ndarray

    @classmethod
    def of(cls, pattern: Pattern, found: AcyclicColouring) -> Substitution:
        """The substitution of a colouring of a symmetric pattern."""
        row, column = entries(pattern)
        pair = np.minimum(row, column) * len(row) + np.maximum(row, column)
        _, first, of_entry = np.unique(pair, return_index=True, return_inverse=True)
        order = np.argsort(found.level[first], kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        first, number = first[order], rank[of_entry]
        level = found.level[first]
        bounds = np.searchsorted(level, np.arange(1, level.max(initial=0) + 2))
        levels = []
        for begin, end in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
            parts = [
                number[found.subtract[found.starts[e] : found.starts[e + 1]]]
                for e in first[begin:end]
            ]
            sizes = [len(part) for part in parts]
            segments = np.repeat(np.arange(end - begin), sizes)
            levels.append((begin, end, np.concatenate(parts), segments))
        held = found.decompression
        return cls(held.product[first], held.place[first], tuple(levels), number)

    @property
    def subtractions(self) -> int:
        """How many values are subtracted in all."""
        return sum(len(values) for _, _, values, _ in self.levels)

    def solved(self, products: Array) -> Array:
        """All values, from the products: an array of colours by rows."""
        found = products[self.product, self.place]
        for begin, end, values, segments in self.levels:
            less = jax.ops.segment_sum(
                found[values], segments, end - begin, indices_are_sorted=True
            )
            found = found.at[begin:end].add(-less)
        return found
