"""``jax.checkpoint``: what its policy does not save is computed again where it is read.

The forward program is the body with the saved values as further results. Push and pull
are one equation each, which computes the rest again and applies the linear program; XLA
keeps the two computations apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from irad._compat import calls, checkpoints, ir, tracing
from irad._compat.checkpoints import Policy, Spaces
from irad._compat.ir import Atom, ClosedJaxpr, Jaxpr, JaxprEqn
from irad.caching import by_jaxpr
from irad.emitter import Emitter, Snippet, snippet
from irad.errors import NoRuleError
from irad.graph import Engine, Inside, Linearized
from irad.structure.bodies import code_of, count, mask, opened, pick, positions
from irad.structure.call import SPLICED_EQUATIONS
from irad.structure.saving import divide
from irad.structure.ties import tie, tied_inputs, witness_of


@dataclass(frozen=True, eq=False)
class Checkpointed:
    """The programs of a body under a policy.

    ``forward``: inputs to (outputs, saved). ``linear``: the operands that ``reads``
    marks, among (saved, inputs, tangents or cotangents), to the images. ``zeros`` marks
    images known to be zero, which it does not return. ``again`` are the equations of
    ``forward`` that ``linear`` runs too.
    """

    forward: ClosedJaxpr
    linear: ClosedJaxpr
    reads: tuple[bool, ...]
    ties: tuple[bool, ...]
    zeros: tuple[bool, ...]
    spaces: tuple[Spaces | None, ...]
    again: tuple[JaxprEqn, ...]


class Remat:
    """The linearization of a ``checkpoint`` equation."""

    def __init__(
        self,
        eqn: JaxprEqn,
        active: Sequence[int],
        wanted: Sequence[int],
        engine: Engine,
    ) -> None:
        self._params = eqn.params
        self._body: Jaxpr = eqn.params["jaxpr"]
        self._policy: Policy | None = eqn.params["policy"]
        self._engine = engine
        self._active = mask(len(eqn.invars), active)
        need = mask(len(eqn.outvars), wanted)
        self._carried, _ = engine.activity(self._body, self._active, need)
        self.carries = positions(self._carried)

    def forward(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], *, reverse: bool
    ) -> tuple[Sequence[Atom], Any]:
        _check_effects(eqn)
        made = self._made(reverse=reverse)
        if count(made.forward.jaxpr) <= SPLICED_EQUATIONS:
            outs = emit.splice(code_of(made.forward), x)
        else:
            outs = emit.call(made.forward, x, "checkpoint")
        n = len(eqn.outvars)
        saved = [
            v if spaces is None else emit.splice(_move(v.aval, spaces[1]), [v])[0]
            for v, spaces in zip(outs[n:], made.spaces, strict=True)
        ]
        return outs[:n], (list(x), saved)

    def push(self, emit: Emitter, kept: Any, t: Sequence[Any]) -> Sequence[Any]:
        return self._linear(emit, kept, t, reverse=False)

    def pull(self, emit: Emitter, kept: Any, c: Sequence[Any]) -> Sequence[Any]:
        return self._linear(emit, kept, c, reverse=True)

    def jvp(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], t: Sequence[Any]
    ) -> tuple[Sequence[Atom], Sequence[Any]]:
        program = self._engine.jvp(self._body, self._active, self._carried)
        barrier = [*self._barriers, *[True] * len(t)]
        outs = self._equation(
            emit, program.jaxpr, [*x, *t], barrier, eqn.params["differentiated"]
        )
        n = len(eqn.outvars)
        pushed = iter(outs[n:])
        pairs = zip(program.carries, self._carried, strict=True)
        return outs[:n], [next(pushed) if c else None for c, w in pairs if w]

    def inside(self) -> Inside:
        """The body, of which all is computed again that the policy does not save."""
        again = self._made(reverse=True).again
        return Inside(self._body, self._active, self._carried, 1, again, True)

    # Programs and equations --------------------------------------------------------

    def _made(self, *, reverse: bool) -> Checkpointed:
        policy = _Same(self._policy)
        return _checkpointed(
            self._body, self._active, self._carried, policy, self._engine, reverse
        )

    @property
    def _barriers(self) -> list[bool]:
        """Which operands XLA must not merge with equal values outside."""
        given = self._params["prevent_cse"]
        return [given] * len(self._active) if isinstance(given, bool) else list(given)

    def _linear(
        self, emit: Emitter, kept: Any, given: Sequence[Any], *, reverse: bool
    ) -> Sequence[Any]:
        x, saved = kept
        made = self._made(reverse=reverse)
        loaded = [
            v if spaces is None else emit.splice(_move(v.aval, spaces[0]), [v])[0]
            for v, spaces in zip(saved, made.spaces, strict=True)
        ]
        atoms = [*loaded, *x, *given]
        barriers = [*[True] * len(saved), *self._barriers, *[True] * len(given)]
        read = [i for i, on in enumerate(made.reads) if on]
        witness = witness_of(given)
        operands = [
            tie(emit, atoms[i], witness)
            if tied and barriers[i] and witness is not None
            else atoms[i]
            for i, tied in zip(read, made.ties, strict=True)
        ]
        outs = iter(
            self._equation(
                emit,
                made.linear,
                operands,
                [barriers[i] for i in read],
                differentiated=True,
            )
        )
        return [None if zero else next(outs) for zero in made.zeros]

    def _equation(
        self,
        emit: Emitter,
        closed: ClosedJaxpr,
        operands: Sequence[Atom],
        barriers: Sequence[bool],
        differentiated: bool,
    ) -> list[Any]:
        leading = [emit.constant(c) for c in closed.consts]
        body = opened(closed)
        given = self._params["prevent_cse"]
        if not isinstance(given, bool):
            given = (*[True] * len(leading), *barriers)
        params = dict(
            self._params, jaxpr=body, prevent_cse=given, differentiated=differentiated
        )
        avals = [x.aval for x in body.outvars]
        effects = calls.body_effects(ir.closed_jaxpr(body))
        return emit.equation(ir.remat_p, [*leading, *operands], avals, params, effects)


class _Same:
    """A policy as part of a key: by its value if it has one, else by its identity."""

    __slots__ = ("policy",)

    def __init__(self, policy: Policy | None) -> None:
        self.policy = policy

    def __hash__(self) -> int:
        return id(self.policy)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.policy is other.policy


@by_jaxpr
def _checkpointed(
    body: Jaxpr,
    active: tuple[bool, ...],
    wanted: tuple[bool, ...],
    policy: _Same,
    engine: Engine,
    reverse: bool,
) -> Checkpointed:
    alone = engine.held(1)
    split = (alone.vjp if reverse else alone.linearize)(body, active, wanted)
    full = split.forward.jaxpr
    m = len(body.outvars)
    residuals = split.residuals(full.invars, full.outvars[m:])
    primal = full.replace(outvars=full.outvars[:m])
    division = divide(primal, residuals, policy.policy)
    consts = split.forward.consts
    linear = split.linear.jaxpr
    closed = ir.closed_jaxpr(division.again, consts)
    again = closed.jaxpr
    emit = Emitter()
    twice = {y for eqn in again.eqns for y in eqn.outvars}
    given = [ir.Var(v.aval) for v in linear.invars[len(residuals) :]]
    found = emit.splice(code_of(closed), again.invars)
    outs = emit.splice(code_of(split.linear), [*found, *given])
    program = emit.closed([*again.invars, *given], outs, "rematted computation")
    reads, program = _narrowed(program)
    known = [*[True] * len(again.invars), *[False] * len(given)]
    return Checkpointed(
        ir.closed_jaxpr(division.first, consts),
        program,
        reads,
        tied_inputs(program.jaxpr, pick(known, reads)),
        split.zeros,
        division.spaces,
        tuple(e for e in division.first.eqns if not twice.isdisjoint(e.outvars)),
    )


def _narrowed(closed: ClosedJaxpr) -> tuple[tuple[bool, ...], ClosedJaxpr]:
    """A program without the inputs that it does not read, and which it does."""
    jaxpr = closed.jaxpr
    read = {x for eqn in jaxpr.eqns for x in eqn.invars if type(x) is ir.Var}
    read.update(x for x in jaxpr.outvars if type(x) is ir.Var)
    reads = tuple(v in read for v in jaxpr.invars)
    kept = [v for v in jaxpr.invars if v in read]
    return reads, ir.closed_jaxpr(jaxpr.replace(invars=kept), closed.consts)


def _move(aval: Any, space: Any) -> Snippet:
    """A copy of a value in another memory space."""
    jaxpr, consts = tracing.trace(
        lambda x: [checkpoints.moved(x, space)], [aval], "offload"
    )
    return snippet(jaxpr, consts)


def _check_effects(eqn: JaxprEqn) -> None:
    found = checkpoints.forbidden_effects(eqn.params["jaxpr"])
    if found:
        raise NoRuleError(
            f"effects that jax.checkpoint cannot run again: {found} "
            f"({ir.source_line(eqn)}). Move them out of the checkpointed function."
        )


def checkpoint(
    eqn: JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
) -> Linearized | None:
    """A ``checkpoint`` equation."""
    local = Remat(eqn, active, wanted, engine)
    return local if local.carries else None
