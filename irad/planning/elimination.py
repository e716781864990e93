"""Vertex elimination: local Jacobians multiplied in any order, structure kept.

The vertices are the variables of the linear program, the edges the local Jacobians in
ELLPACK terms. Eliminating a vertex multiplies every edge into it with every edge out of
it, and adds products that join the same two vertices.

Source: Griewank & Walther, Evaluating Derivatives (2008), section 10.2.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from irad._compat import ir
from irad._compat.ir import Literal, Var
from irad.accumulate import ENGINE
from irad.ellpack import Propagation, Slot, Term, Terms, TooWideError, identity
from irad.ellpack.indexing import taken_term
from irad.ellpack.propagation import equation
from irad.errors import PlanError
from irad.linearization import is_differentiable
from irad.ordering import Graph, markowitz, search
from irad.planning.program import Program, size_of
from irad.planning.result import Structure
from irad.planning.sweeps import Sweeps

WIDEST = 16
"""Edges with more entries for an element are left to the other ways."""

MOST_VERTICES = 600
MOVES_A_SECOND = 100_000
"""So many moves of the search take a second of one CPU, on graphs of 100 vertices."""


class Elimination:
    """A program's graph of local Jacobians, and their product in a given order."""

    def __init__(self, program: Program, dtype: Any) -> None:
        self.program = program
        self.sweeps = Sweeps(program, dtype)
        section = program.whole()
        wanted = tuple(is_differentiable(v.aval) for v in section.stop)
        split = ENGINE.linearize(section.jaxpr, section.active, wanted)
        swept = self.sweeps.walked(section, split, program.columns)
        self._walk, linear = swept.walk, swept.linear
        self._linear = linear
        self._tangents = linear.invars[len(split.sources) :]
        self._split = split
        self._number: dict[Any, int] = {v: i for i, v in enumerate(self._tangents)}
        self._variables: list[Any] = list(self._tangents)
        self.labels: list[str] = []
        self._edges: dict[tuple[int, int], Terms] = {}
        for eqn in linear.eqns:
            self._add(eqn)
        self._outputs = [
            self._number[v]
            for v in linear.outvars
            if type(v) is not Literal and self._number.get(v, 0) >= len(self._tangents)
        ]

    def _add(self, eqn: Any) -> None:
        """The local Jacobian of an equation, an edge from each operand."""
        operands = [self._number.get(x) if type(x) is Var else None for x in eqn.invars]
        if all(n is None for n in operands):
            self._walk.compute(eqn)
            return
        if len(self._variables) > MOST_VERTICES:
            raise TooWideError(f"it has more than {MOST_VERTICES} vertices")
        first: dict[int, int] = {}
        total = 0
        for n in operands:
            if n is not None and n not in first:
                first[n] = total
                total += size_of([self._variables[n]])
        local = Propagation(
            self.sweeps.tape, total, self.sweeps.dtype, self._walk.known
        )
        local.multiples = self._walk.multiples
        given = [
            None if n is None else identity(self._shape(n), first[n]) for n in operands
        ]
        results = equation(local, eqn, given)
        if local.whole:
            raise TooWideError(f"'{eqn.primitive}' is applied as a whole")
        for v, terms in zip(eqn.outvars, results, strict=True):
            self._enter(v, terms, first, eqn)

    def _enter(self, v: Any, terms: Terms, first: dict[int, int], eqn: Any) -> None:
        if sum(t.k for t in terms) > WIDEST:
            raise TooWideError(f"'{eqn.primitive}' has more than {WIDEST} entries")
        w = len(self._variables)
        self._number[v] = w
        self._variables.append(v)
        shape = "x".join(map(str, v.aval.shape)) or "scalar"
        place = ir.source_line(eqn)
        self.labels.append(f"{w}: {eqn.primitive} {shape} at {place}")
        for u, offset in first.items():
            own = _within(self._walk, terms, offset, size_of([self._variables[u]]))
            if own:
                self._edges[u, w] = tuple(own)

    def _shape(self, n: int) -> tuple[int, ...]:
        return tuple(self._variables[n].aval.shape)

    def graph(self) -> Graph:
        """The graph as orders are searched on it."""
        edges = [(u, w, _kind(terms)) for (u, w), terms in self._edges.items()]
        return Graph(len(self._tangents), edges, sorted(set(self._outputs)))

    def structure(self, vertices: Sequence[int]) -> tuple[Sweeps, Structure]:
        """The Jacobian by eliminating ``vertices`` in this order."""
        edges = dict(self._edges)
        into: dict[int, set[int]] = {}
        out: dict[int, set[int]] = {}
        for u, w in edges:
            into.setdefault(w, set()).add(u)
            out.setdefault(u, set()).add(w)
        outputs = set(self._outputs)
        for v in vertices:
            for w in sorted(out.get(v, ())):
                for u in sorted(into.get(v, ())):
                    product = self._product(edges[v, w], edges[u, v], v)
                    edges[u, w] = self._walk.merged([*edges.get((u, w), ()), *product])
                    into.setdefault(w, set()).add(u)
                    out.setdefault(u, set()).add(w)
                del edges[v, w]
                into[w].discard(v)
            out.pop(v, None)
            if v not in outputs:
                for u in into.pop(v, set()):
                    del edges[u, v]
                    out[u].discard(v)
        return self.sweeps, self._collected(edges)

    def _product(self, after: Terms, before: Terms, v: int) -> Iterable[Term]:
        """``after @ before``: of each entry's column the entries."""
        shape = self._shape(v)
        for b in after:
            for j in range(b.k):
                source = b.columns.index[j].astype(np.int64)
                for a in before:
                    taken = taken_term(self._walk, a, shape, source)
                    yield self._scaled(taken, b, j)

    def _scaled(self, term: Term, b: Term, j: int) -> Term:
        """A term times the ``j``-th entries of another."""
        if not isinstance(b.value, Slot):
            return Term(term.columns, self._walk.arithmetic.times(term.value, b.value))
        row = min(j, b.value.shape[0] - 1)
        if not isinstance(term.value, Slot):
            c, shape = term.value, (1, *b.value.shape[1:])
            slot = self._walk.tape.linear(
                lambda w: w[row : row + 1], b.value, [], shape, flops=0
            )
            return Term(term.columns, self._walk.arithmetic.times(slot, c))
        shape = np.broadcast_shapes(term.value.shape, (1, *b.value.shape[1:]))
        slot = self._walk.tape.step(
            lambda v, w: v * w[row : row + 1],
            [term.value.array, b.value.array],
            [],
            shape,
        )
        value = self._walk.arithmetic.times(
            slot.scaled(term.value.factor), b.value.factor
        )
        return Term(term.columns, value)

    def _collected(self, edges: dict[tuple[int, int], Terms]) -> Structure:
        """What is left: edges from inputs to outputs."""
        of_output = iter(self._linear.outvars)
        zeros = iter(self._split.zeros)
        by_output: list[Terms] = []
        for carried in self._split.carries:
            if not carried or next(zeros):
                by_output.append(())
                continue
            w = self._number.get(next(of_output))
            by_output.append(() if w is None else self._row(edges, w))
        program = self.program
        return Structure(program.inputs, program.outputs, tuple(by_output), ())

    def _row(self, edges: dict[tuple[int, int], Terms], w: int) -> Terms:
        if w < len(self._tangents):  # an input that is an output
            first = size_of(self._tangents[:w])
            return identity(self._shape(w), first)
        found: list[Term] = []
        for u in range(len(self._tangents)):
            first = size_of(self._tangents[:u])
            found += _within(self._walk, edges.get((u, w), ()), -first, None)
        return self._walk.merged(found)


