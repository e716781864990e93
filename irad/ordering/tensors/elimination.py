"""Vertex elimination on tensor graphs: what one step costs, and what it leaves.

Partials are numbered as they come up, so that a product or a sum of two is worked out
once. States share what a step does not touch: they are kept at no expense.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from irad.ordering.elimination import Places, check
from irad.ordering.tensors.graph import TensorGraph
from irad.ordering.tensors.partial import Partial, added, multiplied


class State(NamedTuple):
    """Of each vertex its in-edges with numbers of partials, and its successors as bits.

    Neither is changed once it is in a state.
    """

    into: list[dict[int, int]]
    out: list[int]


class Elimination:
    """A tensor graph prepared for elimination.

    ``vertices`` can be eliminated, and are called by their place in this list, their
    *slot*.
    """

    def __init__(self, graph: TensorGraph) -> None:
        self.vertices = graph.eliminated
        self.slot = {v: slot for slot, v in enumerate(self.vertices)}
        self._shapes = graph.shapes
        self._places = Places()
        self._outputs = frozenset(graph.plain.outputs)
        self._partials: list[Partial] = []
        self._numbers: dict[Partial, int] = {}
        self._products: dict[tuple[int, int], tuple[int, int]] = {}
        self._sums: dict[tuple[int, int, int], int] = {}
        into: list[dict[int, int]] = [{} for _ in graph.shapes]
        out = [0] * len(graph.shapes)
        edges = zip(graph.plain.edges, graph.partials, strict=True)
        for (of, to, _), partial in edges:
            into[to][of] = self._number(partial)
            out[of] |= 1 << to
        self.start = State(into, out)

    def step(self, state: State, slot: int) -> tuple[int, State]:
        """The multiplications of eliminating a slot, and the state after it."""
        v = self.vertices[slot]
        into, out = state.into[:], state.out[:]
        arriving, leaving, cost = into[v], out[v], 0
        products, sums = self._products, self._sums
        for w in self._places[leaving]:
            row = into[w] = into[w].copy()
            after = row.pop(v)
            for u, before in arriving.items():
                found = products.get((after, before)) or self._product(after, before)
                cost += found[0]
                made, known = found[1], row.get(u)
                if known is not None:
                    made = sums.get((known, made, w)) or self._sum(known, made, w)
                row[u] = made
        kept = v in self._outputs
        gone = 0 if kept else 1 << v
        for u in arriving:
            out[u] = out[u] & ~gone | leaving
        into[v] = arriving if kept else {}
        out[v] = 0
        return cost, State(into, out)

    def total(self, slots: Iterable[int]) -> int:
        """What it costs to eliminate ``slots`` in this order."""
        total, state = 0, self.start
        for slot in slots:
            cost, state = self.step(state, slot)
            total += cost
        return total

    def neighbours(self, state: State, slot: int) -> Iterator[int]:
        """The slots that one has an edge with."""
        v, slots = self.vertices[slot], self.slot
        for u in (*state.into[v], *self._places[state.out[v]]):
            if u in slots:
                yield slots[u]

    def _number(self, partial: Partial) -> int:
        """The number of a partial; the first is 1, so that none is taken for None."""
        number = self._numbers.get(partial)
        if number is None:
            self._partials.append(partial)
            number = self._numbers[partial] = len(self._partials)
        return number

    def _product(self, after: int, before: int) -> tuple[int, int]:
        partials = self._partials
        cost, made = multiplied(partials[after - 1], partials[before - 1])
        found = self._products[after, before] = cost, self._number(made)
        return found

    def _sum(self, a: int, b: int, to: int) -> int:
        made = added(self._partials[a - 1], self._partials[b - 1], self._shapes[to])
        found = self._sums[a, b, to] = self._number(made)
        return found


def count(graph: TensorGraph, vertices: Sequence[int]) -> int:
    """Counts the multiplications of eliminating ``vertices`` in this order.

    Additions, moves and the partials themselves are not counted. Raises ValueError
    where ``vertices`` is not an order of ``graph.eliminated``.
    """
    check(graph, vertices)
    elimination = Elimination(graph)
    return elimination.total(elimination.slot[v] for v in vertices)
