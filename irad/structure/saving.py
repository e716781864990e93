"""What a checkpoint policy saves of a program, and the program for the rest.

A value that is needed later is looked for backwards: where the policy saves the results
of its equation, it is saved; otherwise the equation is run again, and its operands are
needed. Loops, branches and calls are divided inside, so that a policy sees every
equation.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from jax import lax

from irad._compat import calls, checkpoints, ir
from irad._compat.checkpoints import Policy, Spaces
from irad._compat.ir import Atom, ClosedJaxpr, Jaxpr, JaxprEqn, Var
from irad.emitter import Emitter
from irad_passes import dce, draws_anew


@dataclass(frozen=True, eq=False)
class Division:
    """A program in two: ``first`` returns what is saved, ``again`` runs the rest.

    ``first``: inputs to (outputs, saved). ``again``: (saved, inputs) to the needed
    values. ``spaces`` has, for each saved value, where it is offloaded to, or None.
    """

    first: Jaxpr
    again: Jaxpr
    spaces: tuple[Spaces | None, ...]


def divide(jaxpr: Jaxpr, needed: Sequence[Atom], policy: Policy | None) -> Division:
    """Divides a program whose values ``needed`` are wanted again later.

    Effects happen in ``first`` only, and so do draws that differ from call to call: the
    results of such equations are saved.
    """
    need = {x for x in needed if type(x) is Var}
    saved: dict[Var, Spaces | None] = {}
    first: list[JaxprEqn] = []
    again: list[JaxprEqn] = []
    for eqn in reversed(jaxpr.eqns):
        wanted = [v in need for v in eqn.outvars]
        if not any(wanted):
            first.append(eqn)
            continue
        parts = _parts(eqn, wanted, policy)
        first.append(parts.first)
        saved.update(parts.saved)
        if parts.again is not None:
            again.append(parts.again)
            need.update(x for x in parts.again.invars if type(x) is Var)
            need.difference_update(parts.saved)
    first.reverse()
    again.reverse()
    first = _rounded(first, saved)
    return Division(
        _program(jaxpr, jaxpr.invars, first, [*jaxpr.outvars, *saved]),
        _program(jaxpr, [*saved, *jaxpr.invars], again, needed),
        tuple(saved.values()),
    )


def _program(
    jaxpr: Jaxpr, invars: Sequence[Var], eqns: list[JaxprEqn], outvars: Sequence[Atom]
) -> Jaxpr:
    made = ir.make_jaxpr_object(invars, outvars, eqns, "checkpoint", jaxpr.constvars)
    return dce(made)


def _rounded(eqns: list[JaxprEqn], saved: dict[Var, Any]) -> list[JaxprEqn]:
    """The equations with 16-bit values rounded where they are saved and read as well.

    XLA may carry more precision from one operation to the next than it stores. As in
    JAX, what the forward program goes on with is what the backward program will read.
    """
    read = {x for eqn in eqns for x in eqn.invars if type(x) is Var}
    narrow = {v for v in saved if v in read and ir.is_narrow_float(v.aval)}
    if not narrow:
        return eqns
    made: list[JaxprEqn] = []
    for eqn in eqns:
        exact = {v: Var(v.aval) for v in eqn.outvars if v in narrow}
        if not exact:
            made.append(eqn)
            continue
        made.append(eqn.replace(outvars=[exact.get(v, v) for v in eqn.outvars]))
        emit = Emitter()
        emit.source, emit.ctx = eqn.source_info, eqn.ctx
        for v, x in exact.items():
            params = ir.precision_of(v.aval)
            emit.equation(lax.reduce_precision_p, [x], [v.aval], params)
            made.append(emit.eqns.pop().replace(outvars=[v]))
    return made


@dataclass(frozen=True, eq=False)
class Parts:
    """An equation in two: run first, and again; with the values that are saved."""

    first: JaxprEqn
    again: JaxprEqn | None
    saved: dict[Var, Spaces | None] = field(default_factory=dict)


def _parts(eqn: JaxprEqn, wanted: list[bool], policy: Policy | None) -> Parts:
    results = [v for v, on in zip(eqn.outvars, wanted, strict=True) if on]
    if eqn.effects or draws_anew(eqn):
        return Parts(eqn, None, dict.fromkeys(results))
    if policy is None:
        return Parts(eqn, eqn)
    row = _INSIDE.get(eqn.primitive)
    if row is not None:
        return row(eqn, wanted, policy)
    decided = checkpoints.decision(policy, eqn)
    if decided is False:
        return Parts(eqn, eqn)
    spaces = None if decided is True else decided
    return Parts(eqn, None, dict.fromkeys(results, spaces))


# Inside what holds programs -----------------------------------------------------------


def _jit(eqn: JaxprEqn, wanted: list[bool], policy: Policy) -> Parts:
    closed = eqn.params["jaxpr"]
    division = _divide_body(closed, wanted, policy)
    saved = _fresh(division)
    if not saved:
        return Parts(eqn, eqn)
    first = ir.closed_jaxpr(division.first, closed.consts)
    again = ir.closed_jaxpr(division.again, closed.consts)
    results = [v for v, on in zip(eqn.outvars, wanted, strict=True) if on]
    name = eqn.params["name"]
    return Parts(
        eqn.replace(
            params=calls.jit_params(first, name, eqn.params),
            outvars=[*eqn.outvars, *saved],
        ),
        eqn.replace(
            params=calls.jit_params(again, name, eqn.params),
            invars=[*saved, *eqn.invars],
            outvars=results,
        ),
        saved,
    )


def _divide_body(closed: ClosedJaxpr, wanted: list[bool], policy: Policy) -> Division:
    body = closed.jaxpr
    needed = [x for x, on in zip(body.outvars, wanted, strict=True) if on]
    return divide(body, needed, policy)


def _fresh(division: Division) -> dict[Var, Spaces | None]:
    """Variables for the saved values of a body, outside it."""
    n = len(division.spaces)
    values = division.first.outvars[len(division.first.outvars) - n :]
    pairs = zip(values, division.spaces, strict=True)
    return {Var(x.aval): spaces for x, spaces in pairs}


def _scan(eqn: JaxprEqn, wanted: list[bool], policy: Policy) -> Parts:
    """A loop's saved values are stacked; a carry runs again only where it is read."""
    params = eqn.params
    closed = params["jaxpr"]
    a, n = calls.scan_counts(params)
    division, needed = _divide_loop(closed, a, n, wanted, policy)
    if not division.spaces:
        return Parts(eqn, eqn)
    length = params["length"]
    k = len(division.spaces)
    saved = {
        Var(calls.stacked_aval(length, v.aval)): spaces
        for v, spaces in zip(division.again.invars[:k], division.spaces, strict=True)
    }
    inner = division.again.invars
    carries = [i for i in range(n) if needed[i]]
    again = division.again.replace(
        invars=[
            *inner[k : k + a],
            *(inner[k + a + i] for i in carries),
            *inner[k + a + n :],
            *inner[:k],
        ]
    )
    x = eqn.invars
    results = [
        v if on else Var(v.aval)
        for v, on, need in zip(eqn.outvars, wanted, needed, strict=True)
        if need
    ]
    first = ir.closed_jaxpr(division.first, closed.consts)
    return Parts(
        eqn.replace(
            params=calls.scan_params(params, first, a, n),
            outvars=[*eqn.outvars, *saved],
        ),
        eqn.replace(
            params=calls.scan_params(
                params, ir.closed_jaxpr(again, closed.consts), a, len(carries)
            ),
            invars=[*x[:a], *(x[a + i] for i in carries), *x[a + n :], *saved],
            outvars=results,
        ),
        saved,
    )


