"""A captured program as planning sees it: sizes, cuts, and the parts between cuts.

A cut is a place between two equations; what passes it are the active variables that are
needed later. Everything the outputs depend on passes through it, so the Jacobian is the
product of the Jacobian after the cut with that before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from irad._compat import calls, ir
from irad._compat.ir import Atom, Jaxpr, JaxprEqn, Var
from irad._compat.waiting import after_p
from irad.linearization import is_differentiable
from irad_passes import dce, inline
from irad_passes.rewriting import replace_results


@dataclass(frozen=True, eq=False)
class Section:
    """A part of a program: from the variables of one cut to those of another.

    ``jaxpr`` takes ``fixed`` variables that carry no tangent, then those of the first
    cut; it gives those of the second. ``begin`` counts the active equations before it.
    """

    begin: int
    jaxpr: Jaxpr
    fixed: tuple[Var, ...]
    start: tuple[Var, ...]
    stop: tuple[Any, ...]

    @property
    def active(self) -> tuple[bool, ...]:
        """Which inputs of ``jaxpr`` carry tangents."""
        return tuple(i >= len(self.fixed) for i in range(len(self.jaxpr.invars)))


@dataclass(frozen=True, eq=False)
class Program:
    """A jaxpr without dead code, to be differentiated in some inputs.

    ``inputs`` are the variables to differentiate in, ``outputs`` the atoms to
    differentiate. ``known`` has the values of the constants that are at hand.
    """

    jaxpr: Jaxpr
    inputs: tuple[Var, ...]
    outputs: tuple[Any, ...]
    known: Mapping[Var, Any]

    @cached_property
    def carrying(self) -> set[Any]:
        """The variables that depend on an input, indices too."""
        found: set[Any] = set(self.inputs)
        for eqn in self.jaxpr.eqns:
            if any(type(x) is Var and x in found for x in eqn.invars):
                found.update(eqn.outvars)
        return found

    @property
    def columns(self) -> int:
        """The number of input elements."""
        return size_of(self.inputs)

    @property
    def rows(self) -> int:
        """The number of output elements."""
        return size_of(self.outputs)

    @property
    def plain_entries(self) -> int:
        """The entries that the better of the plain ways computes, all equations'."""
        results = (v for eqn in self.active_equations for v in eqn.outvars)
        return min(self.rows, self.columns) * size_of([*self.inputs, *results])

    @cached_property
    def active_equations(self) -> list[JaxprEqn]:
        """The equations whose results depend on an input, in order."""
        return [
            e for e in self.jaxpr.eqns if any(v in self.carrying for v in e.outvars)
        ]

    @cached_property
    def prologue(self) -> list[JaxprEqn]:
        """The equations that do not depend on an input."""
        mine = {id(e) for e in self.active_equations}
        return [e for e in self.jaxpr.eqns if id(e) not in mine]

    @cached_property
    def crossings(self) -> list[tuple[Any, ...]]:
        """What passes before each active equation, and after the last one."""
        last: dict[Any, int] = {}
        eqns = self.active_equations
        for p, eqn in enumerate(eqns):
            for x in eqn.invars:
                if type(x) is Var and x in self.carrying:
                    last[x] = p
        for x in self.outputs:
            if type(x) is Var and x in self.carrying:
                last[x] = len(eqns)
        live: dict[Any, None] = {v: None for v in self.inputs if v in last}
        found = []
        for p, eqn in enumerate(eqns):
            found.append(tuple(live))
            for x in eqn.invars:
                if type(x) is Var and last.get(x) == p:
                    live.pop(x, None)
            live.update((v, None) for v in eqn.outvars if last.get(v, -1) > p)
        found.append(tuple(live))
        return found

    def section(
        self, begin: int, end: int, start: Sequence[Var], stop: Sequence[Any]
    ) -> Section:
        """The part between two places, from ``start`` to ``stop``."""
        eqns = self.active_equations[begin:end]
        made = ir.make_jaxpr_object((), stop, eqns, "section")
        body = dce(made.replace(invars=[*_free(eqns, stop, start), *start]))
        read = {x for e in body.eqns for x in e.invars if type(x) is Var}
        read.update(x for x in stop if type(x) is Var)
        fixed = [v for v in body.invars[: len(body.invars) - len(start)] if v in read]
        body = body.replace(invars=[*fixed, *start])
        return Section(begin, body, tuple(fixed), tuple(start), tuple(stop))

    def whole(self) -> Section:
        """The program as one section."""
        n = len(self.active_equations)
        return self.section(0, n, self.inputs, self.outputs)


def without_calls(jaxpr: Jaxpr) -> Jaxpr:
    """A program without inner calls, checkpoints too, in which no value waits.

    What a checkpoint computes again waits for a seed, or in a gradient for a cotangent,
    which is a variable too when the gradient is differentiated. Where Jacobians are
    kept in terms no seed is there to wait for, and nothing is computed twice.
    """
    jaxpr = inline(jaxpr, max_equations=1 << 20, keep_shared=False)
    while any(eqn.primitive is ir.remat_p for eqn in jaxpr.eqns):
        jaxpr = jaxpr.replace(eqns=list(map(_checkpoint_as_call, jaxpr.eqns)))
        jaxpr = inline(jaxpr, max_equations=1 << 20, keep_shared=False)
    return replace_results(jaxpr, _not_waiting, enter=lambda eqn: eqn)


def _not_waiting(eqn: JaxprEqn) -> Sequence[Atom] | None:
    return eqn.invars[:1] if eqn.primitive is after_p else None


def _checkpoint_as_call(eqn: JaxprEqn) -> JaxprEqn:
    if eqn.primitive is not ir.remat_p:
        return eqn
    body = ir.closed_jaxpr(eqn.params["jaxpr"])
    return eqn.replace(primitive=ir.jit_p, params=calls.jit_params(body, "checkpoint"))


def _free(
    eqns: Sequence[JaxprEqn], stop: Sequence[Any], start: Sequence[Var]
) -> list[Var]:
    """The variables that equations and results read and nothing here defines."""
    bound: set[Any] = set(start)
    free: dict[Var, None] = {}
    for eqn in eqns:
        free.update((x, None) for x in eqn.invars if type(x) is Var and x not in bound)
        bound.update(eqn.outvars)
    free.update((x, None) for x in stop if type(x) is Var and x not in bound)
    return list(free)


def size_of(variables: Sequence[Any]) -> int:
    """The number of elements of some variables."""
    return sum(int(np.prod(v.aval.shape, dtype=np.int64)) for v in variables)


def cuts(program: Program, most: int = 24) -> list[int]:
    """The places where least passes: strict minima, the narrowest if there are many.

    Where an index that depends on an input passes, there is no cut. A place counts if
    less passes there than through its neighbours on either side up to
    the next such place.
    """
    sizes = [size_of(c) for c in program.crossings]
    found = []
    p = 1
    while p < len(sizes) - 1:
        q = p
        while q < len(sizes) - 1 and sizes[q] == sizes[p]:
            q += 1
        floats = all(is_differentiable(v.aval) for v in program.crossings[p])
        if sizes[p] < sizes[p - 1] and sizes[q] > sizes[p] and floats:
            found.append(p)
        p = max(q, p + 1)
    narrowest = sorted(found, key=lambda p: sizes[p])[:most]
    return sorted(narrowest)
