"""The search for an elimination order of a tensor graph with few multiplications."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from functools import partial

from irad.ordering.annealing import Schedule, rounds
from irad.ordering.orders import forward, reverse
from irad.ordering.tensors.elimination import Elimination, count
from irad.ordering.tensors.graph import TensorGraph
from irad.ordering.tensors.walk import Walk

# A move takes ten times as long as on a plain graph, and few vertices cost the most.
SCHEDULE = Schedule(first=25, hot=0.8, cold=0.02)
# So many moves a vertex where no number is given.
DEFAULT = 200


@dataclass(frozen=True)
class Found:
    """An elimination order, its multiplications, and whether time cut the search."""

    vertices: tuple[int, ...]
    multiplications: int
    out_of_time: bool


def markowitz(graph: TensorGraph) -> tuple[int, ...]:
    """The greedy order: next comes the vertex that takes the fewest multiplications.

    Of equals the first comes first.
    """
    elimination = Elimination(graph)
    state, rest = elimination.start, list(range(len(elimination.vertices)))
    order: list[int] = []
    while rest:
        ahead = {slot: elimination.step(state, slot) for slot in rest}
        slot = min(rest, key=lambda slot: ahead[slot][0])
        state = ahead[slot][1]
        rest.remove(slot)
        order.append(elimination.vertices[slot])
    return tuple(order)


def search(
    graph: TensorGraph, moves: int | None = None, seconds: float = 1.0, seed: int = 0
) -> Found:
    """Searches an elimination order with few multiplications.

    It is never above forward, reverse or greedy order: the search starts from the best
    of them and anneals. ``moves`` bounds it, by default 200 a vertex, and equal seeds
    then find equal orders; ``seconds`` is a cap, and ``out_of_time`` says whether it
    was reached.
    """
    if moves is not None and moves < 0:
        raise ValueError(f"a search makes no {moves} moves")
    if seconds < 0:
        raise ValueError(f"a search cannot take {seconds} seconds")
    ends = time.monotonic() + seconds
    elimination = Elimination(graph)
    slots = elimination.slot
    starts = [[slots[v] for v in o(graph)] for o in (reverse, forward, markowitz)]
    order, expired = rounds(
        partial(Walk, elimination),
        min(starts, key=elimination.total),
        DEFAULT * len(slots) if moves is None else moves,
        SCHEDULE,
        random.Random(seed),
        lambda: time.monotonic() > ends,
    )
    vertices = tuple(elimination.vertices[slot] for slot in order)
    return Found(vertices, count(graph, vertices), expired)
