"""Online checkpoints: how many steps are run again, against the best with foresight."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from irad.checkpointing import binomial, online

SLOTS = (1, 2, 3, 4, 5, 8, 16, 32)


def with_foresight(steps: int, slots: int) -> int:
    """The fewest steps run again after a forward loop that knew its length.

    The ranges have 1, ..., c slots; of their further steps, the next is where a step is
    advanced least often. As many as ``C(c + r + 1, c) - 1`` steps need ``r``.
    """
    total = before = repeats = 0
    while before < steps:
        most = min(steps, binomial.reversible(slots, repeats + 1) - 1)
        total += repeats * (most - before)
        before, repeats = most, repeats + 1
    return total


def lengths(slots: int) -> list[int]:
    """Numbers of steps: all small ones, and some larger."""
    return [*range(1, 4 * slots + 30), *range(200, 12000, 397)]


@pytest.mark.parametrize("slots", SLOTS)
def test_no_other_places_are_better_up_to_single_repetition(slots):
    for steps in range(1, slots * (slots + 3) // 2 + 1):
        assert online.run_again(steps, slots) == max(0, steps - slots)
        assert online.run_again(steps, slots) == with_foresight(steps, slots)


@pytest.mark.parametrize("slots", SLOTS)
def test_at_most_one_and_a_half_times_the_steps_with_foresight_are_run(slots):
    for steps in lengths(slots):
        run = steps + online.run_again(steps, slots)
        assert run <= 1.5 * (steps + with_foresight(steps, slots))


def test_thirty_two_slots_are_within_a_fifth():
    for steps in lengths(32):
        run = steps + online.run_again(steps, 32)
        assert run <= 1.2 * (steps + with_foresight(steps, 32))


@pytest.mark.parametrize("slots", SLOTS)
def test_the_first_state_is_always_stored_and_no_slot_twice(slots):
    for steps in lengths(slots):
        positions = online.placed(steps, slots)
        assert positions[0] == 0
        assert len(set(positions)) == len(positions) <= slots


def test_few_states_are_stored_of_a_long_loop():
    assert (online.schedule(32).events[:, 0] < 10**6).sum() < 800


@pytest.mark.parametrize("slots", [1, 2, 3, 4, 5, 8])
def test_the_traced_machine_makes_the_advances_that_are_counted(slots):
    """Every step is reversed once, last to first, from its own state."""
    machine = jax.jit(_reversal(slots))
    for steps in [0, 1, 2, 3, slots, slots + 1, 17, 60, 111, 250]:
        again, wrong = machine(np.int32(steps))
        expected = online.run_again(steps, slots) if steps else 0
        assert (int(again), int(wrong)) == (expected, 0)


KNOWN = [(1, 1), (2, 1), (2, 2), (17, 1), (17, 4), (100, 3), (100, 32), (1000, 2)]


def test_with_the_number_of_steps_known_the_advances_are_binomial() -> None:
    for slots in (1, 2, 3, 4, 8, 32, 100):
        for steps in (1, 2, 3, 5, 17, 60, 100, 1000, 10_000):
            first = online.placed(steps, slots, known=True)[-1]
            again = online.run_again(steps, slots, known=True)
            assert first + again == binomial.advances(steps, slots)
            assert again == with_foresight(steps, slots)


@pytest.mark.parametrize(("steps", "slots"), KNOWN)
def test_so_does_the_traced_machine_make_them(steps, slots):
    again, wrong = jax.jit(_reversal(slots, steps))(np.int32(steps))
    assert (int(again), int(wrong)) == (online.run_again(steps, slots, known=True), 0)


def _reversal(slots: int, known: int | None = None):
    """A loop whose states are the numbers of their steps, and its reversal."""
    table = online.schedule(slots, known)
    reach = jnp.asarray(binomial.reach(slots, known))
    events, kept = jnp.asarray(table.events), jnp.asarray(table.kept)
    zero = jnp.zeros((), jnp.int32)

    def store(carry):
        event, step, positions, states, steps = carry
        slot, positions, until = online.placing(events, kept, event, step, positions)
        states = states.at[slot].set(step)
        until = jnp.minimum(until, steps)
        return event + np.int32(1), until, positions, states, steps

    def keep(carry):
        left, positions, states, again = carry
        slot, distance, arrived, _ = online.stretch(reach, positions, left)
        state = states[slot] + distance
        slot, positions = online.settled(positions, arrived)
        return left, positions, states.at[slot].set(state), again + distance

    def turn(carry):
        left, positions, states, again = lax.while_loop(
            lambda carry: online.stretch(reach, carry[1], carry[0])[3], keep, carry[:4]
        )
        slot, distance, _, _ = online.stretch(reach, positions, left)
        left -= np.int32(1)
        wrong = carry[4] + (states[slot] + distance != left).astype(np.int32)
        return left, online.freed(positions, left), states, again + distance, wrong

    def run(steps):
        positions = jnp.full((slots,), online.FREE, np.int32)
        states = jnp.zeros((slots + 1,), np.int32)
        start = (zero, zero, positions, states, steps)
        _, _, positions, states, _ = lax.while_loop(
            lambda carry: carry[1] < steps, store, start
        )
        start = (steps, positions, states, zero, zero)
        return lax.while_loop(lambda carry: carry[0] > 0, turn, start)[3:]

    return run
