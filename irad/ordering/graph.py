"""A plain graph: vertices in topological order, and edges that carry partials."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol, TypeAlias

Edge: TypeAlias = tuple[int, int] | tuple[int, int, int]


class Eliminated(Protocol):
    """A graph, of scalars or of arrays: what an order of it lists, inputs first."""

    @property
    def eliminated(self) -> tuple[int, ...]: ...


class Kind(IntEnum):
    """What is known of the partial that an edge carries."""

    GENERIC = 0
    UNIT = 1
    COPY = 2
    CONSTANT = 3


@dataclass(frozen=True, init=False)
class Graph:
    """A computation as a graph: inputs, edges with kinds of partials, outputs.

    Vertices 0 to ``num_inputs - 1`` are the inputs; every other vertex comes after its
    predecessors. An edge is ``(from, to)`` or ``(from, to, kind)``: kind 0 is a value
    that is not known, 1 is +1 or -1, 2 is a pure copy, which has no value to multiply
    with, and 3 is a known constant. Parallel edges are the caller's to add up.

    >>> graph = Graph(1, [(0, 1), (1, 2), (1, 3, 1)], [2, 3])
    >>> graph.num_vertices, graph.eliminated
    (4, (1,))
    """

    num_inputs: int
    edges: tuple[tuple[int, int, Kind], ...]
    outputs: tuple[int, ...]

    def __init__(
        self, num_inputs: int, edges: Iterable[Edge], outputs: Iterable[int]
    ) -> None:
        if num_inputs < 0:
            raise ValueError(f"a graph cannot have {num_inputs} inputs")
        whole = tuple(_edge(edge, num_inputs) for edge in edges)
        _refuse_parallel(whole)
        object.__setattr__(self, "num_inputs", num_inputs)
        object.__setattr__(self, "edges", whole)
        object.__setattr__(self, "outputs", tuple(outputs))
        _check_outputs(self.outputs)

    @property
    def num_vertices(self) -> int:
        """One more than the last vertex that an edge or an output names."""
        heads = (to for _, to, _ in self.edges)
        return 1 + max((self.num_inputs - 1, *self.outputs, *heads))

    @property
    def eliminated(self) -> tuple[int, ...]:
        """What an elimination order lists: all but inputs and outputs nobody uses.

        An output that feeds others is eliminated from their paths and keeps its own
        in-edges.
        """
        used = {of for of, _, _ in self.edges}
        kept = set(self.outputs) - used
        return tuple(
            v for v in range(self.num_inputs, self.num_vertices) if v not in kept
        )


def _edge(edge: Edge, num_inputs: int) -> tuple[int, int, Kind]:
    if len(edge) not in (2, 3):
        raise ValueError(f"an edge is (from, to) or (from, to, kind), not {edge}")
    of, to = edge[:2]
    kind = edge[2] if len(edge) == 3 else Kind.GENERIC
    if kind not in set(Kind):
        raise ValueError(f"edge {edge}: the kind is 0, 1, 2 or 3, not {kind}")
    if of < 0:
        raise ValueError(f"edge {edge}: there is no vertex {of}")
    if to < num_inputs:
        raise ValueError(f"edge {edge} leads into input {to}")
    if of >= to:
        raise ValueError(f"edge {edge}: a vertex comes after its predecessors")
    return of, to, Kind(kind)


def _refuse_parallel(edges: tuple[tuple[int, int, Kind], ...]) -> None:
    seen: set[tuple[int, int]] = set()
    for of, to, _ in edges:
        if (of, to) in seen:
            raise ValueError(
                f"there are two edges from {of} to {to}: add them up into one"
            )
        seen.add((of, to))


def _check_outputs(outputs: tuple[int, ...]) -> None:
    if len(set(outputs)) < len(outputs):
        raise ValueError(f"an output is listed twice in {outputs}")
    if any(vertex < 0 for vertex in outputs):
        raise ValueError(f"an output is a vertex, which {min(outputs)} is not")