def _divide_loop(
    closed: ClosedJaxpr, a: int, n: int, wanted: list[bool], policy: Policy
) -> tuple[Division, list[bool]]:
    """The division of a loop's body, and the outputs that it has to compute again."""
    needed = list(wanted)
    while True:
        division = _divide_body(closed, needed, policy)
        again = division.again
        read = {x for e in again.eqns for x in e.invars if type(x) is Var}
        read.update(x for x in again.outvars if type(x) is Var)
        k = len(division.spaces)
        carries = again.invars[k + a : k + a + n]
        grown = [on or v in read for on, v in zip(needed, carries, strict=False)]
        if grown == needed[:n]:
            return division, needed
        needed[:n] = grown


def _cond(eqn: JaxprEqn, wanted: list[bool], policy: Policy) -> Parts:
    """Each branch fills the places of the values that it saves, zeros the others."""
    branches = eqn.params["branches"]
    divisions = [_divide_body(closed, wanted, policy) for closed in branches]
    own = [_fresh(division) for division in divisions]
    saved = {v: spaces for part in own for v, spaces in part.items()}
    if not saved:
        return Parts(eqn, eqn)
    first = []
    again = []
    for closed, division, part in zip(branches, divisions, own, strict=True):
        first.append(_filled(closed, division, part, list(saved)))
        inner = division.again.invars
        inside = dict(zip(part, inner, strict=False))
        slots = [inside.get(v) or Var(v.aval) for v in saved]
        invars = [*slots, *inner[len(part) :]]
        again.append(
            ir.closed_jaxpr(division.again.replace(invars=invars), closed.consts)
        )
    index, *operands = eqn.invars
    return Parts(
        eqn.replace(
            params=dict(eqn.params, branches=tuple(first)),
            outvars=[*eqn.outvars, *saved],
        ),
        eqn.replace(
            params=dict(eqn.params, branches=tuple(again)),
            invars=[index, *saved, *operands],
            outvars=[v for v, on in zip(eqn.outvars, wanted, strict=True) if on],
        ),
        saved,
    )


def _filled(
    closed: ClosedJaxpr,
    division: Division,
    own: dict[Var, Spaces | None],
    slots: list[Var],
) -> ClosedJaxpr:
    """The first program of a branch, with zeros in the slots of other branches."""
    first = division.first
    n = len(first.outvars) - len(own)
    inside = dict(zip(own, first.outvars[n:], strict=True))
    emit = Emitter()
    emit.eqns.extend(first.eqns)
    rest = [inside[v] if v in inside else emit.zeros(v.aval) for v in slots]
    made = ir.make_jaxpr_object(
        first.invars,
        [*first.outvars[:n], *rest],
        emit.eqns,
        "branch",
        [*first.constvars, *emit.constvars],
    )
    return ir.closed_jaxpr(made, [*closed.consts, *emit.consts])


_INSIDE: dict[Any, Callable[[JaxprEqn, list[bool], Policy], Parts]] = {
    ir.jit_p: _jit,
    ir.scan_p: _scan,
    ir.cond_p: _cond,
}
