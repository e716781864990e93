"""Times in turns, counts, and the check that two sides computed the same."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from irad.errors import DisagreementError
from irad.instruments import counts
from irad.instruments.agreement import agree
from irad.instruments.timing import Rounds, Side, Times, interleaved, ratio


class Clock:
    """A clock that moves only when a side runs."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ran: list[str] = []

    def __call__(self) -> float:
        return self.now

    def side(self, name: str, seconds: float) -> Side:
        def run(_: object) -> None:
            self.now += seconds
            self.ran.append(name)

        return Side(run, prepare=lambda: None)


def test_sides_take_turns_after_each_was_warmed_up():
    clock = Clock()
    sides = {"a": clock.side("a", 1.0), "b": clock.side("b", 3.0)}
    times = interleaved(sides, rounds=Rounds(least=4, most=4), clock=clock)
    assert clock.ran == ["a", "b"] * 5
    assert times["a"].samples == (1.0,) * 4
    assert times["b"].median == 3.0
    assert times["b"].spread == 0.0


def test_shuffled_rounds_have_every_side_after_every_other():
    clock = Clock()
    sides = {name: clock.side(name, 1.0) for name in "abc"}
    rounds = Rounds(least=20, most=20, shuffled=True)
    times = interleaved(sides, rounds=rounds, clock=clock)
    turns = clock.ran[3:]
    assert all(sorted(turns[i : i + 3]) == [*"abc"] for i in range(0, 60, 3))
    assert set(itertools.permutations("abc", 2)) <= set(itertools.pairwise(turns))
    assert all(len(side.samples) == 20 for side in times.values())


def test_what_prepares_is_not_timed_and_makes_anew():
    clock = Clock()
    made = itertools.count()
    seen: list[int] = []

    def prepare() -> int:
        clock.now += 100.0
        return next(made)

    side = Side(lambda one: seen.append(one), prepare)
    times = interleaved({"a": side}, rounds=Rounds(least=3, most=3), clock=clock)
    assert times["a"].samples == (0.0,) * 3
    assert seen == [0, 1, 2, 3]


def test_a_slow_moment_that_falls_on_both_sides_leaves_the_ratio():
    slow = np.array([1.0, 1.0, 10.0, 1.0, 5.0])
    found = ratio(Times(tuple(2 * slow)), Times(tuple(slow)))
    assert (found.median, found.low, found.high) == (2.0, 2.0, 2.0)


def test_the_interval_of_a_noisy_ratio_holds_the_ratio():
    noise = np.random.default_rng(0).lognormal(sigma=0.1, size=(2, 40))
    found = ratio(Times(tuple(1.5 * noise[0])), Times(tuple(noise[1])))
    assert found.low < 1.5 < found.high
    assert found.high - found.low < 0.3


TREE: dict[str, Any] = {
    "w": np.array([1.0, -2.0, 3.0], np.float32),
    "b": np.float32(0.5),
}

BROKEN: dict[str, object] = {
    "scaled": {"w": TREE["w"] * np.float32(1.001), "b": TREE["b"]},
    "missing entry": {"w": np.array([1.0, 0.0, 3.0], np.float32), "b": TREE["b"]},
    "one leaf scaled": {"w": TREE["w"], "b": np.float32(0.6)},
    "NaN": {"w": np.array([1.0, np.nan, 3.0], np.float32), "b": TREE["b"]},
    "inf": {"w": np.array([np.inf, -2.0, 3.0], np.float32), "b": TREE["b"]},
    "other dtype": {"w": TREE["w"].astype(np.float64), "b": TREE["b"]},
    "other shape": {"w": TREE["w"][None], "b": TREE["b"]},
    "other tree": (TREE["w"], TREE["b"]),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_result_is_an_error(broken):
    with pytest.raises(DisagreementError):
        agree(broken, TREE, tolerance=2e-4)


def test_rounding_is_no_error():
    near = jax.tree.map(lambda x: x * np.float32(1.00001), TREE)
    assert 0 < agree(near, TREE, tolerance=2e-4) < 2e-5


def test_nan_and_inf_agree_where_both_have_them():
    odd = np.array([np.nan, np.inf, -np.inf, 1.0])
    assert agree(odd, odd.copy(), tolerance=0.0) == 0.0
    with pytest.raises(DisagreementError):
        agree(odd, np.array([np.nan, -np.inf, -np.inf, 1.0]), tolerance=1.0)


def test_equations_of_inner_programs_count_where_they_stand():
    inner = jax.jit(lambda x: jnp.sin(x) * x)

    def program(x):
        y, _ = lax.scan(lambda c, _: (lax.sin(c), None), inner(inner(x)), length=3)
        return y

    # Two calls of two equations each; a loop with one in its body.
    jaxpr = jax.make_jaxpr(program)(1.0).jaxpr
    assert counts.equations(jaxpr) == 2 * 2 + 1 + 1


def test_stablehlo_operations_count_regions_and_no_terminators():
    lowered = jax.jit(lambda x: lax.sin(lax.exp(x))).lower(1.0)
    assert counts.stablehlo_operations(lowered.compiler_ir()) == 2
    looped = jax.jit(lambda x: lax.fori_loop(0, 3, lambda _, x: lax.sin(x), x))
    assert counts.stablehlo_operations(looped.lower(1.0).compiler_ir()) > 3
