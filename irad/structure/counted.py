"""Scans in reverse by binomial checkpoints: states in slots, the number of steps known.

The loop counts its steps, reads slices by their index and writes results into whole
arrays that it carries. No slot has those arrays: residuals do not depend on them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax import lax

from irad._compat import calls, ir, tracing
from irad._compat.ir import Atom, ClosedJaxpr, Jaxpr, JaxprEqn, Var
from irad.caching import by_jaxpr
from irad.emitter import Emitter
from irad.graph import Engine, Inside, Linearized
from irad.structure.bodies import code_of, constants, pick, spliced
from irad.structure.division import LoopProgram, loop_program, pull_body
from irad.structure.loops import Activity, Parts
from irad.structure.reversal import COUNT, ONE, recorded, reversed_loop
from irad.structure.scan import Scan
from irad.structure.steps import Step, step_from


@dataclass(frozen=True)
class Steps:
    """The steps of a scan: how its body divides, how many there are, from which end."""

    parts: Parts
    length: int
    reverse: bool

    def stacked(self, avals: Sequence[Any]) -> list[Any]:
        """The types of what has a slice for each step."""
        return [calls.stacked_aval(self.length, aval) for aval in avals]


class Counted(Scan):
    """The linearization of a ``scan`` equation that stores states in slots."""

    def __init__(
        self,
        eqn: JaxprEqn,
        active: Sequence[int],
        wanted: Sequence[int],
        engine: Engine,
        slots: int,
    ) -> None:
        super().__init__(eqn, active, wanted, engine)
        length, reverse = eqn.params["length"], eqn.params["reverse"]
        self._steps = Steps(self._parts, length, reverse)
        self._slots = min(slots, length)

    def forward(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], *, reverse: bool
    ) -> tuple[Sequence[Atom], Any]:
        avals = [v.aval for v in eqn.outvars]
        if not reverse:
            y = emit.equation(eqn.primitive, x, avals, eqn.params, eqn.effects)
            return y, (eqn, list(x))
        step = self._step()
        a, s, xs = self._parts.split([*constants(emit, self._closed), *x])
        fixed = [*a, *emit.splice(code_of(step.prologue), a), *xs]
        results = map(emit.zeros, avals[self._parts.carry :])
        carry = [emit.zeros(COUNT), *s, *results]
        is_left = _is_left(step.run, self._steps)
        length = self._steps.length
        y, kept = recorded(emit, step, is_left, fixed, carry, self._slots, length)
        return y[1:], ([*fixed, *pick(carry, step.constant)], kept)

    def push(self, emit: Emitter, kept: Any, t: Sequence[Any]) -> Sequence[Any]:
        eqn, x = kept
        return self.jvp(emit, eqn, x, t)[1]

    def pull(self, emit: Emitter, kept: Any, c: Sequence[Any]) -> Sequence[Any]:
        fixed, saved = kept
        program = _program(self._body, self._steps, self._moving, self._engine)
        sums, cs, cy = self._seeds(emit, c, program)
        cx = map(emit.zeros, _slice_cotangents(self._body, self._steps, self._moving))
        start = [*sums, *cs, *cx, *cy]
        length = self._steps.length
        outs = reversed_loop(
            emit, self._step(), saved, fixed, start, self._slots, length
        )
        return self._pulled(outs[: sum(self._moving.inputs)])

    def inside(self) -> Inside:
        """The body, which runs again between the states that are stored."""
        moving, again = self._moving, tuple(self._step().again.jaxpr.eqns)
        return Inside(self._body, moving.inputs, moving.outputs, None, again)

    def _step(self) -> Step:
        return _counting_step(self._body, self._steps, self._moving, self._engine)


def _program(
    body: Jaxpr, steps: Steps, moving: Activity, engine: Engine
) -> LoopProgram:
    return loop_program(body, steps.parts, moving, engine, True, None)


@by_jaxpr
def _counting_step(body: Jaxpr, steps: Steps, moving: Activity, engine: Engine) -> Step:
    """The programs of a step: slices are fixed, a number and results are carried."""
    program = _program(body, steps, moving, engine)
    forward = _counting(body, program, steps)
    carries = 1 + len(body.outvars)
    return step_from(program, forward, carries, _pulling(body, program, steps, moving))


def _counting(body: Jaxpr, program: LoopProgram, steps: Steps) -> ClosedJaxpr:
    """(fixed, arrays; i, s, results) to (i + 1, s', results; index, rows)."""
    _, _, x = steps.parts.split(body.invars)
    n, last = steps.parts.carry, np.int32(steps.length - 1)
    inputs = [Var(aval) for aval in program.forward.in_avals]
    before = inputs[: len(inputs) - len(x)]
    arrays = [Var(aval) for aval in steps.stacked([v.aval for v in x])]
    results = [Var(aval) for aval in steps.stacked([v.aval for v in body.outvars[n:]])]
    i = Var(COUNT)

    def index(i: Any) -> list[Any]:
        return [i + ONE, last - i if steps.reverse else i]

    emit = Emitter()
    following, at = spliced(emit, index, [i])
    rows = spliced(emit, _rows, [at, *arrays])
    outs = emit.splice(code_of(program.forward), [*before, *rows])
    s, y, kept = outs[:n], outs[n : len(body.outvars)], outs[len(body.outvars) :]
    written = spliced(emit, _written, [at, *results, *y])
    k = len(before) - n
    return emit.closed(
        [*before[:k], *arrays, i, *before[k:], *results],
        [following, *s, *written, at, *(rows[j] for j in program.sliced), *kept],
        "counting",
    )


def _pulling(
    body: Jaxpr, program: LoopProgram, steps: Steps, moving: Activity
) -> ClosedJaxpr:
    """(fixed, sums, cs, arrays cx, arrays cy, index, rows) to (sums, cs, cx, cy)."""
    pull = pull_body(body, program, steps.parts, moving)
    k, n = len(program.fixed), sum(moving.inputs)
    r = len(program.sliced) + program.num_stacked
    inputs = [Var(aval) for aval in pull.in_avals]
    types = _slice_cotangents(body, steps, moving)
    carried = k + n - len(types)
    rows, cy = inputs[carried : carried + r], inputs[carried + r :]
    into = [Var(aval) for aval in types]
    given = [Var(aval) for aval in steps.stacked([v.aval for v in cy])]
    at = Var(COUNT)
    emit = Emitter()
    read = spliced(emit, _rows, [at, *given])
    outs = emit.splice(code_of(pull), [*inputs[:carried], *rows, *read])
    sums, cx = outs[: n - len(types)], outs[n - len(types) :]
    written = spliced(emit, _written, [at, *into, *cx])
    return emit.closed(
        [*inputs[:carried], *into, *given, at, *rows],
        [*sums, *written, *given],
        "pulling",
    )


def _slice_cotangents(body: Jaxpr, steps: Steps, moving: Activity) -> list[Any]:
    """The types of the cotangents of the arrays that slices are read from."""
    _, _, x = steps.parts.split(body.invars)
    _, _, on = steps.parts.split(moving.inputs)
    return steps.stacked([ir.cotangent_aval(v.aval) for v in pick(x, on)])


@by_jaxpr
def _is_left(run: ClosedJaxpr, steps: Steps) -> ClosedJaxpr:
    """Whether the number of the next step is one."""
    length = np.int32(steps.length)
    jaxpr, consts = tracing.trace(lambda i, *s: [i < length], run.out_avals, "is left")
    return ir.closed_jaxpr(jaxpr, consts)


def _rows(at: Any, *arrays: Any) -> list[Any]:
    return [lax.dynamic_index_in_dim(x, at, keepdims=False) for x in arrays]


def _written(at: Any, *given: Any) -> list[Any]:
    """Arrays with a row of each, which come after them, at an index."""
    half = len(given) // 2
    pairs = zip(given[:half], given[half:], strict=True)
    return [lax.dynamic_update_index_in_dim(b, y, at, 0) for b, y in pairs]


def scan(
    eqn: JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
) -> Linearized | None:
    """A ``scan`` equation: its body differentiated once, the loop kept rolled."""
    slots = engine.checkpointing.slots
    if slots is not None and _can_be_counted(eqn):
        local = Counted(eqn, active, wanted, engine, slots)
    else:
        local = Scan(eqn, active, wanted, engine)
    return local if local.carries else None


def _can_be_counted(eqn: JaxprEqn) -> bool:
    """Whether states can stand for a scan: its steps can be run again.

    Of one step or none there is nothing to store; and no array of keys is zeros.
    """
    _, n = calls.scan_counts(eqn.params)
    types: list[Any] = [v.aval for v in eqn.outvars[n:]]
    keys = any(ir.is_extended(aval.dtype) for aval in types)
    return eqn.params["length"] > 1 and not eqn.effects and not keys
