"""The program of a structured way as one jaxpr, for the cost model to read.

What XLA compiles is the forward programs, the tape, and the result written out. Only
together they say what is stored: a residual that one step of the tape multiplies by is
computed where it is used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from irad._compat.ir import Jaxpr, Literal, ShapedArray, Var
from irad.cost import Cost, entries_p, equation_cost
from irad.ellpack import Slot
from irad.ellpack.terms import Step
from irad.emitter import Emitter
from irad.planning.sweeps import Sweeps, Swept

Atom = Var | Literal

CONTRACTION = 4
"""A step of so many flops for each entry is a product that is summed."""


def joined(
    sweeps: Sweeps, steps: Sequence[Step], wanted: Sequence[Slot], result: Cost | None
) -> Jaxpr:
    """Values, then ``steps`` of the tape, then a result from the ``wanted`` slots.

    ``result`` is what writing it costs beside reading the slots; None says that they
    are the result.
    """
    program, emit = sweeps.program, Emitter()
    given = [*program.jaxpr.constvars, *program.jaxpr.invars]
    env: dict[Var, Atom] = {v: v for v in given}
    _run(emit, env, program.prologue)
    for s in sweeps.swept:
        _forward(emit, env, s)
    slots: dict[int, Var] = {}
    for step in steps:
        operands = [slots[slot.number] for slot in step.slots]
        atoms = [_read(env, x) for x in step.atoms]
        slots[step.result.number] = _entries(
            emit, [*operands, *atoms], step.result.shape, sweeps.dtype, step
        )
    last = [slots[slot.number] for slot in wanted]
    if result is None:
        return emit.jaxpr([*given, *emit.constvars], last, "joined").replace(
            constvars=[]
        )
    size = sum(math.prod(slot.shape) for slot in wanted)
    entries = ShapedArray((size,), sweeps.dtype)
    written = ShapedArray((), sweeps.dtype)
    params = {
        "cost": Cost(),
        "is_entrywise": True,
        "is_dear": False,
        "is_joined": True,
    }
    found = emit.equation(entries_p, last, [entries], params)
    params = params | {"cost": result, "is_entrywise": False, "is_joined": False}
    (y,) = emit.equation(entries_p, found, [written], params)
    made = emit.jaxpr([*given, *emit.constvars], [y], "joined")
    return made.replace(constvars=[])


def _read(env: Mapping[Var, Atom], x: Atom) -> Atom:
    return x if type(x) is Literal else env[x]


def _run(emit: Emitter, env: dict[Var, Atom], eqns: Sequence[Any]) -> None:
    """Appends equations as they stand."""
    for eqn in eqns:
        operands = [_read(env, x) for x in eqn.invars]
        avals = [v.aval for v in eqn.outvars]
        found = emit.equation(eqn.primitive, operands, avals, eqn.params, eqn.effects)
        env.update(zip(eqn.outvars, found, strict=True))


def _forward(emit: Emitter, env: dict[Var, Atom], s: Swept) -> None:
    """Appends the values of a section, and what follows from its residuals."""
    given = [_read(env, v) for v in s.section.jaxpr.invars]
    outs = emit.call(s.split.forward, given, "forward")
    n = len(s.section.stop)
    stops = zip(s.section.stop, outs[:n], strict=True)
    env.update({v: y for v, y in stops if type(v) is Var})
    consts = map(emit.constant, s.split.linear.consts)
    env.update(zip(s.linear.constvars, consts, strict=True))
    residuals = s.split.residuals(given, outs[n:])
    env.update(zip(s.linear.invars, residuals, strict=False))
    env.update(zip(s.bases, outs[len(outs) - len(s.bases) :], strict=True))
    _run(emit, env, s.walk.computed)


def _entries(
    emit: Emitter,
    operands: Sequence[Atom],
    shape: tuple[int, ...],
    dtype: Any,
    step: Step,
) -> Var:
    """Appends a step of the tape, told by its number from others at the same cost."""
    entries = max(math.prod(shape), 1)
    is_product = step.flops >= CONTRACTION * entries
    products = step.flops if is_product else 0
    cost = Cost(step.flops, contracted=products, others=step.selected)
    if step.whole is not None:
        whole = step.whole
        cost = equation_cost(whole.eqn, batch=whole.count, batched=whole.active)
    params = {
        "cost": cost,
        "is_entrywise": not (is_product or step.whole or step.gathered),
        "is_dear": step.is_dear,
        "is_joined": False,
        "number": step.result.number,
    }
    return emit.equation(entries_p, operands, [ShapedArray(shape, dtype)], params)[0]
