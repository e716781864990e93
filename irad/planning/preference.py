"""The preference: which of the ways that were priced is taken."""

from __future__ import annotations

from collections.abc import Sequence

from irad.cost import seconds
from irad.planning.plans import FAVOUR, ORDERS, PLAIN, Candidate

SEARCHED = 1.2
"""Orders are not taken unless they are so many times faster: the kernels of scalar
programs are hard to predict."""

COMPILING, CALLS = 10e-3, 100_000
"""XLA for CPUs compiles a kernel in so many seconds, which so many calls share. Without
loops each kernel that runs was compiled."""

EQUAL, PLAIN_EQUAL = 1.02, 1.05
"""Predictions do not tell ways apart that are so near to one another: any two, forward
and reverse mode. A plain way is not taken then where another has fewer operations."""

Row = tuple[int, Candidate]
"""A place in a table, and what stands there."""


def preferred(rows: Sequence[Row], backend: str) -> Row:
    """The fastest, or the first that is about as fast; of plain ones the lesser."""
    scores = {place: _score(candidate, backend) for place, candidate in rows}
    least = min(scores.values())
    first = _lesser([row for row in rows if scores[row[0]] <= EQUAL * least])
    if first[1].way not in PLAIN:
        return first
    most = PLAIN_EQUAL * scores[first[0]]
    plain = [row for row in rows if row[1].way in PLAIN]
    near = [row for row in plain if scores[row[0]] <= most]
    first = min(near, key=lambda row: _flops(row[1]))
    others = (row for row in rows if row[1].way not in PLAIN)
    return next((row for row in others if _is_less(row[1], first[1])), first)


def _score(candidate: Candidate, backend: str) -> float:
    """The time of a call, its share of compiling, and what is against the way."""
    assert candidate.seconds is not None
    assert candidate.cost is not None
    kernels = 0 if candidate.cost.looped else candidate.cost.kernels
    score = candidate.seconds + COMPILING / CALLS * kernels
    if candidate.way in PLAIN:
        return score
    score += (FAVOUR - 1.0) * seconds(candidate.cost, backend)
    return score * (SEARCHED if candidate.way in ORDERS else 1.0)


def _lesser(rows: Sequence[Row]) -> Row:
    """The first; if that is plain, one that is not and takes fewer operations."""
    first, *others = rows
    if first[1].way not in PLAIN:
        return first
    kept = (row for row in others if row[1].way not in PLAIN)
    return next((row for row in kept if _flops(row[1]) < _flops(first[1])), first)


def _is_less(one: Candidate, other: Candidate) -> bool:
    """Whether straight code does less than another in every respect: no gamble."""
    assert one.cost is not None
    assert other.cost is not None
    a, b = one.cost, other.cost
    pairs = ((a.flops, b.flops), (a.bytes, b.bytes), (a.kernels, b.kernels))
    return not a.looped and all(x <= y for x, y in pairs)


def _flops(candidate: Candidate) -> int:
    assert candidate.cost is not None
    return candidate.cost.flops
