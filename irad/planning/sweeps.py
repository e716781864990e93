"""Jacobians carried through sections, and what it takes to compute them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from jax import numpy as jnp

from irad._compat import calls, ir
from irad._compat.ir import ClosedJaxpr, Jaxpr, Literal, Var
from irad.accumulate import ENGINE
from irad.compression.known import known_values
from irad.ellpack import Propagation, Slot, Tape, Terms, identity, propagate, slots_of
from irad.ellpack.factoring import factored
from irad.ellpack.multiples import Multiple, multiple_of
from irad.ellpack.terms import Step, needed, run
from irad.graph import SplitProgram
from irad.linear_map import bind
from irad.linearization import is_differentiable
from irad.planning.program import Program, Section, size_of
from irad_passes import cse, dce, inline

Array = Any

FREE, PER_COLUMN, MOST_TIMES = 1 << 22, 16, 4
"""A walk ends where it has more columns than these, and one for so many entries of a
plain way, which take as long as one column on the host; or where it computes so many
times the entries of a plain way, and no product is left that could make up for it."""


@dataclass(frozen=True, eq=False)
class Swept:
    """A section, its split program, and the walk that carried Jacobians through it."""

    section: Section
    split: SplitProgram
    linear: Jaxpr
    walk: Propagation
    bases: tuple[Var, ...] = ()
    """What residuals are multiples of: results of the forward program beside them."""


@dataclass
class Sweeps:
    """The sections of one derivative, in the order they run, and its one tape."""

    program: Program
    dtype: Any
    tape: Tape = field(default_factory=Tape)
    swept: list[Swept] = field(default_factory=list)

    def push(
        self, section: Section, seeds: Sequence[Terms], columns: int, **options: Any
    ) -> list[Terms]:
        """The Jacobians of ``stop``, from those of ``start``."""
        wanted = tuple(is_differentiable(v.aval) for v in section.stop)
        split = ENGINE.linearize(section.jaxpr, section.active, wanted)
        results = iter(self._through(section, split, seeds, columns, **options))
        zeros = iter(split.zeros)
        return [
            next(results) if carried and not next(zeros) else ()
            for carried in split.carries
        ]

    def pull(
        self, section: Section, seeds: Sequence[Terms], columns: int, **options: Any
    ) -> list[Terms]:
        """The transposed Jacobians of ``start``, from those of ``stop``."""
        wanted = tuple(is_differentiable(v.aval) for v in section.stop)
        split = ENGINE.vjp(section.jaxpr, section.active, wanted)
        live = [s for s, c in zip(seeds, split.carries, strict=True) if c]
        results = iter(self._through(section, split, live, columns, **options))
        return [() if zero else next(results) for zero in split.zeros]

    def _through(
        self,
        section: Section,
        split: SplitProgram,
        seeds: Sequence[Terms],
        columns: int,
        *,
        apart: bool = False,
    ) -> list[Terms]:
        swept = self.walked(section, split, columns)
        if apart:
            swept.walk.factors = []
        return propagate(swept.walk, swept.linear, seeds)

    def walked(self, section: Section, split: SplitProgram, columns: int) -> Swept:
        """A section to be walked through, with what is known of its residuals."""
        linear = dce(cse(inlined(split.linear)))
        known = residual_values(self.program, section, split, linear)
        plain = self.program.plain_entries
        walk = Propagation(
            self.tape,
            columns,
            self.dtype,
            known,
            most_columns=FREE + plain // PER_COLUMN,
            most_entries=FREE + plain * MOST_TIMES,
        )
        found = residual_multiples(self.program, section, split, linear)
        bases = {x: Var(x.aval) for _, x in found.values() if x is not None}
        walk.multiples = {
            v: (c, None if x is None else bases[x]) for v, (c, x) in found.items()
        }
        split = replace(split, forward=_with_results(split.forward, list(bases)))
        self.swept.append(Swept(section, split, linear, walk, (*bases.values(),)))
        return self.swept[-1]

    def settled(self, jacobians: Sequence[Terms]) -> tuple[Terms, ...]:
        """Jacobians as they are written out, with their factors multiplied in."""
        return tuple(map(self.tape.settled, jacobians))

    def environment(self, inputs: Sequence[Array]) -> dict[Any, Array]:
        """All values that the tape reads, from those of the program's inputs."""
        env: dict[Any, Array] = dict(
            zip(self.program.jaxpr.invars, inputs, strict=True)
        )
        evaluate_in(env, self.program.prologue)
        for s in self.swept:
            given = [env[v] for v in s.section.jaxpr.invars]
            outs = called(s.split.forward, given, "forward")
            n = len(s.section.stop)
            stops = zip(s.section.stop, outs[:n], strict=True)
            env.update({v: y for v, y in stops if type(v) is Var})
            residuals = s.split.residuals(given, outs[n:])
            consts = zip(s.linear.constvars, s.split.linear.consts, strict=True)
            env.update(consts)
            env.update(zip(s.linear.invars, residuals, strict=False))
            env.update(zip(s.bases, outs[len(outs) - len(s.bases) :], strict=True))
            evaluate_in(env, s.walk.computed)
        return env

    def steps(self, wanted: Sequence[Slot]) -> list[Step]:
        """The steps of the tape that some slots depend on, common factors taken out."""
        found = factored(needed(self.tape.steps, wanted), wanted)
        return needed(found, wanted)

    def values(
        self, env: Mapping[Any, Array], wanted: Sequence[Terms]
    ) -> dict[int, Array]:
        """The values of the slots of some Jacobians."""
        slots = slots_of(*wanted)
        return run(self.steps(slots), slots, lambda x: read(env, x))


