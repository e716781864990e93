"""The orders that need no search: forward, reverse and Markowitz's greedy one."""

from __future__ import annotations

from irad.ordering.elimination import Elimination
from irad.ordering.graph import Eliminated, Graph


def forward(graph: Eliminated) -> tuple[int, ...]:
    """The order of forward mode: every vertex after its predecessors.

    >>> forward(Graph(1, [(0, 1), (1, 2), (2, 3)], [3]))
    (1, 2)
    """
    return graph.eliminated


def reverse(graph: Eliminated) -> tuple[int, ...]:
    """The order of reverse mode: every vertex after its successors.

    >>> reverse(Graph(1, [(0, 1), (1, 2), (2, 3)], [3]))
    (2, 1)
    """
    return graph.eliminated[::-1]


def markowitz(graph: Graph) -> tuple[int, ...]:
    """The greedy order: next comes the vertex with the fewest in-edges times out-edges.

    Every edge counts, whatever its kind; of equals the first comes first. Source:
    Griewank & Reese, On the calculation of Jacobian matrices by the Markowitz rule
    (1991).

    >>> markowitz(Graph(2, [(0, 2), (1, 2), (2, 3), (3, 4), (3, 5)], [4, 5]))
    (2, 3)
    """
    elimination = Elimination.of(graph, "raw")
    width = elimination.width
    everything, total = (1 << width) - 1, len(elimination.vertices)
    state = list(elimination.start)
    eliminate, rest = elimination.steps().eliminate, list(range(total))

    def degree(slot: int) -> int:
        before, after = state[slot] & everything, state[total + slot] & everything
        return before.bit_count() * after.bit_count()

    order: list[int] = []
    while rest:
        slot = min(rest, key=degree)
        rest.remove(slot)
        eliminate(state, slot)
        order.append(elimination.vertices[slot])
    return tuple(order)
