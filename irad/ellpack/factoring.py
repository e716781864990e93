"""Factoring: what both sides of a sum are multiplied by is multiplied in once.

``a c + b c`` is ``(a + b) c`` where nothing else reads the products. Which steps read
what is known only when a tape is whole.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from irad.ellpack.terms import Array, Slot, Step, Times

SUMS = (operator.add, operator.sub)


def factored(steps: Sequence[Step], wanted: Iterable[Slot]) -> list[Step]:
    """The steps that some slots depend on, with fewer products."""
    readers = Counter(slot.number for step in steps for slot in step.slots)
    readers.update(slot.number for slot in wanted)
    made = {step.result.number: step for step in steps}
    fresh = itertools.count(max(made, default=0) + 1)
    found: list[Step] = []
    for step in steps:
        if step.make not in SUMS:
            found.append(step)
            continue
        sides = [_factors(slot, made, readers) for slot in step.slots]
        shared = _shared(sides)
        if not shared or any(shared == Counter(side.slots) for side in sides):
            found.append(step)
        else:
            found += _taken_out(step, sides, shared, fresh)
    return found


@dataclass(frozen=True)
class _Monomial:
    """A number times the product of some slots."""

    number: float
    slots: tuple[Slot, ...]


def _factors(
    slot: Slot, made: Mapping[int, Step], readers: Mapping[int, int]
) -> _Monomial:
    """What entries are the product of, as far as nothing else reads the products."""
    number, found, pending = 1.0, [], [slot]
    while pending:
        factor = pending.pop()
        step = made[factor.number]
        is_inner = readers[factor.number] == 1
        if is_inner and isinstance(step.make, Times):
            number *= step.make.number
            pending.append(step.slots[0])
        elif is_inner and step.make is operator.mul:
            pending += reversed(step.slots)
        else:
            found.append(factor)
    return _Monomial(number, tuple(found))


def _shared(sides: Sequence[_Monomial]) -> Counter[Slot]:
    """The factors that all sides have."""
    first, *others = (Counter(side.slots) for side in sides)
    for other in others:
        first &= other
    return first


def _taken_out(
    step: Step,
    sides: Sequence[_Monomial],
    shared: Counter[Slot],
    fresh: Iterator[int],
) -> Iterator[Step]:
    """The sum of what is left of its sides, times what they share."""
    rests: list[Slot] = []
    for side in sides:
        first, *others = (Counter(side.slots) - shared).elements()
        for product in _products(first, others, fresh):
            yield product
            first = product.result
        if side.number != 1.0:
            scaled = _step(Times(side.number), [first], next(fresh))
            yield scaled
            first = scaled.result
        rests.append(first)
    total = _step(step.make, rests, next(fresh))
    yield total
    *most, last = _products(total.result, shared.elements(), fresh)
    yield from most
    yield replace(last, result=step.result)


def _products(
    before: Slot, factors: Iterable[Slot], fresh: Iterator[int]
) -> Iterator[Step]:
    """Products of a slot with others, one after the other."""
    for factor in factors:
        made = _step(operator.mul, [before, factor], next(fresh))
        yield made
        before = made.result


def _step(make: Callable[..., Array], slots: Sequence[Slot], number: int) -> Step:
    shape = np.broadcast_shapes(*(slot.shape for slot in slots))
    result = Slot(number, shape)
    return Step(make, tuple(slots), (), result, math.prod(shape))
