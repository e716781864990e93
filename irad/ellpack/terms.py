"""Terms: shares of a Jacobian with a fixed number of entries for each element.

The Jacobian of a variable of shape ``shape`` is a sum of terms. A term has ``k``
entries for each element ``e``: the entry ``values[j, e]`` in column ``columns[j, e]``.
A column of -1 is no entry, whatever its value. Both arrays have the axes (k, *shape),
where an axis along which nothing changes has size 1: the Jacobian of a scalar stretched
over an array, or a dense one, keeps a single column index for each entry.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from jax import numpy as jnp

Array = Any


@dataclass(frozen=True, eq=False)
class Columns:
    """The columns of a term's entries: int32, of shape (k, *shape) up to 1s."""

    index: np.ndarray

    @property
    def k(self) -> int:
        """How many entries each element has."""
        return self.index.shape[0]

    @cached_property
    def key(self) -> tuple[tuple[int, ...], bytes]:
        """Equal for equal columns."""
        return self.index.shape, self.index.tobytes()

    @cached_property
    def is_uniform(self) -> bool:
        """Whether every element has the same columns: the term is dense."""
        return all(n == 1 for n in self.index.shape[1:])

    @cached_property
    def has_gaps(self) -> bool:
        """Whether some entry is absent."""
        return bool((self.index < 0).any())

    @cached_property
    def is_present(self) -> bool:
        """Whether there is any entry."""
        return bool((self.index >= 0).any())


@dataclass(frozen=True)
class Slot:
    """Computed entries: ``factor`` times an array of shape (k, *shape) up to 1s.

    Whatever is computed of entries is linear in them, so that a factor can wait.
    """

    number: int
    shape: tuple[int, ...]
    factor: float = 1.0

    @property
    def array(self) -> Slot:
        """The array itself."""
        return Slot(self.number, self.shape)

    @property
    def sign(self) -> float:
        """The sign of the factor."""
        return math.copysign(1.0, self.factor)

    def scaled(self, c: float) -> Slot:
        """The entries times a number."""
        return replace(self, factor=c * self.factor)

    def of(self, array: Array) -> Array:
        """The entries, from the array."""
        return array if self.factor == 1.0 else Times(self.factor)(array)


@dataclass(frozen=True)
class Times:
    """The computation of entries times a number."""

    number: float

    def __call__(self, array: Array) -> Array:
        return -array if self.number == -1.0 else array * self.number


@dataclass(frozen=True, eq=False)
class Turned:
    """Entries as a matrix has them that is multiplied from the left: (*shape, k).

    XLA for CPUs takes up to twice as long for the product of a narrow matrix where the
    first factor is not summed over its last axis, and moves turning into products. So
    entries stay as they are made: elementwise code and products take them either way.
    """

    array: Array

    @classmethod
    def of(cls, x: Array | Turned) -> Turned:
        """The same entries, turned."""
        return x if isinstance(x, Turned) else cls(jnp.moveaxis(x, 0, -1))


def upright(x: Array | Turned) -> Array:
    """The same entries as most steps take them: (k, *shape)."""
    return jnp.moveaxis(x.array, -1, 0) if isinstance(x, Turned) else x


Value = float | Slot
"""The entries of a term: one constant for all of them, or computed."""


@dataclass(frozen=True, eq=False)
class Term:
    """One share of the Jacobian of a variable.

    What is computed where there is no entry is zero if ``is_zero_outside``.
    """

    columns: Columns
    value: Value
    is_zero_outside: bool = False

    @property
    def k(self) -> int:
        """How many entries each element has."""
        return self.columns.k


Terms = tuple[Term, ...]
"""The Jacobian of a variable; without terms it is zero."""


def width(terms: Terms) -> int:
    """How many entries each element has in all."""
    return sum(term.k for term in terms)


def identity(shape: tuple[int, ...], offset: int) -> Terms:
    """The Jacobian of an input by itself, its columns from ``offset`` on."""
    size = int(np.prod(shape, dtype=np.int64))
    index = np.arange(offset, offset + size, dtype=np.int32)
    return (Term(Columns(index.reshape(1, *shape)), 1.0),)


@dataclass(frozen=True)
class Whole:
    """An equation applied to ``count`` tangents at once of some of its operands."""

    eqn: Any
    active: tuple[Any, ...]
    count: int


@dataclass(frozen=True)
class Step:
    """One computation of entries: ``make(*slots' values, *atoms' values)``.

    One that applies a ``whole`` equation gives a list of arrays. So many entries are
    ``selected`` by masks, so many ``gathered`` one by one. What ``is_dear``, XLA stores
    rather than computes it twice. What ``is_move`` only moves the entries of one slot.
    What ``takes_turned`` is given entries as they are, turned or not.
    """

    make: Callable[..., Array]
    slots: tuple[Slot, ...]
    atoms: tuple[Any, ...]
    result: Slot
    flops: int
    whole: Whole | None = None
    selected: int = 0
    gathered: int = 0
    is_dear: bool = False
    is_move: bool = False
    takes_turned: bool = False

    @property
    def is_entrywise(self) -> bool:
        """Whether it does the same to each entry, wherever that stands."""
        return self.make in ENTRYWISE or isinstance(self.make, Times)

    @property
    def is_shrinking(self) -> bool:
        """Whether the result has fewer entries than the first slot."""
        return math.prod(self.result.shape) < math.prod(self.slots[0].shape)


