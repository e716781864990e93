"""Logarithmic axes whose ticks are plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

Direction: TypeAlias = Literal["x", "y"]

# Within a decade, by how far the axis goes.
STEPS = ((10.0, (1, 2, 3, 5, 7)), (100.0, (1, 2, 5)), (math.inf, (1,)))


def logarithmic(axes: Any, direction: Direction, low: float, high: float) -> None:
    """Scales an axis from ``low`` to ``high``, with ticks that read as numbers."""
    found = ticks(low, high)
    getattr(axes, f"set_{direction}scale")("log")
    getattr(axes, f"set_{direction}lim")(low, high)
    axis = getattr(axes, f"{direction}axis")
    axis.set_ticks(found, labels=[f"{tick:,.12g}" for tick in found])
    axis.set_ticks([], minor=True)
    axes.tick_params(axis=direction, labelsize=7)


def ticks(low: float, high: float) -> Sequence[float]:
    """Round numbers between two bounds."""
    steps = next(steps for span, steps in STEPS if high / low <= span)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    every = (float(f"{step}e{decade}") for decade in decades for step in steps)
    return [tick for tick in every if low <= tick <= high]
