"""Writing IR: equations spliced from small cached snippets, no tracing.

A ``Snippet`` is straight-line IR with numbered slots; an ``Emitter`` collects equations
and splices snippets into them by substitution, at under a microsecond an equation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from irad._compat import calls, ir, tracing
from irad._compat.ir import Atom, JaxprEqn, Literal, Var
from irad.caching import by_jaxpr
from irad.linear_map import zeros
from irad_passes import dce
from irad_passes.bodies import BODY_PARAMS


@dataclass(frozen=True, eq=False)
class Snippet:
    """Straight-line IR over slots: inputs, then literals, then constants, then results.

    ``steps`` are (primitive, params, operand slots, result types, effects); ``outs``
    are slots. Slot 0, before all others, is None: an output that is zero. ``places``
    has the source and the context of every step of a program; the steps of a rule take
    those of the equation at hand.
    """

    num_inputs: int
    literals: tuple[Literal, ...]
    consts: tuple[Any, ...]
    steps: tuple[tuple[Any, Any, tuple[int, ...], tuple[Any, ...], Any], ...]
    outs: tuple[int, ...]
    places: tuple[tuple[Any, Any], ...] = ()


def snippet(
    jaxpr: Any,
    consts: Sequence[Any] = (),
    zeros: Sequence[bool] = (),
    *,
    in_place: bool = False,
) -> Snippet:
    """The snippet of a jaxpr; ``zeros`` marks outputs that are known to be zero.

    They are absent from the jaxpr. ``consts`` are the values of its constvars,
    which in JAX 0.11 may be its first inputs. A program is spliced ``in_place``: each
    of its equations keeps its line in the user's program, its mesh and its device.
    """
    inputs = [*jaxpr.constvars, *jaxpr.invars]
    constvars, invars = inputs[: len(consts)], inputs[len(consts) :]
    slots: dict[Var, int] = {v: 1 + i for i, v in enumerate(invars)}
    literals = list(
        {
            id(x): x
            for x in (
                *(x for eqn in jaxpr.eqns for x in eqn.invars),
                *jaxpr.outvars,
            )
            if type(x) is Literal
        }.values()
    )
    next_slot = 1 + len(invars)
    number = {id(x): next_slot + i for i, x in enumerate(literals)}
    next_slot += len(literals)
    for v in constvars:
        slots[v] = next_slot
        next_slot += 1

    def slot(x: Atom) -> int:
        return number[id(x)] if type(x) is Literal else slots[x]

    steps = []
    for eqn in jaxpr.eqns:
        operands = tuple(slot(x) for x in eqn.invars)
        for v in eqn.outvars:
            slots[v] = next_slot
            next_slot += 1
        avals = tuple(v.aval for v in eqn.outvars)
        steps.append((eqn.primitive, eqn.params, operands, avals, eqn.effects))
    found = iter([slot(x) for x in jaxpr.outvars])
    zeros = zeros or [False] * len(jaxpr.outvars)
    outs = tuple(0 if zero else next(found) for zero in zeros)
    return Snippet(
        len(invars),
        tuple(literals),
        tuple(consts),
        tuple(steps),
        outs,
        tuple((eqn.source_info, eqn.ctx) for eqn in jaxpr.eqns) if in_place else (),
    )


class Emitter:
    """Collects the equations of a derivative program.

    ``source`` and ``ctx`` are those of the primal equation at hand: what is emitted for
    it carries its place in the user's program. ``consts`` are arrays that the equations
    refer to by the variables in ``constvars``.
    """

    __slots__ = ("_const_ids", "_zeros", "consts", "constvars", "ctx", "eqns", "source")

    def __init__(self) -> None:
        self.eqns: list[JaxprEqn] = []
        self.constvars: list[Var] = []
        self.consts: list[Any] = []
        self._const_ids: dict[int, Var] = {}
        self._zeros: dict[Any, Atom] = {}
        self.source = ir.no_source()
        self.ctx = ir.current_equation_context()

    def constant(self, value: Any) -> Var:
        """A variable that stands for an array."""
        var = self._const_ids.get(id(value))
        if var is None:
            var = Var(ir.typeof(value))
            self._const_ids[id(value)] = var
            self.constvars.append(var)
            self.consts.append(value)
        return var

    def splice(self, code: Snippet, atoms: Sequence[Atom]) -> list[Any]:
        """Appends a snippet applied to ``atoms`` and returns its outputs."""
        slots: list[Any] = [None, *atoms, *code.literals]
        if code.consts:
            slots += map(self.constant, code.consts)
        if code.places:
            return self._splice_in_place(code, slots)
        outs = code.outs
        if not code.steps:
            return [slots[i] for i in outs]
        eqns, source, ctx = self.eqns, self.source, self.ctx
        for primitive, params, operands, avals, effects in code.steps:
            # Most steps have one or two operands and one result.
            if len(operands) == 2:
                i, j = operands
                invars = [slots[i], slots[j]]
            elif len(operands) == 1:
                invars = [slots[operands[0]]]
            else:
                invars = [slots[i] for i in operands]
            results = [Var(avals[0])] if len(avals) == 1 else [Var(v) for v in avals]
            eqns.append(
                JaxprEqn(invars, results, primitive, params, effects, source, ctx)
            )
            slots += results
        if len(outs) == 1:
            return [slots[outs[0]]]
        return [slots[i] for i in outs]

    def _splice_in_place(self, code: Snippet, slots: list[Any]) -> list[Any]:
        eqns = self.eqns
        for step, (source, ctx) in zip(code.steps, code.places, strict=True):
            primitive, params, operands, avals, effects = step
            invars = [slots[i] for i in operands]
            results = [Var(v) for v in avals]
            eqns.append(
                JaxprEqn(invars, results, primitive, params, effects, source, ctx)
            )
            slots += results
        return [*map(slots.__getitem__, code.outs)]

    def equation(
        self,
        primitive: Any,
        operands: Sequence[Atom],
        avals: Sequence[Any],
        params: dict[str, Any],
        effects: Any = ir.no_effects,
    ) -> list[Var]:
        """Appends one equation and returns its results."""
        results = [Var(aval) for aval in avals]
        self.eqns.append(
            JaxprEqn(
                list(operands),
                results,
                primitive,
                params,
                effects,
                self.source,
                self.ctx,
            )
        )
        return results

    def call(
        self,
        closed: Any,
        operands: Sequence[Atom],
        name: str,
        like: dict[str, Any] | None = None,
        places: calls.Places | None = None,
    ) -> list[Var]:
        """Appends a call of a jaxpr, which stays shared; ``like`` are a call's params.

        ``places`` says which of its operands and results lie where. Constants become
        operands: one may be a tracer of an outer transformation.
        """
        if closed.consts:
            leading = [self.constant(c) for c in closed.consts]
            operands = [*leading, *operands]
            if places is not None:
                anywhere = [None] * len(leading)
                operands_at = [*anywhere, *places.operands]
                places = replace(places, operands=operands_at)
            closed = without_constants(closed)
        params = calls.jit_params(closed, name, like, places)
        return self.equation(
            ir.jit_p, operands, closed.out_avals, params, closed.effects
        )

    def add(self, a: Atom, b: Atom) -> Atom:
        """``a + b`` of two cotangents."""
        total = Var(a.aval)
        self.eqns.append(
            JaxprEqn(
                [a, b],
                [total],
                ir.add_any_p,
                {},
                ir.no_effects,
                self.source,
                self.ctx,
            )
        )
        return total

    def zeros(self, aval: Any) -> Atom:
        """Zeros of a type, once for each type."""
        atom = self._zeros.get(aval)
        if atom is None:
            atom = self._zeros[aval] = self.splice(_zeros_code(aval), [])[0]
        return atom

    def jaxpr(self, invars: Sequence[Var], outvars: Sequence[Atom], name: str) -> Any:
        """The program written so far; its constvars stand for ``consts``."""
        return ir.make_jaxpr_object(invars, outvars, self.eqns, name, self.constvars)

    def closed(self, invars: Sequence[Var], outvars: Sequence[Atom], name: str) -> Any:
        """The program written so far without dead code, with its constants."""
        return ir.closed_jaxpr(dce(self.jaxpr(invars, outvars, name)), self.consts)


Spliced = tuple[Snippet, Sequence[Atom]]
"""A snippet, and what it is applied to."""


def with_snippets(
    jaxpr: Any,
    snippet_for: Callable[[JaxprEqn], Spliced | None],
    enter: Callable[[JaxprEqn], JaxprEqn],
) -> Any:
    """The jaxpr, in which snippets give the first results of some equations.

    ``snippet_for`` sees every equation in order, its operands replaced, and returns
    None to keep it; no other result of one that gives way is used. ``enter`` rewrites
    the bodies of an equation, and has done so before.
    """
    emit = Emitter()
    replaced: dict[int, Atom] = {}
    same = True
    for old in jaxpr.eqns:
        eqn = enter(old) if old.primitive in BODY_PARAMS else old
        same = same and eqn is old
        eqn = eqn.replace(invars=[replaced.get(id(x), x) for x in eqn.invars])
        found = snippet_for(eqn)
        if found is None:
            emit.eqns.append(eqn)
        else:
            emit.source, emit.ctx = eqn.source_info, eqn.ctx
            replaced[id(eqn.outvars[0])] = emit.splice(*found)[0]
    if same and not replaced:
        return jaxpr
    outs = [replaced.get(id(x), x) for x in jaxpr.outvars]
    return jaxpr.replace(eqns=emit.eqns, outvars=outs, debug_info=jaxpr.debug_info)


@by_jaxpr
def opened(closed: Any) -> Any:
    """A closed jaxpr as a jaxpr with its constants as leading inputs."""
    return ir.with_constants_as_inputs(closed.jaxpr)


@by_jaxpr
def without_constants(closed: Any) -> Any:
    """A closed jaxpr that has none, with its constants as leading inputs."""
    return ir.closed_jaxpr(opened(closed))


_ZEROS: dict[Any, Snippet] = {}


def _zeros_code(aval: Any) -> Snippet:
    code = _ZEROS.get(aval)
    if code is None:
        jaxpr, consts = tracing.trace(lambda: [zeros(aval)], [], "zeros")
        code = _ZEROS[aval] = snippet(jaxpr, consts)
    return code
