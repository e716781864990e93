"""Counting: how many steps a ``while`` takes, where its condition says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from irad_passes._compat import Jaxpr, JaxprEqn
from irad_passes.bodies import open_jaxpr
from irad_passes.lines import Line, Lines

# A scan counts its steps in 32 bits.
_MOST = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Count:
    """How many steps a loop takes, and its integers at each of them.

    ``counters`` has the line of each carry that is on one; ``lines`` knows the integers
    of the body.
    """

    trips: int
    counters: tuple[Line | None, ...]
    lines: Lines


def count_of(eqn: JaxprEqn, body: Jaxpr, inputs: Sequence[Line | None]) -> Count | None:
    """The count of a ``while``, None where its steps are not counted by constants.

    What to expect is guessed without regard to the ends of integer types, and then
    checked step for step: a counter that wraps around counts nothing.

    Args:
        eqn: A ``while`` equation.
        body: Its body.
        inputs: The lines of its operands, those that are known constants.
    """
    cond = open_jaxpr(eqn.params["cond_jaxpr"])
    a, b = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    first, fixed, start = inputs[:a], inputs[a : a + b], inputs[a + b :]
    counters = tuple(_counter(body, fixed, j, line) for j, line in enumerate(start))
    trips = _trips(cond, [*first, *counters])
    if trips is None or trips > _MOST:
        return None
    if not _ends(cond, first, counters, trips):
        return None
    lines = Lines(max(trips - 1, 0))
    results = lines.run(body, [*fixed, *counters])
    if any(c and y != _later(c, 1) for c, y in zip(counters, results, strict=True)):
        return None
    return Count(trips, counters, lines)


def _counter(
    body: Jaxpr, fixed: Sequence[Line | None], j: int, start: Line | None
) -> Line | None:
    """The line of a carry to which each step adds the same."""
    if start is None:
        return None
    carries: list[Line | None] = [None] * (len(body.invars) - len(fixed))
    carries[j] = Line(0, 1)
    y = Lines(None).run(body, [*fixed, *carries])[j]
    return Line(start.start, y.start) if y is not None and y.slope == 1 else None


def _trips(cond: Jaxpr, inputs: Sequence[Line | None]) -> int | None:
    """The first step at which the condition may say something else than at first."""
    if Lines(0).run(cond, inputs) == [Line(0)]:
        return 0
    lines = Lines(None)
    lines.run(cond, inputs)
    return min(lines.turns, default=None)


def _ends(
    cond: Jaxpr,
    first: Sequence[Line | None],
    counters: Sequence[Line | None],
    trips: int,
) -> bool:
    """Whether the condition holds at so many steps and then no more."""
    after = [c and Line(c.at(trips)) for c in counters]
    if Lines(0).run(cond, [*first, *after]) != [Line(0)]:
        return False
    return trips == 0 or Lines(trips - 1).run(cond, [*first, *counters]) == [Line(1)]


def _later(line: Line, steps: int) -> Line:
    return Line(line.at(steps), line.slope)
