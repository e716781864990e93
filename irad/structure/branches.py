"""``cond`` and ``switch``: each branch linearized, their residuals aligned by type.

All branches of the forward equation return the same residual slots. A branch fills the
slots of its own residuals and leaves zeros in the others; slots are shared between
branches where the types agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from irad._compat import calls, ir
from irad._compat.ir import Atom, ClosedJaxpr, JaxprEqn, Var
from irad.emitter import Emitter
from irad.graph import Engine, Linearized, SplitProgram
from irad.structure.bodies import code_of, lifted, mask, opened, positions


@dataclass(frozen=True, eq=False)
class Branch:
    """One branch: its split program, and where its residuals are found.

    ``places`` has, for each residual, ``("const", i)`` in the branch's constants,
    ``("operand", i)`` among the operands, or ``("slot", i)``.
    """

    closed: ClosedJaxpr
    split: SplitProgram
    places: tuple[tuple[str, int], ...]


class Cond:
    """The linearization of a ``cond`` equation."""

    def __init__(
        self,
        eqn: JaxprEqn,
        active: Sequence[int],
        wanted: Sequence[int],
        engine: Engine,
    ) -> None:
        self._params = eqn.params
        self._branches = tuple(eqn.params["branches"])
        self._engine = engine
        self._active = tuple(i - 1 for i in active)
        num_outputs = len(eqn.outvars)
        need = mask(num_outputs, wanted)
        carried = [False] * num_outputs
        for closed in self._branches:
            found, _ = engine.activity(opened(closed), self._marks(closed), need)
            carried = [a or b for a, b in zip(carried, found, strict=True)]
        self.carries = positions(carried)
        self._need = tuple(carried)
        self._num_outputs = num_outputs
        self._operands = [v.aval for v in eqn.invars[1:]]
        self._out_types = [v.aval for v in eqn.outvars]
        self._made: dict[bool, tuple[list[Any], list[Branch]]] = {}

    def forward(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], *, reverse: bool
    ) -> tuple[Sequence[Atom], Any]:
        slots, branches = self._split(reverse=reverse)
        bodies = [self._forward_branch(b, slots) for b in branches]
        outs = self._emit(emit, bodies, x, [*self._out_types, *slots])
        used = sorted(
            {i for b in branches for kind, i in b.places if kind == "operand"}
        )
        kept = (x[0], dict(zip(used, (x[1 + i] for i in used), strict=True)), outs)
        return outs[: self._num_outputs], kept

    def push(self, emit: Emitter, kept: Any, t: Sequence[Any]) -> Sequence[Any]:
        types = [ir.tangent_aval(self._out_types[j]) for j in self.carries]
        return self._linear(emit, kept, t, types, reverse=False)

    def pull(self, emit: Emitter, kept: Any, c: Sequence[Any]) -> Sequence[Any]:
        types = [ir.cotangent_aval(self._operands[i]) for i in self._active]
        return self._linear(emit, kept, c, types, reverse=True)

    def jvp(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], t: Sequence[Any]
    ) -> tuple[Sequence[Atom], Sequence[Any]]:
        bodies = [self._jvp_branch(closed) for closed in self._branches]
        tangents = [ir.tangent_aval(self._out_types[j]) for j in self.carries]
        outs = self._emit(emit, bodies, [*x, *t], [*self._out_types, *tangents])
        return outs[: self._num_outputs], outs[self._num_outputs :]

    def _marks(self, closed: ClosedJaxpr) -> tuple[bool, ...]:
        k = len(closed.consts)
        return mask(len(opened(closed).invars), self._active, shift=k)

    def _split(self, *, reverse: bool) -> tuple[list[Any], list[Branch]]:
        """The types of the residual slots, and the branches with their places."""
        if reverse not in self._made:
            slots: list[Any] = []
            branches = []
            for closed in self._branches:
                transform = self._engine.vjp if reverse else self._engine.linearize
                split = transform(opened(closed), self._marks(closed), self._need)
                branches.append(Branch(closed, split, _places(closed, split, slots)))
            self._made[reverse] = slots, branches
        return self._made[reverse]

    def _forward_branch(self, branch: Branch, slots: Sequence[Any]) -> ClosedJaxpr:
        """(operands) to (outputs, slots)."""
        emit = Emitter()
        operands = [Var(aval) for aval in self._operands]
        consts = [emit.constant(c) for c in branch.closed.consts]
        code = code_of(branch.split.forward)
        outs = emit.splice(code, [*consts, *operands])
        used = [i for kind, i in branch.places if kind == "slot"]
        filled = dict(zip(used, outs[self._num_outputs :], strict=True))
        rest = [
            filled[i] if i in filled else emit.zeros(aval)
            for i, aval in enumerate(slots)
        ]
        return emit.closed(operands, [*outs[: self._num_outputs], *rest], "branch")

    def _linear_branch(
        self,
        branch: Branch,
        slots: Sequence[Any],
        used: Sequence[int],
        types: Sequence[Any],
        *,
        reverse: bool,
    ) -> ClosedJaxpr:
        """(slots, used operands, tangents or cotangents) to their images."""
        emit = Emitter()
        kept = [Var(aval) for aval in slots]
        operands = {i: Var(self._operands[i]) for i in used}
        consts = [emit.constant(c) for c in branch.closed.consts]
        read = {"slot": kept, "operand": operands, "const": consts}
        residuals = [read[kind][i] for kind, i in branch.places]
        given = (
            [Var(ir.cotangent_aval(self._out_types[j])) for j in self.carries]
            if reverse
            else [Var(ir.tangent_aval(self._operands[i])) for i in self._active]
        )
        carried = [branch.split.carries[j] for j in self.carries]
        live = (
            [c for c, on in zip(given, carried, strict=True) if on]
            if reverse
            else given
        )
        returned = iter(emit.splice(code_of(branch.split.linear), [*residuals, *live]))
        zeros = iter(branch.split.zeros)
        present = [True] * len(types) if reverse else carried
        outs = [
            next(returned) if on and not next(zeros) else emit.zeros(aval)
            for on, aval in zip(present, types, strict=True)
        ]
        return emit.closed([*kept, *operands.values(), *given], outs, "branch")

    def _jvp_branch(self, closed: ClosedJaxpr) -> ClosedJaxpr:
        """(operands, tangents) to (outputs, their tangents)."""
        emit = Emitter()
        operands = [Var(aval) for aval in self._operands]
        given = [Var(ir.tangent_aval(self._operands[i])) for i in self._active]
        consts = [emit.constant(c) for c in closed.consts]
        program = self._engine.jvp(opened(closed), self._marks(closed), self._need)
        outs = emit.splice(code_of(program.jaxpr), [*consts, *operands, *given])
        pushed = iter(outs[self._num_outputs :])
        tangents = [
            next(pushed)
            if program.carries[j]
            else emit.zeros(ir.tangent_aval(self._out_types[j]))
            for j in self.carries
        ]
        inputs = [*operands, *given]
        return emit.closed(inputs, [*outs[: self._num_outputs], *tangents], "branch")

    def _linear(
        self,
        emit: Emitter,
        kept: Any,
        given: Sequence[Any],
        types: Sequence[Any],
        *,
        reverse: bool,
    ) -> Sequence[Any]:
        index, operands, outs = kept
        slots, branches = self._split(reverse=reverse)
        bodies = [
            self._linear_branch(b, slots, list(operands), types, reverse=reverse)
            for b in branches
        ]
        inputs = [index, *outs[self._num_outputs :], *operands.values(), *given]
        return self._emit(emit, bodies, inputs, types)

    def _emit(
        self,
        emit: Emitter,
        bodies: Sequence[ClosedJaxpr],
        inputs: Sequence[Atom],
        types: Sequence[Any],
    ) -> list[Any]:
        index, *operands = inputs
        leading, bodies = lifted(emit, bodies)
        params = dict(self._params, branches=bodies)
        effects = calls.join_effects(calls.branch_effects(bodies))
        given = [index, *leading, *operands]
        return emit.equation(ir.cond_p, given, types, params, effects)


def _places(
    closed: ClosedJaxpr, split: SplitProgram, slots: list[Any]
) -> tuple[tuple[str, int], ...]:
    """Finds a place for each residual of a branch, adding slots where types run out."""
    k = len(closed.consts)
    taken: set[int] = set()
    places = []
    residuals = split.linear.jaxpr.invars[: len(split.sources)]
    for v, source in zip(residuals, split.sources, strict=True):
        if source is not None:
            places.append(("const", source) if source < k else ("operand", source - k))
            continue
        free = (i for i, aval in enumerate(slots) if aval == v.aval and i not in taken)
        i = next(free, len(slots))
        if i == len(slots):
            slots.append(v.aval)
        taken.add(i)
        places.append(("slot", i))
    return tuple(places)


def cond(
    eqn: JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
) -> Linearized | None:
    """A ``cond`` equation: the branch taken, and only it, is differentiated."""
    if 0 in active:
        raise AssertionError("a cond's index cannot carry a tangent")
    local = Cond(eqn, active, wanted, engine)
    return local if local.carries else None
