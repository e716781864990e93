"""``scan``: the forward loop keeps residuals, the linear loops run over them.

With body ``(a, s, x) -> (s', y)`` for constants ``a``, carries ``s`` and slices ``x``,
the tangent loop is ``(ds, dx) -> (ds', dy)`` and the pulled loop runs the other way
with ``(da + its share, ds', dy) -> (ds, dx)``. Residuals that do not change over the
loop are computed once outside it; those that are slices are passed again and never
stacked.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from irad._compat import calls, ir
from irad._compat.ir import Atom, ClosedJaxpr, JaxprEqn, Var
from irad.emitter import Emitter
from irad.graph import Engine, Inside
from irad.structure.bodies import (
    code_of,
    constants,
    opened,
    pick,
    without_constants,
)
from irad.structure.condensing import condensing_body, first_rows, in_runs
from irad.structure.division import LoopProgram, loop_program, pull_body, push_body
from irad.structure.loops import Parts, activity, jvp_body


class Scan:
    """The linearization of a ``scan`` equation."""

    def __init__(
        self,
        eqn: JaxprEqn,
        active: Sequence[int],
        wanted: Sequence[int],
        engine: Engine,
    ) -> None:
        self._params = eqn.params
        self._closed = closed = eqn.params["jaxpr"]
        self._body = opened(closed)
        self._engine = engine
        k = len(closed.consts)
        num_consts, num_carry = calls.scan_counts(eqn.params)
        self._parts = Parts(k + num_consts, num_carry)
        on = [False] * k + [i in active for i in range(len(eqn.invars))]
        need = [j in wanted for j in range(len(eqn.outvars))]
        self._moving = activity(self._body, self._parts, on, need, engine)
        self._given = active
        self._operand_marks = self._moving.inputs[k:]
        marks = self._moving.outputs
        self.carries = tuple(j for j in wanted if marks[j])

    def forward(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], *, reverse: bool
    ) -> tuple[Sequence[Atom], Any]:
        program = self._program(reverse=reverse)
        a, s, xs = self._parts.split([*constants(emit, self._closed), *x])
        extras = (
            emit.splice(code_of(program.prologue), a)
            if program.prologue.jaxpr.outvars
            else []
        )
        fixed = [*a, *extras]
        outs = self._forward(emit, program, fixed, s, xs)
        n = len(eqn.outvars)
        kept = [
            *(fixed[i] for i in program.fixed),
            *(xs[i] for i in program.sliced),
            *outs[n:],
        ]
        return outs[:n], kept

    def push(self, emit: Emitter, kept: Any, t: Sequence[Any]) -> Sequence[Any]:
        program = self._program(reverse=False)
        ta, ts, tx = self._spread_tangents(emit, t)
        fixed, rows = self._kept(program, kept)
        body = push_body(self._body, program, self._parts, self._moving)
        length = self._params["length"]
        outs = self._loop(emit, body, [*fixed, *ta], ts, [*rows, *tx], length)
        return self._results(outs)

    def pull(self, emit: Emitter, kept: Any, c: Sequence[Any]) -> Sequence[Any]:
        program = self._program(reverse=True)
        fixed, rows = self._kept(program, kept)
        sums, cs, cy = self._seeds(emit, c, program)
        body = pull_body(self._body, program, self._parts, self._moving)
        length = self._params["length"]
        if program.condensed is not None:
            length //= program.condensed.steps
        outs = self._loop(
            emit, body, fixed, [*sums, *cs], [*rows, *cy], length, flip=True
        )
        return self._pulled(self._with_products(emit, program, rows, outs))

    def _seeds(
        self, emit: Emitter, c: Sequence[Any], program: LoopProgram
    ) -> tuple[list[Any], list[Any], list[Any]]:
        """What the pulled loop starts from: sums, cotangents of carries and slices."""
        n = self._parts.carry
        cotangents = dict(zip(self.carries, c, strict=True))
        given = [
            cotangents[j] if j in cotangents else emit.zeros(self._cotangent_type(j))
            for j, on in enumerate(self._moving.outputs)
            if on
        ]
        carried = sum(self._moving.outputs[:n])
        a, _, _ = self._parts.split(self._body.invars)
        a_marks, _, _ = self._parts.split(self._moving.inputs)
        summed = program.summed(pick(a, a_marks))
        sums = [emit.zeros(ir.cotangent_aval(v.aval)) for v in summed]
        return sums, given[:carried], given[carried:]

    def _with_products(
        self, emit: Emitter, program: LoopProgram, rows: Sequence[Atom], outs: list[Any]
    ) -> list[Any]:
        """The results of the pulled loop, with the products over all of its steps."""
        if not program.products:
            return outs
        marked = sum(self._moving.inputs)
        stacks = [*rows, *outs[marked - len(program.whole) :]]
        results = iter(outs)
        found = [None if i in program.whole else next(results) for i in range(marked)]
        for product in program.products:
            made = product.emit(emit, stacks)
            total = found[product.image]
            found[product.image] = made if total is None else emit.add(total, made)
        return found

    def jvp(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], t: Sequence[Any]
    ) -> tuple[Sequence[Atom], Sequence[Any]]:
        a, s, xs = self._parts.split([*constants(emit, self._closed), *x])
        ta, ts, tx = self._spread_tangents(emit, t)
        body = jvp_body(self._body, self._parts, self._moving, self._engine)
        length = self._params["length"]
        outs = self._loop(emit, body, [*a, *ta], [*s, *ts], [*xs, *tx], length)
        n, k = self._parts.carry, len(ts)
        m = len(eqn.outvars) - n
        y = [*outs[:n], *outs[n + k : n + k + m]]
        return y, self._results([*outs[n : n + k], *outs[n + k + m :]])

    def inside(self) -> Inside:
        """The body, and what of it the loop that goes back computes again."""
        moving, program = self._moving, self._program(reverse=True)
        return Inside(
            self._body,
            moving.inputs,
            moving.outputs,
            self._params["length"],
            program.again,
            keeping=program.keeping,
        )

    def _program(self, *, reverse: bool) -> LoopProgram:
        steps = self._params["length"]
        return loop_program(
            self._body, self._parts, self._moving, self._engine, reverse, steps
        )

    # Equations --------------------------------------------------------------------

    def _forward(
        self,
        emit: Emitter,
        program: LoopProgram,
        consts: Sequence[Atom],
        carry: Sequence[Atom],
        xs: Sequence[Atom],
    ) -> list[Any]:
        """The forward loop; if steps are condensed, over loops that multiply rows."""
        how, length = program.condensed, self._params["length"]
        if how is None:
            return self._loop(emit, program.forward, consts, carry, xs, length)
        forward, k, n = program.forward, len(consts), len(carry)
        inside = [Var(aval) for aval in forward.in_avals[: k + n]]
        slices = (calls.stacked_aval(how.steps, v) for v in forward.in_avals[k + n :])
        rows = [Var(aval) for aval in slices]
        inner = Emitter()
        inner.source, inner.ctx = emit.source, emit.ctx
        start = [*inside[k:], *first_rows(inner, forward.out_avals[n:], how)]
        body = condensing_body(forward, k, n, how)
        outs = self._loop(inner, body, inside[:k], start, rows, how.steps)
        run = inner.closed([*inside, *rows], outs, "condensed")
        runs = length // how.steps
        return self._loop(emit, run, consts, carry, in_runs(emit, xs, how), runs)

    def _loop(
        self,
        emit: Emitter,
        body: ClosedJaxpr,
        consts: Sequence[Atom],
        carry: Sequence[Atom],
        xs: Sequence[Atom],
        length: int,
        *,
        flip: bool = False,
    ) -> list[Any]:
        leading = [emit.constant(c) for c in body.consts]
        body = without_constants(body)
        n = len(carry)
        num_consts = len(leading) + len(consts)
        params = calls.scan_params(self._params, body, num_consts, n)
        params["length"] = length
        if type(params["unroll"]) is int:
            params["unroll"] = min(params["unroll"], length)
        params["reverse"] = self._params["reverse"] != flip
        avals = body.out_avals
        results = [*avals[:n], *(calls.stacked_aval(length, v) for v in avals[n:])]
        operands = [*leading, *consts, *carry, *xs]
        return emit.equation(
            ir.scan_p, operands, results, params, calls.body_effects(body)
        )

    def _kept(
        self, program: LoopProgram, kept: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        k = len(program.fixed)
        return list(kept[:k]), list(kept[k:])

    def _spread_tangents(
        self, emit: Emitter, t: Sequence[Any]
    ) -> tuple[list[Any], list[Any], list[Any]]:
        """Tangents of all marked inputs, zeros for carries that start without one."""
        given = dict(zip(self._given, t, strict=True))
        k = len(self._closed.consts)
        marks = self._moving.inputs
        operands = self._operand_types
        tangents = [
            given[i - k]
            if i - k in given
            else emit.zeros(ir.tangent_aval(operands[i - k]))
            if marks[i]
            else None
            for i in range(len(marks))
        ]
        divided = self._parts.split(tangents)
        divided_marks = self._parts.split(marks)
        ta, ts, tx = (
            pick(values, on) for values, on in zip(divided, divided_marks, strict=True)
        )
        return ta, ts, tx

    @cached_property
    def _operand_types(self) -> list[Any]:
        k = len(self._closed.consts)
        a, s, x = self._parts.split([v.aval for v in self._body.invars])
        length = self._params["length"]
        return [*a, *s, *(calls.stacked_aval(length, v) for v in x)][k:]

    def _cotangent_type(self, j: int) -> Any:
        aval = ir.cotangent_aval(self._body.outvars[j].aval)
        if j < self._parts.carry:
            return ir.cotangent_aval(self._body.invars[self._parts.consts + j].aval)
        return calls.stacked_aval(self._params["length"], aval)

    def _results(self, outs: Sequence[Any]) -> list[Any]:
        """Tangents of the wanted results, from those of all marked outputs."""
        marked = [j for j, on in enumerate(self._moving.outputs) if on]
        by_output = dict(zip(marked, outs, strict=True))
        return [by_output[j] for j in self.carries]

    def _pulled(self, outs: Sequence[Any]) -> list[Any]:
        """Cotangents of the active operands, from (sums, cs, cx)."""
        k = len(self._closed.consts)
        marked = [i - k for i, on in enumerate(self._moving.inputs) if on]
        by_operand = dict(zip(marked, outs, strict=True))
        return [by_operand.get(i) for i in self._given]