def inlined(closed: ClosedJaxpr) -> Jaxpr:
    """A linear program without inner calls."""
    return inline(closed.jaxpr, max_equations=1 << 30, keep_shared=False)


def residual_values(
    program: Program, section: Section, split: SplitProgram, linear: Jaxpr
) -> dict[Var, np.ndarray]:
    """What is known of a linear program's residuals: index arrays, masks, constants."""
    forward = split.forward.jaxpr
    n = len(section.stop)
    computed = iter(forward.outvars[n:])
    found: dict[Var, np.ndarray] = {}
    by_residual: dict[Any, Any] = {}
    for v, source in zip(linear.invars, split.sources, strict=False):
        x: Any = next(computed) if source is None else section.jaxpr.invars[source]
        if not is_differentiable(v.aval):
            by_residual[v] = x
    for v, value in zip(linear.constvars, split.linear.consts, strict=True):
        if not ir.is_tracer(value) and not jnp.issubdtype(value.dtype, jnp.inexact):
            found[v] = np.asarray(value)
    if not by_residual:
        return found
    before = known_values(program.jaxpr, program.known, section.fixed).values
    values: dict[Any, Any] = dict(before)
    values.update(
        (v, c)
        for v, c in zip(forward.constvars, split.forward.consts, strict=True)
        if not ir.is_tracer(c)
    )
    wanted = [x for x in by_residual.values() if type(x) is Var]
    inside = known_values(forward, values, wanted).values
    for v, x in by_residual.items():
        if type(x) is Literal:
            found[v] = np.asarray(x.val)
        elif x in values or x in inside:
            found[v] = np.asarray(values[x] if x in values else inside[x])
    return found


def residual_multiples(
    program: Program, section: Section, split: SplitProgram, linear: Jaxpr
) -> dict[Var, Multiple]:
    """Residuals that are a number, or times a number a variable of the forward program.

    Numbers are those of literals alone, which a program's key tells apart.
    """
    outside: dict[Var, Multiple] = {}
    for eqn in program.prologue:
        found = multiple_of(eqn, outside)
        if found is not None and found[1] is None:
            outside[eqn.outvars[0]] = found
    forward, given = split.forward.jaxpr, section.jaxpr.invars
    inside = {
        v: outside[x]
        for v, x in zip(forward.invars, given, strict=True)
        if x in outside
    }
    for eqn in forward.eqns:
        found = multiple_of(eqn, inside)
        if found is not None:
            inside[eqn.outvars[0]] = found
    computed = iter(forward.outvars[len(section.stop) :])
    multiples: dict[Var, Multiple] = {}
    others: dict[Var, Any] = {}
    for v, source in zip(linear.invars, split.sources, strict=False):
        x: Any = next(computed) if source is None else given[source]
        known = inside if source is None else outside
        if type(x) is Var and x in known:
            multiples[v] = known[x]
        else:
            others[v] = x if source is None else forward.invars[source]
    bases = {x for _, x in multiples.values()}
    return multiples | {v: (1.0, x) for v, x in others.items() if x in bases}


def _with_results(closed: ClosedJaxpr, more: Sequence[Var]) -> ClosedJaxpr:
    """A program that gives some of its variables beside its results."""
    jaxpr = closed.jaxpr
    outvars = [*jaxpr.outvars, *more]
    made = ir.make_jaxpr_object(
        jaxpr.invars, outvars, jaxpr.eqns, "forward", jaxpr.constvars
    )
    return ir.closed_jaxpr(made, closed.consts) if more else closed


def evaluate_in(env: dict[Any, Array], eqns: Sequence[Any]) -> None:
    """Runs equations on the values of an environment, and enters their results."""
    for eqn in eqns:
        out = bind(eqn.primitive, [read(env, x) for x in eqn.invars], eqn.params)
        outs = out if eqn.primitive.multiple_results else [out]
        env.update(zip(eqn.outvars, outs, strict=True))


def read(env: Mapping[Any, Array], x: Any) -> Array:
    """The value of an atom."""
    return ir.literal_value(x) if type(x) is Literal else env[x]


def called(closed: ClosedJaxpr, inputs: Sequence[Array], name: str) -> list[Array]:
    """A program bound as one call."""
    return ir.jit_p.bind(*inputs, **calls.jit_params(closed, name))


def seeds_of(variables: Sequence[Any]) -> list[Terms]:
    """The identity over some variables."""
    found, offset = [], 0
    for v in variables:
        found.append(identity(tuple(v.aval.shape), offset))
        offset += size_of([v])
    return found
