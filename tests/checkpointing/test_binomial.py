"""Binomial checkpointing: the formulas, against every way there is."""

from __future__ import annotations

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from irad.checkpointing import binomial


@cache
def fewest(steps: int, slots: int) -> int:
    """The fewest advances over all places for the next state."""
    if steps <= 1:
        return 0
    if slots == 1:
        return steps * (steps - 1) // 2
    return min(
        k + fewest(steps - k, slots - 1) + fewest(k, slots) for k in range(1, steps)
    )


def reversal(steps: int, slots: int) -> int:
    """The advances made when states are stored at the split points."""
    if steps <= 1:
        return 0
    k = binomial.split(steps, slots)
    if slots == 1:
        return k + reversal(steps - 1, 1)
    return k + reversal(steps - k, slots - 1) + reversal(k, slots)


@pytest.mark.parametrize("slots", range(1, 6))
def test_advances_are_the_fewest_of_all_ways(slots):
    for steps in range(1, 60):
        assert binomial.advances(steps, slots) == fewest(steps, slots)


@pytest.mark.parametrize("slots", [1, 2, 3, 4, 5, 8])
def test_storing_at_the_split_points_makes_the_fewest_advances(slots):
    for steps in range(1, 150):
        assert reversal(steps, slots) == binomial.advances(steps, slots)


def test_no_step_needs_more_repetitions_than_reversible_says():
    for slots in range(1, 6):
        for repeats in range(1, 5):
            most = binomial.reversible(slots, repeats)
            assert binomial.repetitions(most, slots) == repeats
            assert binomial.repetitions(most + 1, slots) == repeats + 1


def test_nothing_and_one_step_need_no_advance():
    assert [binomial.advances(n, c) for n in (0, 1) for c in (1, 4)] == [0] * 4


@pytest.mark.parametrize("slots", [2, 3, 8, 32])
def test_the_split_of_traced_numbers_is_the_same(slots):
    steps = np.arange(1, 3000 if slots > 2 else 2000, dtype=np.int32)
    split = jax.jit(jax.vmap(binomial.traced_split, (None, 0, None)))
    found = split(jnp.asarray(binomial.reach(slots)), steps, np.int32(slots))
    assert found.tolist() == [binomial.split(n, slots) for n in steps.tolist()]


@pytest.mark.parametrize("slots", [1, 2, 3])
def test_a_split_beyond_the_table_is_a_step_of_the_range(slots):
    table = jnp.asarray(binomial.reach(slots))
    for steps in (10**4, 10**6, 2**31 - 1):
        found = binomial.traced_split(table, np.int32(steps), np.int32(slots))
        assert 0 < found < steps
        assert slots > 1 or found == steps - 1
