"""Vertex elimination on bitsets: what one step costs, and what it leaves.

The edges of a state are rows of bits, held as Python integers: for each vertex that can
be eliminated its predecessors and its successors. Eliminating ``v`` joins each of its
predecessors to each of its successors; one such product of partials is the unit of
cost. A state depends only on the set of vertices that are gone, not on their order.

A *weighed* state tells partials apart by how many bits an edge has. A row is then three
layers of equal width: all edges, those that are not units, those that are generic.

- typed: a unit (+-1, a copy) times anything is free and keeps the other's type; two
  constants multiply for free into one; any other product costs 1 and is generic. A sum
  is constant unless one part is generic.
- raw: every product costs 1, but one with a copy has nothing to multiply and is free.
  It is the same rule, with copies as the only units, and no constants.

Source: Griewank & Walther, Evaluating Derivatives (2008), chapters 9 and 10.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from irad.ordering.graph import Eliminated, Graph, Kind

Objective: TypeAlias = Literal["raw", "typed"]
State: TypeAlias = list[int]

REMEMBERED = 1 << 16

# The layers that an edge of each kind has a bit in: all, not a unit, generic.
LAYERS: dict[Objective, dict[Kind, tuple[int, ...]]] = {
    "raw": {
        Kind.GENERIC: (0, 1, 2),
        Kind.UNIT: (0, 1, 2),
        Kind.COPY: (0,),
        Kind.CONSTANT: (0, 1, 2),
    },
    "typed": {
        Kind.GENERIC: (0, 1, 2),
        Kind.UNIT: (0,),
        Kind.COPY: (0,),
        Kind.CONSTANT: (0, 1),
    },
}
# The layers of a sum of two edges, whatever they are.
SUMS: dict[Objective, tuple[int, ...]] = {"raw": (1, 2), "typed": (1,)}


@dataclass(frozen=True)
class Elimination:
    """A graph prepared for elimination under one objective.

    ``vertices`` can be eliminated, and are called by their place in this list, their
    *slot*. Bit ``s`` of a row is the vertex of slot ``s``; inputs and outputs have the
    bits above. ``start`` holds the row of predecessors of each slot, then the rows of
    successors. ``own`` has the edges of a slot, in the rows of its neighbours;
    ``outputs`` are slots that are outputs too, and keep their in-edges.
    """

    objective: Objective
    vertices: tuple[int, ...]
    width: int
    weighed: bool
    start: tuple[int, ...]
    own: tuple[int, ...]
    outputs: frozenset[int]

    @classmethod
    def of(cls, graph: Graph, objective: Objective) -> Elimination:
        """The elimination of ``graph`` with no vertex gone yet."""
        if objective not in LAYERS:
            raise ValueError(f"the objective is 'raw' or 'typed', not {objective!r}")
        vertices = graph.eliminated
        chosen = set(vertices)
        others = (v for v in range(graph.num_vertices) if v not in chosen)
        bits = {v: bit for bit, v in enumerate((*vertices, *others))}
        weighed = objective == "typed" or any(
            kind == Kind.COPY for _, _, kind in graph.edges
        )
        width, count = graph.num_vertices, len(vertices)
        layers = {
            kind: sum(1 << width * layer for layer in found) if weighed else 1
            for kind, found in LAYERS[objective].items()
        }
        rows = [0] * (2 * count)
        for of, to, kind in graph.edges:
            if to in chosen:
                rows[bits[to]] |= layers[kind] << bits[of]
            if of in chosen:
                rows[count + bits[of]] |= layers[kind] << bits[to]
        every = sum(1 << width * layer for layer in range(3)) if weighed else 1
        own = tuple(every << slot for slot in range(count))
        outputs = frozenset(bits[v] for v in chosen.intersection(graph.outputs))
        return cls(objective, vertices, width, weighed, tuple(rows), own, outputs)

    def kept(self) -> tuple[list[int], list[int]]:
        """What stays of the rows around a slot when it goes: successors, predecessors.

        An output stays a successor.
        """
        predecessors = [~own for own in self.own]
        successors = [
            -1 if slot in self.outputs else kept
            for slot, kept in enumerate(predecessors)
        ]
        return successors, predecessors

    def slots(self, vertices: Iterable[int]) -> list[int]:
        """The slots of ``vertices``."""
        slot = {v: slot for slot, v in enumerate(self.vertices)}
        return [slot[v] for v in vertices]

    def rows(self) -> Rows:
        """How rows of this elimination are priced and joined."""
        return _weighed(self) if self.weighed else PLAIN

    def steps(self) -> Steps:
        """The two sides of a step in states of this elimination."""
        count = len(self.vertices)
        inner = (1 << count) - 1
        kept_after, kept_before = self.kept()
        rows, places = self.rows(), Places()
        worth, past = rows.price, rows.past

        def price(state: State, slot: int) -> int:
            return worth(state[slot], state[count + slot])

        def eliminate(state: State, slot: int) -> None:
            before, after = state[slot], state[count + slot]
            keep = kept_after[slot]
            for at in places[before & inner]:
                state[count + at] = past(state[count + at], slot, after, keep)
            keep = kept_before[slot]
            for at in places[after & inner]:
                state[at] = past(state[at], slot, before, keep)

        return Steps(price, eliminate)

    def total(self, slots: Iterable[int]) -> int:
        """What it costs to eliminate ``slots`` in this order."""
        state, steps, total = list(self.start), self.steps(), 0
        for slot in slots:
            total += steps.price(state, slot)
            steps.eliminate(state, slot)
        return total


@dataclass(frozen=True)
class Steps:
    """What eliminating a slot costs in a state, and doing so in place."""

    price: Callable[[State, int], int]
    eliminate: Callable[[State, int], None]


@dataclass(frozen=True)
class Rows:
    """What can be done with rows.

    ``price(before, after)`` is the cost of joining two rows at a vertex, the same
    either way round. ``past(row, slot, far, keep)`` is a row that has an edge with
    ``slot``, once that is gone and ``far`` is its row on the other side; ``keep`` masks
    what stays. ``less(row, lost)`` is a row without the edges of another.
    """

    price: Callable[[int, int], int]
    past: Callable[[int, int, int, int], int]
    less: Callable[[int, int], int]


class Places(dict[int, tuple[int, ...]]):
    """The places of the bits of a number, remembered: the same come up often."""

    def __missing__(self, bits: int) -> tuple[int, ...]:
        places = tuple(at for at in range(bits.bit_length()) if bits >> at & 1)
        if len(self) >= REMEMBERED:
            self.clear()
        self[bits] = places
        return places


PLAIN = Rows(
    price=lambda before, after: before.bit_count() * after.bit_count(),
    past=lambda row, slot, far, keep: row & keep | far,
    less=lambda row, lost: row & ~lost,
)
"""Where every edge has a value and every product costs 1."""


def _weighed(elimination: Elimination) -> Rows:
    """Rows in three layers."""
    width = elimination.width
    twice, everything = 2 * width, (1 << width) - 1
    sums = sum(1 << width * layer for layer in SUMS[elimination.objective])
    constant = 1 | 1 << width
    every = constant | 1 << twice

    def price(before: int, after: int) -> int:
        generic, generic_after = before >> twice, (after >> twice).bit_count()
        known = (before >> width & everything).bit_count() - generic.bit_count()
        known_after = (after >> width & everything).bit_count()
        return generic.bit_count() * known_after + known * generic_after

    def past(row: int, slot: int, far: int, keep: int) -> int:
        reached = far & everything
        if row >> twice + slot & 1:
            path = reached * every
        elif row >> width + slot & 1:
            path = reached * constant | far >> twice << twice
        else:
            path = far
        return row & keep | path | (row & reached) * sums

    def less(row: int, lost: int) -> int:
        return row & ~((lost & everything) * every)

    return Rows(price, past, less)


@dataclass(frozen=True)
class Count:
    """How many multiplications an elimination order takes, by both conventions."""

    raw: int
    typed: int


def check(graph: Eliminated, vertices: Sequence[int]) -> None:
    """Raises where ``vertices`` is no elimination order of ``graph``."""
    wanted, found = graph.eliminated, sorted(vertices)
    if found != list(wanted):
        missing = sorted(set(wanted) - set(found))
        strange = sorted(set(found) - set(wanted))
        raise ValueError(
            "an order lists each vertex to eliminate once: "
            f"missing {missing}, not to eliminate {strange}"
            + ("" if missing or strange else ", and some twice")
        )


def count(graph: Graph, vertices: Sequence[int]) -> Count:
    """Counts the multiplications of eliminating ``vertices`` in this order.

    Raw: one for each pair of an in-edge and an out-edge of a vertex when its turn
    comes, none where either is a copy. Typed: none either where one is +1 or -1 or both
    are constants. Additions and the partials themselves are not counted.

    Raises ValueError where ``vertices`` is not an order of ``graph.eliminated``.

    >>> graph = Graph(1, [(0, 1), (1, 2), (2, 3, 1), (2, 4)], [3, 4])
    >>> count(graph, [1, 2]), count(graph, [2, 1])
    (Count(raw=3, typed=2), Count(raw=4, typed=3))
    """
    check(graph, vertices)
    return Count(_total(graph, vertices, "raw"), _total(graph, vertices, "typed"))


def _total(graph: Graph, vertices: Sequence[int], objective: Objective) -> int:
    elimination = Elimination.of(graph, objective)
    return elimination.total(elimination.slots(vertices))
