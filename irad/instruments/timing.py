"""Times of several sides taken in turn in one process, and their ratio.

The sides are run A B A B ... after a warm-up, so that a slow moment of the machine
falls on all of them. One sample is the mean of as many calls as last ``SAMPLE``
seconds. The ratio of two sides is the median of the
ratios within a round; its 95% interval comes from resampling the rounds with
replacement (the percentile bootstrap of Efron, 1979), from a fixed seed.
"""

from __future__ import annotations

import gc
import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

SAMPLE = 5e-3
RESAMPLES = 4000


@dataclass(frozen=True)
class Side:
    """One competitor: ``run`` is timed on what ``prepare`` made outside the clock."""

    run: Callable[[Any], object]
    prepare: Callable[[], object] | None = None


@dataclass(frozen=True)
class Rounds:
    """How often the sides take their turn: ``least``, then ``most`` or ``seconds``.

    ``shuffled`` rounds each have an order of their own, from a fixed seed: for sides
    that leave the machine in another state to the one that follows.
    """

    least: int = 20
    most: int = 20
    seconds: float = math.inf
    shuffled: bool = False


@dataclass(frozen=True)
class Times:
    """Seconds a call, one sample a round."""

    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        return float(np.median(self.samples))

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles, relative to the median."""
        low, high = np.quantile(self.samples, (0.25, 0.75))
        return float((high - low) / 2 / self.median)


@dataclass(frozen=True)
class Ratio:
    """The median of paired ratios and its 95% interval."""

    median: float
    low: float
    high: float


def call(fun: Callable[..., object], *args: object) -> Side:
    """The side that calls ``fun`` and waits until its results are there."""
    return Side(lambda _: jax.block_until_ready(fun(*args)))


def interleaved(
    sides: Mapping[str, Side],
    *,
    rounds: Rounds | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Times]:
    """Times of every side, taken in turn.

    A side that prepares is called once a sample, for each call needs its own
    preparation.
    """
    rounds = rounds or Rounds()
    calls = {name: _calls(side, clock) for name, side in sides.items()}
    samples: dict[str, list[float]] = {name: [] for name in sides}
    order, draw = list(sides), random.Random(0)
    gc.collect()
    started = time.perf_counter()
    for done in range(rounds.most):
        if done >= rounds.least and time.perf_counter() - started > rounds.seconds:
            break
        if rounds.shuffled:
            draw.shuffle(order)
        for name in order:
            samples[name].append(_sample(sides[name], calls[name], clock))
    return {name: Times(tuple(taken)) for name, taken in samples.items()}


def ratio(times: Times, reference: Times, *, seed: int = 0) -> Ratio:
    """``times`` over ``reference``, round by round."""
    paired = np.array(times.samples) / np.array(reference.samples)
    drawn = np.random.default_rng(seed).integers(
        len(paired), size=(RESAMPLES, len(paired))
    )
    low, high = np.quantile(np.median(paired[drawn], axis=1), (0.025, 0.975))
    return Ratio(float(np.median(paired)), float(low), float(high))


def _calls(side: Side, clock: Callable[[], float]) -> int:
    """Warms a side up, and finds how many of its calls make a sample."""
    _sample(side, 1, clock)
    if side.prepare:
        return 1
    once = _sample(side, 1, time.perf_counter)
    return max(1, math.ceil(SAMPLE / max(once, 1e-7)))


def _sample(side: Side, calls: int, clock: Callable[[], float]) -> float:
    """Seconds a call."""
    made = side.prepare() if side.prepare else None
    started = clock()
    for _ in range(calls):
        side.run(made)
    return (clock() - started) / calls
