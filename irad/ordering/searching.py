"""The search for an elimination order with few multiplications."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from functools import partial

from irad.ordering.annealing import Schedule, rounds
from irad.ordering.elimination import Elimination, Objective, count
from irad.ordering.exact import optimum
from irad.ordering.graph import Graph
from irad.ordering.orders import forward, markowitz, reverse
from irad.ordering.walk import Walk

# Up to so many vertices the optimum is found faster than a search ends.
SMALL = 12
SCHEDULE = Schedule(first=800, hot=0.8, cold=0.1)
# So many moves a vertex where no number is given.
DEFAULT = 2000


@dataclass(frozen=True)
class Found:
    """An elimination order, its multiplications, and whether time cut the search."""

    vertices: tuple[int, ...]
    raw: int
    typed: int
    out_of_time: bool


def search(
    graph: Graph,
    moves: int | None = None,
    seconds: float = 1.0,
    seed: int = 0,
    *,
    objective: Objective = "raw",
) -> Found:
    """Searches an elimination order with few multiplications, raw ones by default.

    ``objective`` says which count is made small, ``"raw"`` or ``"typed"`` (see
    ``count``); the result has both. It is never above forward, reverse or Markowitz
    order: the search starts from the best of them and anneals. ``moves`` bounds it, by
    default 2,000 a vertex, and equal seeds then find equal orders; ``seconds`` is a
    cap, and ``out_of_time`` says whether it was reached. Graphs of up to 12 vertices to
    eliminate get the optimum, whatever the bounds.

    >>> search(Graph(1, [(0, 1), (1, 2), (2, 3), (2, 4)], [3, 4]))
    Found(vertices=(1, 2), raw=3, typed=3, out_of_time=False)
    """
    if moves is not None and moves < 0:
        raise ValueError(f"a search makes no {moves} moves")
    if seconds < 0:
        raise ValueError(f"a search cannot take {seconds} seconds")
    ends = time.monotonic() + seconds
    if len(graph.eliminated) <= SMALL:
        return _found(graph, optimum(graph, objective=objective), False)
    elimination = Elimination.of(graph, objective)
    total = len(elimination.vertices)
    starts = (elimination.slots(o(graph)) for o in (reverse, forward, markowitz))
    budget = DEFAULT * total if moves is None else moves
    order, expired = rounds(
        partial(Walk, elimination),
        min(starts, key=elimination.total),
        budget,
        SCHEDULE,
        random.Random(seed),
        lambda: time.monotonic() > ends,
    )
    vertices = tuple(elimination.vertices[slot] for slot in order)
    return _found(graph, vertices, expired)


def _found(graph: Graph, vertices: tuple[int, ...], out_of_time: bool) -> Found:
    counted = count(graph, vertices)
    return Found(vertices, counted.raw, counted.typed, out_of_time)