def _within(
    walk: Propagation, terms: Terms, offset: int, size: int | None
) -> list[Term]:
    """The entries in a range of columns, counted from its first."""
    found = []
    for t in terms:
        index = t.columns.index
        inside = (
            index >= 0 if size is None else (index >= offset) & (index < offset + size)
        )
        if inside.any():
            columns = walk.columns(np.where(inside, index - offset, -1))
            found.append(Term(columns, t.value))
    return found


def _kind(terms: Terms) -> int:
    """How an edge counts: 1 a unit, 3 a constant, 0 anything else."""
    values = [t.value for t in terms]
    if any(isinstance(v, Slot) for v in values):
        return 0
    return 1 if len(values) == 1 and values[0] in (1.0, -1.0) else 3


def in_order(graph: Graph, vertices: Sequence[int] | None) -> tuple[int, ...]:
    """A remembered order; of Markowitz if the graph has other vertices by now.

    A literal that became an input can make an edge of what was none.
    """
    if vertices is None or set(vertices) != set(graph.eliminated):
        return markowitz(graph)
    return tuple(vertices)


def searched(graph: Graph, seconds: float) -> tuple[tuple[int, ...], bool]:
    """The best order that some moves find, and whether they were cut short."""
    moves = int(MOVES_A_SECOND * seconds)
    found = search(graph, moves=moves, seconds=2.0, objective="typed")
    return tuple(found.vertices), found.out_of_time


def checked(order: Sequence[int], graph: Graph) -> tuple[int, ...]:
    """An order given by the user; PlanError if it does not name each vertex once."""
    expected = set(graph.eliminated)
    if len(order) != len(set(order)) or set(order) != expected:
        missing = sorted(expected - set(order))
        other = sorted(set(order) - expected)
        raise PlanError(
            "an order names every vertex to eliminate once"
            + (f"; missing: {missing}" if missing else "")
            + (f"; no such vertex: {other}" if other else "")
            + ". irad.plan(fun, order='markowitz') lists them as plan.vertices."
        )
    return tuple(order)
