"""The reason that a plan gives: times that are nearly the same are said to be so."""

from __future__ import annotations

import pytest

from irad.cost import Cost
from irad.planning.plans import Candidate, Recipe, reason


def candidate(way: str, seconds: float, flops: int) -> Candidate:
    return Candidate(Recipe(way), Cost(flops=flops), seconds, "")


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (10e-6, "10 times faster than forward"),
        (99e-6, "as fast as forward"),
        (101e-6, "as fast as forward"),
        (150e-6, "the best of those that give what was asked for"),
    ],
)
def test_a_reason_says_how_much_faster_a_way_is(seconds, said):
    first = candidate("forward, structured", seconds, 100)
    others = [candidate("forward", 100e-6, 2000), candidate("reverse", 1e-3, 20_000)]
    assert reason(first, others).startswith(f"forward, structured: {said}")