ENTRYWISE = (operator.mul, operator.add, operator.sub)


@dataclass
class Tape:
    """What has to be computed, in order; filled when planned, run when traced."""

    steps: list[Step] = field(default_factory=list)
    entries: int = 0
    """How many are computed by all steps."""
    _scaled: dict[tuple[int, float], Slot] = field(default_factory=dict)

    def step(
        self,
        make: Callable[..., Array],
        slots: Sequence[Slot],
        atoms: Sequence[Any],
        shape: Sequence[int],
        flops: int | None = None,
        whole: Whole | None = None,
        selected: int = 0,
        gathered: int = 0,
        is_dear: bool = False,
        is_move: bool = False,
        takes_turned: bool = False,
    ) -> Slot:
        """Notes a computation; by default it takes one flop for each entry."""
        shape = tuple(shape)
        work = math.prod(shape) if flops is None else flops
        given = tuple(self.multiplied(slot) for slot in slots)
        result = Slot(len(self.steps), shape)
        self.entries += math.prod(shape)
        kinds = whole, selected, gathered, is_dear, is_move, takes_turned
        self.steps.append(Step(make, given, tuple(atoms), result, work, *kinds))
        return result

    def linear(
        self, make: Callable[..., Array], slot: Slot, *given: Any, **work: Any
    ) -> Slot:
        """Notes what is linear in one slot, whose factor waits."""
        return self.step(make, [slot.array], *given, **work).scaled(slot.factor)

    def moved(
        self, make: Callable[..., Array], slot: Slot, shape: Sequence[int]
    ) -> Slot:
        """Notes a move of entries, whose factor waits."""
        return self.linear(make, slot, [], shape, flops=0, is_move=True)

    def multiplied(self, slot: Slot) -> Slot:
        """The same entries, with their factor multiplied in.

        Entries that are moved are multiplied where they come from, if they are no more
        there: what they are moved to in several ways is multiplied once.
        """
        if slot.factor == 1.0:
            return slot
        c = slot.factor
        step, moves = self.steps[slot.number], []
        while step.is_move and not step.is_shrinking:
            moves.append(step)
            step = self.steps[step.slots[0].number]
        key = step.result.number, c
        if key not in self._scaled:
            shape = step.result.shape
            self._scaled[key] = self.step(Times(c), [step.result], [], shape)
        for move in reversed(moves):
            source, key = self._scaled[key], (move.result.number, c)
            if key not in self._scaled:
                shape, work = move.result.shape, {"gathered": move.gathered}
                made = self.step(
                    move.make, [source], [], shape, 0, **work, is_move=True
                )
                self._scaled[key] = made
        return self._scaled[key]

    def settled(self, terms: Terms) -> Terms:
        """Terms with their factors multiplied in."""
        return tuple(
            replace(t, value=self.multiplied(t.value))
            if isinstance(t.value, Slot)
            else t
            for t in terms
        )


def needed(steps: Sequence[Step], wanted: Iterable[Slot]) -> list[Step]:
    """The steps that some slots depend on, in order."""
    live = {slot.number for slot in wanted}
    kept = []
    for step in reversed(steps):
        if step.result.number in live:
            kept.append(step)
            live.update(slot.number for slot in step.slots)
    return kept[::-1]


def run(
    steps: Sequence[Step], wanted: Iterable[Slot], read: Callable[[Any], Array]
) -> dict[int, Array]:
    """The arrays of some slots by number; ``read`` gives the value of an atom."""
    values: dict[int, Array | Turned] = {}
    for step in steps:
        taken = [values[slot.number] for slot in step.slots]
        values[step.result.number] = _result(step, taken, map(read, step.atoms))
    return {slot.number: upright(values[slot.number]) for slot in wanted}


def _result(
    step: Step, taken: Sequence[Array | Turned], atoms: Iterable[Array]
) -> Array | Turned:
    """What a step makes; entries stay turned if it does the same to each."""
    if step.takes_turned:
        return step.make(*taken, *atoms)
    if step.is_entrywise and any(isinstance(x, Turned) for x in taken):
        return Turned(step.make(*(Turned.of(x).array for x in taken)))
    return step.make(*map(upright, taken), *atoms)


def slots_of(*jacobians: Terms) -> list[Slot]:
    """The computed values of some Jacobians."""
    return [t.value for terms in jacobians for t in terms if isinstance(t.value, Slot)]
