"""The best order of a small graph, by dynamic programming over what is gone."""

from __future__ import annotations

from irad.ordering.elimination import Elimination, Objective, State
from irad.ordering.graph import Graph

MOST = 16


def optimum(graph: Graph, *, objective: Objective = "raw") -> tuple[int, ...]:
    """An order with the fewest multiplications of all, for at most 16 vertices.

    A state depends only on the set of vertices that are gone, so the best way to each
    of the 2^n sets is a best way to one with a vertex fewer, and that vertex. Raises
    ValueError for more vertices.

    >>> optimum(Graph(1, [(0, 1), (1, 2), (2, 3), (2, 4)], [3, 4]))
    (1, 2)
    """
    elimination = Elimination.of(graph, objective)
    total = len(elimination.vertices)
    if total > MOST:
        raise ValueError(f"{total} vertices are too many: there are 2^{total} sets")
    steps = elimination.steps()
    start: State = list(elimination.start)
    layer: dict[int, tuple[int, State]] = {0: (0, start)}
    last: dict[int, int] = {}
    for _ in range(total):
        following: dict[int, tuple[int, State]] = {}
        for gone, (spent, state) in layer.items():
            for slot in range(total):
                if gone >> slot & 1:
                    continue
                now, cost = gone | 1 << slot, spent + steps.price(state, slot)
                known = following.get(now)
                if known is None:
                    left = state[:]
                    steps.eliminate(left, slot)
                    following[now] = cost, left
                    last[now] = slot
                elif cost < known[0]:
                    following[now] = cost, known[1]
                    last[now] = slot
        layer = following
    return tuple(elimination.vertices[slot] for slot in _way(last, (1 << total) - 1))


def _way(last: dict[int, int], gone: int) -> list[int]:
    """The slots on the best way to ``gone``, first to last."""
    way: list[int] = []
    while gone:
        way.append(last[gone])
        gone ^= 1 << way[-1]
    return way[::-1]
