"""Sums, products and multiples of entries, each written on the tape once.

Products are told apart by their factors in any order, and numbers that are added to
entries are added up first. Factors that are numbers wait in the slots.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jax import numpy as jnp

from irad.ellpack.multiples import bounded
from irad.ellpack.terms import Slot, Tape, Value

MOST_FACTORS = 16
"""Products of more are not told apart by all their factors."""


@dataclass
class Arithmetic:
    """What was computed of entries in one walk, on its tape."""

    tape: Tape
    dtype: Any
    _products: dict[tuple[int, ...], Slot] = field(default_factory=dict)
    _factors: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _shifts: dict[int, tuple[Slot, np.ndarray]] = field(default_factory=dict)

    def product(self, value: Slot, factor: Slot) -> Slot:
        """Entries times a residual's; one slot for equal factors in any order."""
        before = self._factors.get(value.number, (value.number,))
        if len(before) >= MOST_FACTORS:
            before = (value.number,)
        key = tuple(sorted((*before, factor.number)))
        if key not in self._products:
            slots = [value.array, factor]
            shape = np.broadcast_shapes(value.shape, factor.shape)
            made = self.tape.step(operator.mul, slots, [], shape)
            self._products[key], self._factors[made.number] = made, key
        return self._products[key].scaled(value.factor)

    def times(self, value: Value, c: float) -> Value:
        """Entries times a number, which waits unless it could overflow."""
        if not isinstance(value, Slot):
            return c * value
        if bounded(c * value.factor, None):
            return value.scaled(c)
        return self.tape.step(lambda v: v * c, [value], [], value.shape)

    def shifted(self, slot: Slot, shift: np.ndarray, shape: tuple[int, ...]) -> Slot:
        """Entries plus numbers; those that were added before are added with them."""
        if slot.number in self._shifts:
            before, known = self._shifts[slot.number]
            shift = shift + slot.factor * known
            moved = self.times(before, slot.factor)
            assert isinstance(moved, Slot)
            slot = moved
        numbers, v = shift.astype(self.dtype), self._unsigned(slot)
        made = (lambda x: numbers - x) if v.factor < 0 else (lambda x: numbers + x)
        result = self.tape.step(
            lambda x: jnp.broadcast_to(made(x), shape), [v.array], [], shape
        )
        self._shifts[result.number] = slot, shift
        return result

    def _unsigned(self, slot: Slot) -> Slot:
        """The same entries, of whose factor the sign alone still waits."""
        return self.tape.multiplied(slot.scaled(slot.sign)).scaled(slot.sign)

    def added(self, a: Slot, b: Slot) -> Slot:
        """The sum of entries; a factor that both have, up to its sign, waits."""
        if a.number == b.number:
            return a.array.scaled(a.factor + b.factor)
        shape = np.broadcast_shapes(a.shape, b.shape)
        if abs(a.factor) != abs(b.factor):
            a, b = self._unsigned(a), self._unsigned(b)
        if a.factor == b.factor:
            slots = [a.array, b.array]
            return self.tape.step(operator.add, slots, [], shape).scaled(a.factor)
        a, b = (a, b) if a.factor > 0 else (b, a)
        slots = [a.array, b.array]
        return self.tape.step(operator.sub, slots, [], shape).scaled(a.factor)
