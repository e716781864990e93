"""Our side beside another one, and in what the other is better."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.harness.tables import Row, interval, quantity

COUNTED = {"flops": "flops", "temporaries": "temp_bytes"}
"""What is compared of two compiled programs, and its name in their rows."""


@dataclass(frozen=True)
class Contest:
    """Ours beside one other side.

    ``time`` is the median of our time over theirs and its 95% interval, nothing where
    both are the same program. ``counts`` has ours and theirs by what is counted.
    """

    beside: str
    time: Row | None = None
    counts: Mapping[str, tuple[float, float]] = field(default_factory=dict)

    def lost(self) -> dict[str, str]:
        """What the other side has less of: time beyond its interval, any count."""
        found = {
            what: _over(ours, theirs)
            for what, (ours, theirs) in self.counts.items()
            if ours > theirs
        }
        if self.time and self.time["low"] > 1:
            return {"time": interval(self.time), **found}
        return found


def timed(row: Row) -> list[Contest]:
    """Ours beside each side that it was timed with."""
    return [Contest(name, time) for name, time in row["beside"].items()]


def counted(ours: Row, theirs: Row) -> dict[str, tuple[float, float]]:
    """Operations and memory of two compiled programs.

    Operations are left out where some cannot be counted: a loop of unknown length is
    counted as one step.
    """
    is_known = not (ours["uncounted"] or theirs["uncounted"])
    return {
        what: (ours[key], theirs[key])
        for what, key in COUNTED.items()
        if is_known or key != "flops"
    }


def inverse(theirs: Row) -> Row:
    """Our time over theirs, of their time over ours."""
    turned = {"median": "median", "low": "high", "high": "low"}
    return {end: 1 / theirs[other] for end, other in turned.items()}


def _over(ours: float, theirs: float) -> str:
    if not theirs:
        return f"{quantity(ours)} over none"
    # A thousandth more is more, and should not read as if it were as much.
    return f"{ours / theirs:.4g}"
