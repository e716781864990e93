"""``jit``: small functions are spliced, large ones stay shared calls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from irad._compat import calls
from irad._compat.ir import Atom, ClosedJaxpr, JaxprEqn
from irad.caching import by_jaxpr
from irad.emitter import Emitter
from irad.graph import Engine, Inside, Linearized, Mask, SplitProgram
from irad.structure.bodies import (
    code_of,
    constants,
    count,
    mask,
    opened,
    positions,
    spread,
)

SPLICED_EQUATIONS = 48
"""A body of at most so many equations is spliced in the place of its call."""


class Call:
    """The linearization of a call: forward and linear program, called or spliced."""

    def __init__(
        self,
        closed: ClosedJaxpr,
        active: Sequence[int],
        wanted: Sequence[int],
        engine: Engine,
        *,
        like: dict[str, Any] | None,
    ) -> None:
        body = opened(closed)
        self._closed = closed
        self._engine = engine
        self._like = like
        self._operands = tuple(active)
        self._anywhere = (None,) * len(closed.consts)
        self._active = mask(len(body.invars), active, shift=len(closed.consts))
        self._wanted = mask(len(body.outvars), wanted)
        self._carried, _ = engine.activity(body, self._active, self._wanted)
        self.carries = positions(self._carried)

    def forward(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], *, reverse: bool
    ) -> tuple[Sequence[Atom], Any]:
        inputs = [*constants(emit, self._closed), *x]
        split = self._split(reverse=reverse)
        n = len(eqn.outvars)
        places = calls.Places(
            [*self._anywhere, *range(len(x))],
            [*range(n), *(None for i in split.sources if i is None)],
        )
        outs = self._emit(emit, split.forward, inputs, eqn, places)
        kept = split.residuals(inputs, outs[n:])
        return outs[:n], (eqn, kept)

    def push(self, emit: Emitter, kept: Any, t: Sequence[Any]) -> Sequence[Any]:
        return self._linear(emit, kept, t, reverse=False)

    def pull(self, emit: Emitter, kept: Any, c: Sequence[Any]) -> Sequence[Any]:
        return self._linear(emit, kept, c, reverse=True)

    def masks(self, kept: Any) -> list[tuple[Mask[Atom], ...]]:
        """For the cotangent of each operand, by which residuals it has zeros."""
        _, residuals = kept
        return [
            tuple(Mask(residuals[m.which], m.case, m.cases) for m in each)
            for each in self._split(reverse=True).masks
        ]

    def jvp(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], t: Sequence[Any]
    ) -> tuple[Sequence[Atom], Sequence[Any]]:
        program = self._engine.jvp(opened(self._closed), self._active, self._carried)
        inputs = [*constants(emit, self._closed), *x, *t]
        n = len(eqn.outvars)
        places = calls.Places(
            [*self._anywhere, *range(len(x)), *self._operands],
            [*range(n), *positions(program.carries)],
        )
        outs = self._emit(emit, program.jaxpr, inputs, eqn, places)
        tangents = iter(outs[n:])
        pairs = zip(program.carries, self._carried, strict=True)
        return outs[:n], [next(tangents) if c else None for c, w in pairs if w]

    def inside(self) -> Inside:
        """The body."""
        return Inside(opened(self._closed), self._active, self._carried)

    def _split(self, *, reverse: bool) -> SplitProgram:
        split = self._engine.vjp if reverse else self._engine.linearize
        return split(opened(self._closed), self._active, self._carried)

    def _linear(
        self, emit: Emitter, kept: Any, given: Sequence[Any], *, reverse: bool
    ) -> Sequence[Any]:
        eqn, residuals = kept
        split = self._split(reverse=reverse)
        given_at, made_at = self._operands, self.carries
        if reverse:
            given_at, made_at = made_at, given_at
        places = calls.Places(
            [*(None for _ in residuals), *given_at],
            [at for at, zero in zip(made_at, split.zeros, strict=True) if not zero],
            transposed=reverse,
        )
        outs = self._emit(emit, split.linear, [*residuals, *given], eqn, places)
        return spread(split, outs)

    def _emit(
        self,
        emit: Emitter,
        closed: ClosedJaxpr,
        inputs: Sequence[Atom],
        eqn: JaxprEqn,
        places: calls.Places,
    ) -> list[Any]:
        if self._like is None:
            return emit.splice(code_of(closed), inputs)
        return emit.call(closed, inputs, eqn.params["name"], self._like, places)


@by_jaxpr
def _call(
    closed: ClosedJaxpr,
    active: tuple[int, ...],
    wanted: tuple[int, ...],
    engine: Engine,
) -> Call:
    return Call(closed, active, wanted, engine, like=None)


def jit(
    eqn: JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
) -> Linearized | None:
    """A ``jit`` equation: its body differentiated once, however often it is called."""
    closed = eqn.params["jaxpr"]
    if _size(closed) <= SPLICED_EQUATIONS and calls.is_plain_call(eqn):
        local = _call(closed, active, wanted, engine)
    else:
        local = Call(closed, active, wanted, engine, like=eqn.params)
    return local if local.carries else None


@by_jaxpr
def _size(closed: ClosedJaxpr) -> int:
    return count(closed.jaxpr)
