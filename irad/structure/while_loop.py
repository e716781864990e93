"""``while_loop``: forward mode runs value and tangent together, reverse checkpoints.

Reverse mode stores a bounded number of states, placed while the number of steps is
still unknown, and runs steps again from them (``structure/reversal.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jax import lax

from irad._compat import ir
from irad._compat.ir import Atom, ClosedJaxpr, Jaxpr, JaxprEqn, Var
from irad.caching import by_jaxpr
from irad.emitter import Emitter
from irad.graph import Engine, Inside, Linearized
from irad.structure.bodies import code_of, opened, pick, without_constants
from irad.structure.loops import Parts, activity, jvp_body
from irad.structure.reversal import recorded, reversed_loop, traced, while_equation
from irad.structure.steps import Step, step_of


class While:
    """The linearization of a ``while`` equation.

    Condition and body are programs without constants here: what they close over comes
    first among their inputs. ``places`` has, for each input of the body, its position
    among the equation's operands, or None.
    """

    def __init__(
        self,
        eqn: JaxprEqn,
        active: Sequence[int],
        wanted: Sequence[int],
        engine: Engine,
    ) -> None:
        cond, body = eqn.params["cond_jaxpr"], eqn.params["body_jaxpr"]
        self._num_cond = eqn.params["cond_nconsts"]
        self._engine = engine
        self._slots = engine.checkpointing.max_checkpoints
        self._cond_values, self._values = cond.consts, body.consts
        self._cond, self._body = without_constants(cond), opened(body)
        operands = range(len(eqn.invars))
        places = [*(None for _ in body.consts), *operands[self._num_cond :]]
        n = len(eqn.outvars)
        self._masked = bool(cond.out_avals[0].shape)
        if self._masked:
            self._cond, self._body = _masked(self._cond, self._body, n)
            read = [*(None for _ in cond.consts), *operands[: self._num_cond]]
            places = [*read, *places]
        self._places = places
        self._parts = Parts(len(places) - n, n)
        on = [i in active for i in places]
        need = [j in wanted for j in range(n)]
        self._moving = activity(self._body, self._parts, on, need, engine)
        self._given = active
        self.carries = tuple(j for j in wanted if self._moving.outputs[j])

    def forward(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], *, reverse: bool
    ) -> tuple[Sequence[Atom], Any]:
        if not reverse:
            avals = [v.aval for v in eqn.outvars]
            y = emit.equation(eqn.primitive, x, avals, eqn.params, eqn.effects)
            return y, (eqn, list(x))
        step = self._step()
        a, s, _ = self._parts.split(self._inputs(emit, x))
        fixed = [*a, *emit.splice(code_of(step.prologue), a)]
        consts = [*self._cond_inputs(emit, x), *fixed]
        y, kept = recorded(emit, step, self._cond, consts, s, self._slots)
        return y, ([*fixed, *pick(s, step.constant)], kept)

    def push(self, emit: Emitter, kept: Any, t: Sequence[Any]) -> Sequence[Any]:
        eqn, x = kept
        return self.jvp(emit, eqn, x, t)[1]

    def pull(self, emit: Emitter, kept: Any, c: Sequence[Any]) -> Sequence[Any]:
        fixed, saved = kept
        cotangents = dict(zip(self.carries, c, strict=True))
        a, s, _ = self._parts.split(self._body.invars)
        on_a, _, _ = self._parts.split(self._moving.inputs)
        sums = [emit.zeros(ir.cotangent_aval(v.aval)) for v in pick(a, on_a)]
        cs = [
            cotangents[j] if j in cotangents else emit.zeros(ir.cotangent_aval(v.aval))
            for j, v in enumerate(s)
            if self._moving.outputs[j]
        ]
        pulled = reversed_loop(
            emit, self._step(), saved, fixed, [*sums, *cs], self._slots
        )
        marked = pick(self._places, self._moving.inputs)
        by_operand = dict(zip(marked, pulled, strict=True))
        return [by_operand.get(i) for i in self._given]

    def jvp(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], t: Sequence[Any]
    ) -> tuple[Sequence[Atom], Sequence[Any]]:
        moving, n = self._moving, self._parts.carry
        a, s, _ = self._parts.split(self._inputs(emit, x))
        ta, ts, _ = self._parts.split(self._spread_tangents(emit, t))
        ta, ts = ([v for v in part if v is not None] for part in (ta, ts))
        body = jvp_body(self._body, self._parts, moving, self._engine)
        cond = _wider(self._cond, [v.aval for v in ts])
        outs = while_equation(
            emit, cond, body, self._cond_inputs(emit, x), [*a, *ta], [*s, *ts]
        )
        marked = [j for j, on in enumerate(moving.outputs) if on]
        by_output = dict(zip(marked, outs[n:], strict=True))
        return outs[:n], [by_output[j] for j in self.carries]

    def inside(self) -> Inside:
        """The body, which runs again between the states that are stored."""
        moving, again = self._moving, tuple(self._step().again.jaxpr.eqns)
        return Inside(self._body, moving.inputs, moving.outputs, None, again)

    def _step(self) -> Step:
        return step_of(self._body, self._parts, self._moving, self._engine)

    def _cond_inputs(self, emit: Emitter, x: Sequence[Atom]) -> list[Atom]:
        """What the condition takes before the carries."""
        return [*map(emit.constant, self._cond_values), *x[: self._num_cond]]

    def _inputs(self, emit: Emitter, x: Sequence[Atom]) -> list[Atom]:
        """What the body takes."""
        own = [*map(emit.constant, self._values), *x[self._num_cond :]]
        return [*self._cond_inputs(emit, x), *own] if self._masked else own

    def _spread_tangents(self, emit: Emitter, t: Sequence[Any]) -> list[Any]:
        """Tangents of all marked inputs, zeros for carries that start without one."""
        given = dict(zip(self._given, t, strict=True))
        rows = zip(self._body.invars, self._places, self._moving.inputs, strict=True)
        return [
            (given[i] if i in given else emit.zeros(ir.tangent_aval(v.aval)))
            if on
            else None
            for v, i, on in rows
        ]


def _wider(cond: ClosedJaxpr, tangents: Sequence[Any]) -> ClosedJaxpr:
    """The condition, which ignores the tangents in the carry."""
    more = [Var(aval) for aval in tangents]
    jaxpr = cond.jaxpr
    return ir.closed_jaxpr(jaxpr.replace(invars=[*jaxpr.invars, *more]))


@by_jaxpr
def _masked(
    cond: ClosedJaxpr, body: Jaxpr, num_carry: int
) -> tuple[ClosedJaxpr, Jaxpr]:
    """A batch of loops as one: it goes on while any does, those that ended stay.

    The body takes what the condition takes before the carries, and then its own inputs.
    """
    emit = Emitter()
    inputs = [Var(v.aval) for v in cond.jaxpr.invars]
    going = emit.splice(code_of(cond), inputs)
    code = traced(lambda going: [jnp.any(going)], going)
    anyone = emit.closed(inputs, emit.splice(code, going), "cond")

    emit = Emitter()
    own = [Var(v.aval) for v in body.invars]
    s = own[len(own) - num_carry :]
    first = inputs[: len(inputs) - num_carry]
    going = emit.splice(code_of(cond), [*first, *s])
    y = emit.splice(code_of(ir.closed_jaxpr(body)), own)
    operands = [*going, *y, *s]
    outs = emit.splice(traced(_selected, operands), operands)
    return anyone, emit.closed([*first, *own], outs, "body").jaxpr


def _selected(going: Any, *states: Any) -> list[Any]:
    """The states after a step where a loop goes on, else those before it."""
    n = len(states) // 2
    return [
        lax.select(lax.broadcast_in_dim(going, new.shape, range(going.ndim)), new, old)
        for new, old in zip(states[:n], states[n:], strict=True)
    ]


def while_loop(
    eqn: JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
) -> Linearized | None:
    """A ``while`` equation, of unknown trip count."""
    local = While(eqn, active, wanted, engine)
    return local if local.carries else None
