"""Partition: a program in two, before and after some of its inputs are known.

What the second program needs of the first is kept or computed again, whichever is
cheaper: a minimum cut. An equation is on the sink's side if the second program computes
it again, a variable if the second program has it; a variable there whose equation is
not is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf

from jax.extend.core import Jaxpr, JaxprEqn, Literal, Var

from irad_passes.dce import dce
from irad_passes.effects import is_pure, touches_refs, union_of_effects
from irad_passes.flow import sink_side

SOURCE, SINK = 0, 1


@dataclass(frozen=True)
class Boundary:
    """What of a program is before and what is after.

    ``inputs`` and ``outputs`` of them, the first ones, are before. ``free`` marks the
    inputs before that are there afterwards as well, and need not be kept.
    """

    inputs: int
    outputs: int
    free: tuple[bool, ...]


@dataclass(frozen=True)
class Price:
    """What it costs to keep a variable, and to run an equation again.

    ``inf`` forbids it. ``computed`` is asked about equations that the first program
    runs in any case; to run another one later is free.
    """

    kept: Callable[[Var], float]
    computed: Callable[[JaxprEqn], float]


@dataclass(frozen=True)
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
    input after, and what the second program needs of it is kept.

    Args:
        jaxpr: An open jaxpr without mutable arrays.
        boundary: Which inputs and outputs are before.
        price: What keeping and computing again cost.

    Raises:
        ValueError: the prices forbid every partition, or mutable arrays are read.
    """
    if touches_refs(jaxpr):
        raise ValueError("a program with mutable arrays cannot be divided")
    parts = _Parts.of(jaxpr, boundary)
    later = parts.available_later(price)
    kept = parts.kept(later)
    again = [e for e in parts.early if id(e) in later]
    n, m = boundary.inputs, boundary.outputs
    before, after = jaxpr.invars[:n], jaxpr.invars[n:]
    free = [v for v, on in zip(before, boundary.free, strict=True) if on]
    first = _program(jaxpr, before, parts.early, [*jaxpr.outvars[:m], *kept])
    eqns = [e for e in jaxpr.eqns if id(e) in parts.late or id(e) in later]
    second = _program(jaxpr, [*kept, *free, *after], eqns, jaxpr.outvars[m:])
    ran = set(map(id, first.eqns))
    return Partition(
        first, second, tuple(kept), tuple(e for e in again if id(e) in ran)
    )


def _program(
    jaxpr: Jaxpr, invars: Sequence[Var], eqns: Sequence[JaxprEqn], outvars: Sequence
) -> Jaxpr:
    made = jaxpr.replace(
        invars=list(invars),
        outvars=list(outvars),
        eqns=list(eqns),
        effects=union_of_effects(eqns),
        debug_info=jaxpr.debug_info._replace(arg_names=None, result_paths=None),
    )
    return dce(made)


@dataclass(frozen=True)
class _Parts:
    """The equations: early ones, the ids of late ones, and of those needed early.

    ``needed`` are the variables that late equations and outputs read, ``priced`` the
    inputs that are not free.
    """

    early: list[JaxprEqn]
    late: set[int]
    required: set[int]
    needed: dict[Var, None]
    priced: list[Var]

    @staticmethod
    def of(jaxpr: Jaxpr, boundary: Boundary) -> _Parts:
        before = jaxpr.invars[: boundary.inputs]
        late_values = set(jaxpr.invars[boundary.inputs :])
        early, late = [], set()
        needed: dict[Var, None] = {}
        for eqn in jaxpr.eqns:
            reads = [x for x in eqn.invars if isinstance(x, Var)]
            if late_values.isdisjoint(reads):
                early.append(eqn)
                continue
            late.add(id(eqn))
            needed.update((x, None) for x in reads if x not in late_values)
            late_values.update(eqn.outvars)
        outputs = [x for x in jaxpr.outvars[boundary.outputs :] if isinstance(x, Var)]
        needed.update((x, None) for x in outputs if x not in late_values)
        pairs = zip(before, boundary.free, strict=True)
        there = {v for v, free in pairs if free} | set(jaxpr.constvars)
        return _Parts(
            early,
            late,
            _required(early, jaxpr.outvars[: boundary.outputs]),
            {x: None for x in needed if x not in there},
            [v for v in before if v not in there],
        )

    def available_later(self, price: Price) -> set[int]:
        """Ids of the equations and variables on the sink's side of the least cut."""
        if not self.needed:
            return set()
        number: dict[int, int] = {}
        edges: list[tuple[int, int, float]] = []

        def node(x: object) -> int:
            return number.setdefault(id(x), len(number) + 2)

        wanted = set(self.needed)
        for eqn in reversed(self.early):
            results = [y for y in eqn.outvars if y in wanted]
            if not results:
                continue
            edges.append((SOURCE, node(eqn), self._recomputing(eqn, price)))
            edges.extend((node(eqn), node(y), price.kept(y)) for y in results)
            reads = {x: None for x in eqn.invars if isinstance(x, Var)}
            wanted.update(reads)
            edges.extend((node(x), node(eqn), inf) for x in reads)
        for v in self.priced:
            if v in wanted:
                edges.append((SOURCE, node(v), price.kept(v)))
        edges.extend((node(v), SINK, inf) for v in self.needed)
        side = sink_side(len(number) + 2, edges, SOURCE, SINK)
        return {x for x, i in number.items() if side[i]}

    def _recomputing(self, eqn: JaxprEqn, price: Price) -> float:
        if not is_pure(eqn):
            return inf
        return price.computed(eqn) if id(eqn) in self.required else 0.0

    def kept(self, later: set[int]) -> list[Var]:
        """The variables there later that nothing computes again."""
        inputs = [v for v in self.priced if id(v) in later]
        made = (e.outvars for e in self.early if id(e) not in later)
        return [*inputs, *(y for outvars in made for y in outvars if id(y) in later)]


def _required(eqns: Sequence[JaxprEqn], outvars: Sequence[Var | Literal]) -> set[int]:
    """Ids of the equations that the outputs or effects depend on."""
    read = {x for x in outvars if isinstance(x, Var)}
    found = set()
    for eqn in reversed(eqns):
        if eqn.effects or not read.isdisjoint(eqn.outvars):
            found.add(id(eqn))
            read.update(x for x in eqn.invars if isinstance(x, Var))
    return found
