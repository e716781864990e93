"""``while_loop``: forward mode runs value and tangent together; no reverse mode yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from irad._compat import calls, ir
from irad._compat.ir import Atom, ClosedJaxpr, JaxprEqn, Var
from irad.emitter import Emitter
from irad.errors import NotDifferentiableError
from irad.graph import Engine, Linearized
from irad.structure.bodies import code_of, opened, pick
from irad.structure.loops import Parts, activity


class While:
    """The linearization of a ``while`` equation."""

    def __init__(
        self,
        eqn: JaxprEqn,
        active: Sequence[int],
        wanted: Sequence[int],
        engine: Engine,
    ) -> None:
        params = eqn.params
        self._params = params
        self._eqn = eqn
        self._engine = engine
        self._closed: ClosedJaxpr = params["body_jaxpr"]
        self._body = opened(self._closed)
        k = len(self._closed.consts)
        self._num_cond = params["cond_nconsts"]
        self._parts = Parts(k + params["body_nconsts"], len(eqn.outvars))
        on = [False] * k + [i in active for i in range(self._num_cond, len(eqn.invars))]
        need = [j in wanted for j in range(len(eqn.outvars))]
        self._moving = activity(self._body, self._parts, on, need, engine)
        self._given = tuple(i - self._num_cond + k for i in active)
        self.carries = tuple(j for j in wanted if self._moving.outputs[j])

    def forward(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], *, reverse: bool
    ) -> tuple[Sequence[Atom], Any]:
        del reverse
        y = emit.equation(
            eqn.primitive, x, [v.aval for v in eqn.outvars], eqn.params, eqn.effects
        )
        return y, (eqn, list(x))

    def push(self, emit: Emitter, kept: Any, t: Sequence[Any]) -> Sequence[Any]:
        eqn, x = kept
        return self.jvp(emit, eqn, x, t)[1]

    def pull(self, emit: Emitter, kept: Any, c: Sequence[Any]) -> NoReturn:
        raise NotDifferentiableError(
            "Reverse-mode differentiation does not work for lax.while_loop or "
            "lax.fori_loop with dynamic start/stop values, because the number of steps "
            f"is not known ({ir.source_line(self._eqn)}). Use lax.scan, lax.fori_loop "
            "with static bounds, or forward mode (irad.jvp, irad.jacfwd)."
        )

    def jvp(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], t: Sequence[Any]
    ) -> tuple[Sequence[Atom], Sequence[Any]]:
        moving, parts = self._moving, self._parts
        tangents = dict(zip(self._given, t, strict=True))
        consts = [emit.constant(c) for c in self._closed.consts]
        cond_consts = list(x[: self._num_cond])
        inputs = [*consts, *x[self._num_cond :]]
        spread = [
            (
                tangents[i]
                if i in tangents
                else emit.zeros(ir.tangent_aval(self._body.invars[i].aval))
            )
            if on
            else None
            for i, on in enumerate(moving.inputs)
        ]
        a, s, _ = parts.split(inputs)
        ta, ts, _ = parts.split(spread)
        ta = [v for v in ta if v is not None]
        ts = [v for v in ts if v is not None]
        outs = self._loop(emit, cond_consts, [*a, *ta], [*s, *ts])
        n = parts.carry
        marked = [j for j, on in enumerate(moving.outputs) if on]
        by_output = dict(zip(marked, outs[n:], strict=True))
        return outs[:n], [by_output[j] for j in self.carries]

    def _loop(
        self,
        emit: Emitter,
        cond_consts: Sequence[Atom],
        consts: Sequence[Atom],
        carry: Sequence[Atom],
    ) -> list[Any]:
        body = self._jvp_body()
        cond = self._wider_cond(len(carry))
        leading = [emit.constant(c) for c in body.consts]
        body = ir.closed_jaxpr(opened(body))
        params = dict(
            self._params,
            cond_jaxpr=cond,
            body_jaxpr=body,
            body_nconsts=len(leading) + len(consts),
        )
        effects = calls.join_effects(calls.body_effects(body), self._eqn.effects)
        operands = [*cond_consts, *leading, *consts, *carry]
        return emit.equation(ir.while_p, operands, body.out_avals, params, effects)

    def _jvp_body(self) -> ClosedJaxpr:
        """(a, da; s, ds) to (s', ds')."""
        parts, moving, body = self._parts, self._moving, self._body
        program = self._engine.jvp(body, moving.inputs, moving.outputs)
        inner = program.jaxpr.jaxpr
        emit = Emitter()
        outs = emit.splice(code_of(program.jaxpr), inner.invars)
        n = parts.carry
        pushed = iter(outs[n:])
        tangents = [
            next(pushed) if carried else emit.zeros(ir.tangent_aval(v.aval))
            for v, on, carried in zip(
                body.outvars, moving.outputs, program.carries, strict=True
            )
            if on
        ]
        total = len(body.invars)
        a, s, _ = parts.split(inner.invars[:total])
        da = inner.invars[total : total + len(pick(a, moving.inputs[: parts.consts]))]
        ds = inner.invars[total + len(da) :]
        return emit.closed([*a, *da, *s, *ds], [*outs[:n], *tangents], "jvp")

    def _wider_cond(self, num_carry: int) -> ClosedJaxpr:
        """The condition, which ignores the tangents in the carry."""
        closed: ClosedJaxpr = self._params["cond_jaxpr"]
        jaxpr = closed.jaxpr
        body = self._jvp_body()
        carry_types = body.in_avals[-num_carry:] if num_carry else []
        more = [Var(aval) for aval in carry_types[self._parts.carry :]]
        return ir.closed_jaxpr(
            ir.make_jaxpr_object(
                [*jaxpr.invars, *more],
                jaxpr.outvars,
                jaxpr.eqns,
                "cond",
                jaxpr.constvars,
            ),
            closed.consts,
        )


def while_loop(
    eqn: JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
) -> Linearized | None:
    """A ``while`` equation, of unknown trip count."""
    local = While(eqn, active, wanted, engine)
    return local if local.carries else None
