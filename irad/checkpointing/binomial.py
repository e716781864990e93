"""Binomial checkpointing: the fewest steps to run again, and where to store a state.

Steps ``0, ..., l - 1`` are reversed last to first. Reversing a step needs the state
before it; a slot holds one state, and the slot of the first state counts. A range of
``l`` steps with ``c`` slots is reversed by advancing ``split(l, c)`` steps, storing the
state there, reversing the steps beyond with one slot less, and then those before
(Griewank and Walther 2000, Algorithm 799, "Revolve").
"""

from __future__ import annotations

import functools
import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

LARGEST = np.iinfo(np.int32).max
DEPTH = 64
"""How often a step may be advanced by an exact split, where their number is unknown."""


def reversible(slots: int, repeats: int) -> int:
    """The most steps that can be reversed with no step advanced more than so often."""
    return math.comb(slots + repeats, slots)


def repetitions(steps: int, slots: int) -> int:
    """How often, at most, the best reversal of so many steps advances a step."""
    repeats = 0
    while reversible(slots, repeats) < steps:
        repeats += 1
    return repeats


def advances(steps: int, slots: int) -> int:
    """The fewest steps advanced to reverse so many steps: t(l, c).

    Each is advanced as often as the deepest one, but for those that fewer repetitions
    reach: ``t = r l - C(c + r, c + 1)``.
    """
    if steps == 0:
        return 0
    repeats = repetitions(steps, slots)
    return repeats * steps - math.comb(slots + repeats, slots + 1)


def split(steps: int, slots: int) -> int:
    """How many steps to advance before the next state is stored, or reversed.

    Of the best choices it is the largest, which stores the fewest states.
    """
    if slots == 1 or steps == 1:
        return steps - 1
    repeats = repetitions(steps, slots)
    beyond = math.comb(slots - 1 + repeats - 1, slots - 1)
    return min(reversible(slots, repeats - 1), steps - beyond)


@functools.lru_cache(64)
def reach(slots: int, steps: int | None = None) -> np.ndarray:
    """``reversible`` as a table: a row for each count of slots, cut at the largest.

    The table of a number of ``steps`` is as long as exact splits of them need; one slot
    needs none.
    """
    depth = DEPTH
    if steps is not None and slots > 1:
        depth = 1 + repetitions(steps, slots)
    rows = [
        [min(reversible(c, r), LARGEST) for r in range(depth)] for c in range(slots + 1)
    ]
    return np.array(rows, np.int32)


def traced_split(table: Any, steps: Any, slots: Any) -> Any:
    """``split`` of traced numbers, by the table ``reach``.

    A range that needs more repetitions than the table has leaves as much beyond the
    split as the table reaches.
    """
    row = lax.dynamic_index_in_dim(table, slots, keepdims=False)
    repeats = jnp.sum(row < steps, dtype=np.int32)
    before = lax.max(repeats - np.int32(1), np.int32(0))
    beyond = table[slots - np.int32(1), before]
    longest = jnp.where(repeats < table.shape[1], row[before], steps)
    return lax.min(longest, steps - beyond)
