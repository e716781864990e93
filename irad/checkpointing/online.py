"""Online checkpoints: which states to store while the number of steps is unknown.

Every state is stored until the slots are full. Then, up to ``c (c + 3) / 2`` steps,
states are given up so that no step is advanced more than once when the loop is reversed
(Stumm and Walther 2010): the first range grows to ``c + 1`` steps, the second to ``c``,
the last to 2. Beyond, every other state is given up and the distance between new ones
doubled, again and again; a third of the slots stays free for the reversal, where they
are worth most. Few states are stored then, and at most 1.5 times the steps are run that
binomial checkpoints placed with the number of steps known would run (measured for up to
64 slots and 30,000 steps; 1.19 times for 32 slots).

With the number of steps known, states are stored where the reversal would have stored
them: at the splits of binomial checkpoints.

A schedule is a table, made once for a number of slots.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from irad.checkpointing.binomial import LARGEST, advances, split, traced_split

FREE = -1
"""The position of a slot that holds no state."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """When a state is stored, and where.

    A row of ``events`` is (the step before which a state is stored, its slot, the row
    of ``kept`` with the slots that keep their states). The row after the last event is
    never reached. Slot ``c`` of ``c`` slots stands for none.
    """

    events: np.ndarray
    kept: np.ndarray


@functools.lru_cache(64)
def schedule(slots: int, steps: int | None = None) -> Schedule:
    """The schedule for a number of slots, the first state's included, and of steps."""
    if steps is not None:
        events = _at_the_splits(slots, steps)
        return Schedule(np.array(events, np.int32), np.array([[True] * slots]))
    events = [(i, i, 0) for i in range(slots)]
    order = list(range(slots))
    for first in range(1, slots):
        for _ in range(slots - first + 1):
            order.append(order.pop(first))
            events.append((len(events), order[-1], 0))
    kept = [[True] * slots]
    events += _thinned(slots, order, kept)
    events.append((LARGEST, slots, 0))
    return Schedule(np.array(events, np.int32), np.array(kept))


def _at_the_splits(slots: int, steps: int) -> list[tuple[int, int, int]]:
    """The events of binomial checkpoints: what is left beyond has one slot less."""
    events, step = [(0, 0, 0)], 0
    for slot in range(1, slots):
        if steps - step <= 1:
            break
        step += split(steps - step, slots - slot + 1)
        events.append((step, slot, 0))
    return [*events, (LARGEST, slots, 0)]


def _thinned(
    slots: int, order: list[int], kept: list[list[bool]]
) -> list[tuple[int, int, int]]:
    """The events after those of single repetition; adds the rows of ``kept``.

    ``order`` has the slots in the order of their states.
    """
    most = max(1, 2 * (slots - 1) // 3)
    step, distance = slots * (slots + 3) // 2, max(slots, 1)
    events = []
    while step < LARGEST and slots > 1:
        row = 0
        if len(order) >= most:
            while len(order) >= max(most, 2):
                order, distance = order[::2], 2 * distance
            row = len(kept)
            kept.append([slot in order for slot in range(slots)])
        if len(order) == most:
            return [*events, (step, slots, row)]
        slot = min(set(range(slots)) - set(order))
        order = [*order, slot]
        events.append((step, slot, row))
        step += distance
    return events


def placed(steps: int, slots: int, *, known: bool = False) -> list[int]:
    """The positions of the states that are stored after so many steps, in order.

    ``known`` says that their number was.
    """
    table = schedule(slots, steps if known else None)
    positions = [FREE] * (slots + 1)
    for step, slot, row in table.events.tolist():
        if step >= steps:
            break
        if row:
            held = zip(positions, [*table.kept[row], False], strict=True)
            positions = [p if keeps else FREE for p, keeps in held]
        positions[slot] = step
    return sorted(p for p in positions[:slots] if p != FREE)


def run_again(steps: int, slots: int, *, known: bool = False) -> int:
    """How many steps the reversal advances, after so many steps were run.

    The last range has its own slot and the free ones, each range before one more.
    ``known`` says that their number was: then these are the ``advances`` of binomial
    checkpoints but for those of the forward loop, to the last state that it stored.
    """
    positions = placed(steps, slots, known=known)
    free = slots - len(positions)
    ranges = [b - a for a, b in pairwise([*positions, steps])]
    return sum(advances(n, free + 1 + i) for i, n in enumerate(reversed(ranges)))


# On traced numbers; ``positions`` is an array with a place for each slot --------------


def placing(
    events: Any, kept: Any, event: Any, step: Any, positions: Any
) -> tuple[Any, Any, Any]:
    """The slot for the state before ``step``, the positions then, the next stop."""
    now = lax.dynamic_index_in_dim(events, event, keepdims=False)
    keeps = lax.dynamic_index_in_dim(kept, now[2], keepdims=False)
    positions = _moved_in(jnp.where(keeps, positions, np.int32(FREE)), now[1], step)
    return now[1], positions, events[event + np.int32(1), 0]


def stretch(table: Any, positions: Any, left: Any) -> tuple[Any, Any, Any, Any]:
    """Where the reversal goes on, with steps ``0, ..., left - 1`` left to reverse.

    Returns:
        The slot of the last state, how many steps to advance from it, the step arrived
        at, and whether its state is stored; the step is reversed otherwise.
    """
    slot = lax.argmax(positions, 0, np.int32)
    position = lax.dynamic_index_in_dim(positions, slot, keepdims=False)
    free = jnp.sum(positions == FREE, dtype=np.int32)
    distance = traced_split(table, left - position, free + np.int32(1))
    arrived = position + distance
    return slot, distance, arrived, arrived + np.int32(1) < left


def settled(positions: Any, arrived: Any) -> tuple[Any, Any]:
    """A free slot for the state arrived at, and the positions then."""
    slot = lax.argmin(positions, 0, np.int32)
    return slot, _moved_in(positions, slot, arrived)


def freed(positions: Any, left: Any) -> Any:
    """The positions with the slots of reversed steps free."""
    return jnp.where(positions < left, positions, np.int32(FREE))


def _moved_in(positions: Any, slot: Any, step: Any) -> Any:
    numbers = np.arange(positions.shape[0], dtype=np.int32)
    return jnp.where(numbers == slot, step, positions)
