"""One step of a loop, as the programs that its reverse mode by checkpoints runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from irad._compat import checkpoints, ir
from irad._compat.ir import Atom, ClosedJaxpr, Jaxpr, JaxprEqn, Var
from irad.caching import by_jaxpr
from irad.emitter import Emitter
from irad.errors import NoRuleError
from irad.graph import Engine
from irad.structure.bodies import code_of, pick
from irad.structure.division import LoopProgram, loop_program, pull_body
from irad.structure.loops import Activity, Parts
from irad_passes import dce


@dataclass(frozen=True, eq=False)
class Step:
    """The programs of one step of a loop.

    ``prologue`` computes what does not change from the constants; ``fixed`` are the
    constants and its results. ``run``: (fixed, carries) to carries. ``again``: (fixed,
    constant carries, stored carries) to stored carries. ``pull``: (fixed, constant
    carries, stored carries, sums of the constants' cotangents, cotangents) to (sums,
    cotangents). ``constant`` marks the carries that every step hands on as they are,
    ``stored`` the others that the residuals of some step depend on.
    """

    prologue: ClosedJaxpr
    run: ClosedJaxpr
    again: ClosedJaxpr
    pull: ClosedJaxpr
    constant: tuple[bool, ...]
    stored: tuple[bool, ...]


@by_jaxpr
def step_of(body: Jaxpr, parts: Parts, moving: Activity, engine: Engine) -> Step:
    """The programs of a step ``(a, s) -> s'``."""
    program = loop_program(body, parts, moving, engine, True, None)
    pull = pull_body(body, program, parts, moving)
    return step_from(program, program.forward, parts.carry, pull)


def step_from(
    program: LoopProgram, closed: ClosedJaxpr, n: int, pull: ClosedJaxpr
) -> Step:
    """The programs of a step of ``n`` carries.

    Args:
        program: What is outside of the loop, and which of it ``pull`` takes first.
        closed: (fixed, carries) to (carries, residuals).
        n: How many carries.
        pull: Takes cotangents next, and the residuals last.
    """
    forward, consts = closed.jaxpr, closed.consts
    fixed, s = forward.invars[:-n], forward.invars[-n:]
    y, residuals = forward.outvars[:n], forward.outvars[n:]
    constant = tuple(before is after for before, after in zip(s, y, strict=True))
    stored = _stored(forward, s, constant, residuals)
    inputs = [*fixed, *pick(s, constant), *pick(s, stored)]
    again = _slice(forward, inputs, pick(y, stored))
    found = _slice(forward, inputs, residuals)
    emit = Emitter()
    rows = emit.splice(code_of(ir.closed_jaxpr(found, consts)), inputs)
    k = len(program.fixed)
    given = pull.jaxpr.invars[k : len(pull.jaxpr.invars) - len(rows)]
    outs = emit.splice(
        code_of(pull), [*(fixed[i] for i in program.fixed), *given, *rows]
    )
    return Step(
        program.prologue,
        ir.closed_jaxpr(dce(forward.replace(outvars=y)), consts),
        ir.closed_jaxpr(again, consts),
        emit.closed([*inputs, *given], outs, "pull"),
        constant,
        stored,
    )


def _stored(
    forward: Jaxpr,
    s: Sequence[Var],
    constant: Sequence[bool],
    residuals: Sequence[Atom],
) -> tuple[bool, ...]:
    """The carries that residuals depend on, at their own step or at a later one."""
    y = forward.outvars[: len(s)]
    stored = (False,) * len(s)
    while True:
        made = _slice(forward, forward.invars, [*residuals, *pick(y, stored)])
        read = {x for eqn in made.eqns for x in eqn.invars if type(x) is Var}
        read.update(x for x in made.outvars if type(x) is Var)
        grown = tuple(
            v in read and not same for v, same in zip(s, constant, strict=True)
        )
        if grown == stored:
            return stored
        stored = grown


def _slice(jaxpr: Jaxpr, inputs: Sequence[Var], outs: Sequence[Atom]) -> Jaxpr:
    """What computes some values, to be run again.

    Effects whose results it does not read happened in the forward loop.
    """
    need = {x for x in outs if type(x) is Var}
    eqns: list[JaxprEqn] = []
    for eqn in reversed(jaxpr.eqns):
        if need.isdisjoint(eqn.outvars):
            continue
        if checkpoints.forbidden_effects(eqn):
            raise NoRuleError(
                f"effects of '{eqn.primitive}' cannot happen again "
                f"({ir.source_line(eqn)}), and the reverse mode of lax.while_loop runs "
                "its body again. Move them out of the loop, or use lax.scan."
            )
        eqns.append(eqn)
        need.update(x for x in eqn.invars if type(x) is Var)
    eqns.reverse()
    made = ir.make_jaxpr_object(inputs, outs, eqns, "step", jaxpr.constvars)
    return dce(made)
