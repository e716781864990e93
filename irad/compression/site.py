"""An equation of a linear program, as a rule for patterns sees it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from irad._compat.ir import JaxprEqn
from irad.compression.pattern import NOTHING, Array, Pattern, size, stacked

Patterns = Sequence[Pattern | None]
"""The patterns of several variables; None of one that depends on no tangent."""


@dataclass(frozen=True)
class Site:
    """An equation with the patterns of its operands, of which at least one is known.

    ``value`` gives the value of an operand if that is known, else None.
    """

    eqn: JaxprEqn
    patterns: Patterns
    value: Callable[[int], Array | None]

    @property
    def params(self) -> dict[str, Any]:
        """The equation's params."""
        return self.eqn.params

    @property
    def out_shape(self) -> tuple[int, ...]:
        """The shape of the first result."""
        return shape_of(self.eqn.outvars[0])

    def shape(self, i: int) -> tuple[int, ...]:
        """The shape of an operand."""
        return shape_of(self.eqn.invars[i])

    def active(self) -> list[tuple[int, Pattern]]:
        """The positions and patterns of the operands that depend on tangents."""
        return [(i, p) for i, p in enumerate(self.patterns) if p is not None]

    def numbered(self) -> tuple[list[Array], Pattern]:
        """All elements of the active operands in one count, and their pattern.

        The first are the operands as arrays of numbers, inactive ones of ``NOTHING``.
        """
        numbers, start = [], 0
        for i, p in enumerate(self.patterns):
            shape = self.shape(i)
            if p is None:
                numbers.append(np.full(shape, NOTHING, np.int32))
            else:
                numbers.append(numbers_of(shape) + np.int32(start))
                start += size(shape)
        return numbers, stacked([p for _, p in self.active()])


Rule = Callable[[Site], Patterns]


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of an atom."""
    return tuple(x.aval.shape)


def numbers_of(shape: Sequence[int]) -> Array:
    """An array that holds the number of each of its elements."""
    return np.arange(size(shape), dtype=np.int32).reshape(shape)


def reduced(p: Pattern, shape: Sequence[int], axes: Sequence[int]) -> Pattern:
    """The pattern of a sum over axes, the others in their order."""
    rest = [1 if d in axes else n for d, n in enumerate(shape)]
    if size(rest) == size(shape):
        return p
    results = np.broadcast_to(numbers_of(rest), shape)
    return p.gathered(results, numbers_of(shape), size(rest))


def spread(p: Pattern, shape: Sequence[int], to: Sequence[int]) -> Pattern:
    """The pattern of a value repeated along its axes of size 1, or from a scalar."""
    if size(shape) == size(to):
        return p
    numbers = numbers_of(shape if len(shape) == len(to) else (1,) * len(to))
    return p.take(np.broadcast_to(numbers, to))


def united(patterns: Sequence[Pattern]) -> Pattern:
    """The union of one or more patterns."""
    total, *rest = patterns
    for p in rest:
        total = total.union(p)
    return total


def mixed(site: Site) -> Patterns:
    """Each element of each result depends on all that some operand depends on."""
    active = [p for _, p in site.active()]
    whole = active[0].widened(*active[1:]).take(np.zeros(1, np.int32))
    return [whole.take(np.zeros(size(shape_of(v)), np.int32)) for v in site.eqn.outvars]
