"""Partition: a program in two, before and after some of its inputs are known.

What the second program needs of the first is kept or computed again, whichever is
cheaper. The cheapest choice is a minimum cut of the program's graph. On the sink's side
are the variables that the second program has and the equations that it runs; on the
source's side, as nodes of their own, the equations that the first program runs. Edges
cut are paid for: to a variable from an equation that the second program does not run
(it is kept), and between the two nodes of an equation (it is run twice).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import compress
from math import inf

from irad_passes._compat import Jaxpr, JaxprEqn, Literal, Var
from irad_passes.dce import dce
from irad_passes.effects import is_pure, touches_refs, union_of_effects
from irad_passes.flow import sink_side

_SOURCE, _SINK = 0, 1


@dataclass(frozen=True, eq=False)
class Boundary:
    """What of a program is before and what is after.

    ``inputs`` and ``outputs`` of them, the first ones, are before. ``free`` marks the
    inputs before that are there afterwards as well, and need not be kept.
    """

    inputs: int
    outputs: int
    free: tuple[bool, ...]


@dataclass(frozen=True, eq=False)
class Price:
    """What it costs to keep a variable, and to run an equation twice.

    ``inf`` forbids it. To run an equation later and not before is free.
    """

    kept: Callable[[Var], float]
    computed: Callable[[JaxprEqn], float]


@dataclass(frozen=True, eq=False)
class Partition:
    """A program in two.

    ``first``: the inputs before to (the outputs before, kept). ``second``: (kept, the
    free inputs, the inputs after) to the outputs after. ``again`` are the equations
    that both run.
    """

    first: Jaxpr
    second: Jaxpr
    kept: tuple[Var, ...]
    again: tuple[JaxprEqn, ...]


def partition(jaxpr: Jaxpr, *, boundary: Boundary, price: Price) -> Partition:
    """A program divided at the least price.

    An equation with effects runs once: in the first program unless it depends on an
    input after. Each program keeps the order of its equations.

    Args:
        jaxpr: An open jaxpr without mutable arrays.
        boundary: Which inputs and outputs are before.
        price: What keeping and computing again cost.

    Raises:
        ValueError: The prices forbid every partition, an output before depends on an
            input after, or mutable arrays are read.
    """
    if touches_refs(jaxpr):
        raise ValueError("a program with mutable arrays cannot be divided")
    jaxpr = dce(jaxpr)
    n, m = boundary.inputs, boundary.outputs
    parts = _Parts.of(jaxpr, boundary)
    later = _available_later(parts, price)
    kept = [v for v in parts.priced if id(v) in later]
    for eqn in parts.early:
        if id(eqn) not in later:
            kept += [y for y in eqn.outvars if id(y) in later]
    first = _program(jaxpr, jaxpr.invars[:n], parts.early, [*jaxpr.outvars[:m], *kept])
    free = compress(jaxpr.invars[:n], boundary.free)
    eqns = [e for e in jaxpr.eqns if id(e) in parts.late or id(e) in later]
    operands = [*kept, *free, *jaxpr.invars[n:]]
    second = _program(jaxpr, operands, eqns, jaxpr.outvars[m:])
    made = {y for eqn in first.eqns for y in eqn.outvars}
    again = tuple(eqn for eqn in second.eqns if not made.isdisjoint(eqn.outvars))
    return Partition(first, second, tuple(kept), again)


def _program(
    jaxpr: Jaxpr,
    invars: Sequence[Var],
    eqns: Sequence[JaxprEqn],
    outvars: Sequence[Var | Literal],
) -> Jaxpr:
    """Some equations of a jaxpr as a program, but those that it does not need."""
    made = jaxpr.replace(
        invars=list(invars),
        outvars=list(outvars),
        eqns=list(eqns),
        effects=union_of_effects(eqns),
        debug_info=jaxpr.debug_info._replace(arg_names=None, result_paths=None),
    )
    return dce(made)


@dataclass(frozen=True, eq=False)
class _Parts:
    """A program's equations by what they depend on.

    ``early`` ones depend on inputs before alone, and the first program runs the
    ``required`` ones (ids) whatever is kept; ``late`` are the ids of the others.
    ``needed`` are the early variables that late equations and outputs read, but those
    that are there in any case; ``priced`` are the inputs that are not.
    """

    early: list[JaxprEqn]
    required: set[int]
    late: set[int]
    needed: list[Var]
    priced: list[Var]

    @staticmethod
    def of(jaxpr: Jaxpr, boundary: Boundary) -> _Parts:
        before = jaxpr.invars[: boundary.inputs]
        wanted, outputs = jaxpr.outvars[: boundary.outputs], jaxpr.outvars
        late_values = set(jaxpr.invars[boundary.inputs :])
        early: list[JaxprEqn] = []
        late: list[JaxprEqn] = []
        for eqn in jaxpr.eqns:
            if late_values.isdisjoint(_variables(eqn.invars)):
                early.append(eqn)
            else:
                late.append(eqn)
                late_values.update(eqn.outvars)
        if not late_values.isdisjoint(_variables(wanted)):
            raise ValueError("an output before depends on an input after")
        there = {*jaxpr.constvars, *compress(before, boundary.free)}
        read = dict.fromkeys(x for eqn in late for x in _variables(eqn.invars))
        read.update(dict.fromkeys(_variables(outputs[boundary.outputs :])))
        return _Parts(
            early,
            _required(early, wanted),
            set(map(id, late)),
            [x for x in read if x not in late_values and x not in there],
            [v for v in before if v not in there],
        )


def _variables(atoms: Sequence[Var | Literal]) -> list[Var]:
    return [x for x in atoms if isinstance(x, Var)]


def _required(eqns: Sequence[JaxprEqn], outvars: Sequence[Var | Literal]) -> set[int]:
    """Ids of the equations that the outputs or effects depend on."""
    read = set(_variables(outvars))
    found: set[int] = set()
    for eqn in reversed(eqns):
        if eqn.effects or not read.isdisjoint(eqn.outvars):
            found.add(id(eqn))
            read.update(_variables(eqn.invars))
    return found


def _available_later(parts: _Parts, price: Price) -> set[int]:
    """Ids of the variables that the second program has and the equations it runs."""
    network = _Network(parts.required, {y: e for e in parts.early for y in e.outvars})
    wanted = set(parts.needed)
    for eqn in reversed(parts.early):
        results = [y for y in eqn.outvars if y in wanted]
        if results and not network.keeps(eqn, results, price):
            network.add(eqn, results, price)
            wanted.update(_variables(eqn.invars))
    for v in parts.priced:
        if v in wanted:
            network.edges.append((_SOURCE, network.second(v), price.kept(v)))
    network.edges.extend((network.second(v), _SINK, inf) for v in parts.needed)
    return network.sink_side()


class _Network:
    """What is to be cut: nodes, each made when first asked for, and edges."""

    def __init__(self, required: set[int], makers: dict[Var, JaxprEqn]) -> None:
        self.edges: list[tuple[int, int, float]] = []
        self._required, self._makers = required, makers
        self._second: dict[int, int] = {}
        self._first: dict[int, int] = {}

    def add(self, eqn: JaxprEqn, results: Sequence[Var], price: Price) -> None:
        """An equation whose ``results`` the second program may need."""
        first, second = self.first(eqn), self.second(eqn)
        twice = price.computed(eqn) if is_pure(eqn) else inf
        self.edges += [(first, second, twice), (second, first, inf)]
        self.edges += [(second, self.second(y), price.kept(y)) for y in results]
        for x in dict.fromkeys(_variables(eqn.invars)):
            self.edges.append((self.second(x), second, inf))
            if x in self._makers:
                self.edges.append((first, self.first(self._makers[x]), inf))

    def keeps(self, eqn: JaxprEqn, results: Sequence[Var], price: Price) -> bool:
        """Keeps the ``results`` where running their equation twice is dearer.

        Whatever it is computed from need not be there later for its sake.
        """
        kept = [price.kept(y) for y in results]
        if id(eqn) not in self._required or price.computed(eqn) <= sum(kept):
            return False
        for y, cost in zip(results, kept, strict=True):
            self.edges.append((_SOURCE, self.second(y), cost))
        return True

    def second(self, x: Var | JaxprEqn) -> int:
        """The node on the sink's side if the second program has or runs this."""
        return self._second.setdefault(id(x), self._next())

    def first(self, eqn: JaxprEqn) -> int:
        """The node on the source's side if the first program runs this."""
        if id(eqn) in self._required:
            return _SOURCE
        return self._first.setdefault(id(eqn), self._next())

    def _next(self) -> int:
        return 2 + len(self._first) + len(self._second)

    def sink_side(self) -> set[int]:
        """Ids of what the second program has or runs."""
        side = sink_side(self._next(), self.edges, _SOURCE, _SINK)
        return {x for x, i in self._second.items() if side[i]}
