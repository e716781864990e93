"""``shard_map``: the body differentiated inside its mesh, residuals kept as shards.

The forward equation returns its residuals beside its results, the linear equation
takes them. A residual that is an operand or a result of the body is not stored again.
Any other is stacked along its first axis over the axes of the mesh that it varies over,
as JAX does, a scalar along an axis of its own.

Where nothing is checked (``check_vma=False``), types do not say what is replicated.
The cotangent of a result is then shared out among its replicas, and the cotangent of an
operand is the sum of its replicas' cotangents.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from typing import Any

from jax import lax

from irad._compat import calls, ir, mesh, primitives, tracing
from irad._compat.ir import Atom, Jaxpr, JaxprEqn, Var
from irad.emitter import Emitter, snippet
from irad.graph import Engine, Linearized, SplitProgram
from irad.structure.bodies import constants, mask, opened, positions, spread

Spec = Any  # a PartitionSpec


@dataclass(frozen=True, eq=False)
class Body:
    """The body of a ``shard_map`` equation, with the specs of what goes in and out."""

    jaxpr: Jaxpr
    in_specs: tuple[Spec, ...]
    out_specs: tuple[Spec, ...]


@dataclass(frozen=True, eq=False)
class Residual:
    """Which operand or result of the forward equation a residual is.

    ``spec`` is how it enters the linear equation; ``is_promoted`` says that a scalar
    was given an axis.
    """

    is_operand: bool
    position: int
    spec: Spec
    is_promoted: bool = False


@dataclass(frozen=True, eq=False)
class MappedProgram:
    """A ``shard_map`` in two: the forward body, the linear one over the residuals."""

    split: SplitProgram
    forward: Body
    linear: Body
    residuals: tuple[Residual, ...]


class Mapped:
    """The linearization of a ``shard_map`` equation."""

    def __init__(
        self,
        eqn: JaxprEqn,
        active: Sequence[int],
        wanted: Sequence[int],
        engine: Engine,
    ) -> None:
        self._params = params = eqn.params
        self._body: Jaxpr = params["jaxpr"]
        self._engine = engine
        self._source = eqn.source_info
        self._active = tuple(active)
        self._mask = mask(len(self._body.invars), active)
        need = mask(len(self._body.outvars), wanted)
        with mesh.inside(params):
            self._carried, _ = engine.activity(self._body, self._mask, need)
        self.carries = positions(self._carried)

    def forward(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], *, reverse: bool
    ) -> tuple[Sequence[Atom], Any]:
        program = self._program(reverse=reverse)
        operands = [*constants(emit, program.split.forward), *x]
        outs = self._emit(emit, program.forward, operands)
        kept = [
            operands[r.position] if r.is_operand else outs[r.position]
            for r in program.residuals
        ]
        return outs[: len(eqn.outvars)], kept

    def push(self, emit: Emitter, kept: Any, t: Sequence[Any]) -> Sequence[Any]:
        return self._linear(emit, kept, t, reverse=False)

    def pull(self, emit: Emitter, kept: Any, c: Sequence[Any]) -> Sequence[Any]:
        return self._linear(emit, kept, c, reverse=True)

    def jvp(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], t: Sequence[Any]
    ) -> tuple[Sequence[Atom], Sequence[Any]]:
        with mesh.inside(self._params):
            program = self._engine.jvp(self._body, self._mask, self._carried)
        carried = positions(program.carries)
        pushed_specs = [self._out_specs[j].to_tangent_spec() for j in carried]
        body = Body(
            opened(program.jaxpr),
            (*_replicated(program.jaxpr), *self._in_specs, *self._tangent_specs),
            (*self._out_specs, *pushed_specs),
        )
        outs = self._emit(emit, body, [*constants(emit, program.jaxpr), *x, *t])
        n = len(eqn.outvars)
        pushed = dict(zip(carried, outs[n:], strict=True))
        return outs[:n], [pushed.get(j) for j in self.carries]

    def _linear(
        self, emit: Emitter, kept: Any, given: Sequence[Any], *, reverse: bool
    ) -> Sequence[Any]:
        program = self._program(reverse=reverse)
        operands = [*constants(emit, program.split.linear), *kept, *given]
        return spread(program.split, self._emit(emit, program.linear, operands))

    def _emit(self, emit: Emitter, body: Body, operands: Sequence[Atom]) -> list[Any]:
        params = {
            **self._params,
            "jaxpr": body.jaxpr,
            "in_specs": body.in_specs,
            "out_specs": body.out_specs,
        }
        results = [
            mesh.global_type(params, spec, v.aval)
            for spec, v in zip(body.out_specs, body.jaxpr.outvars, strict=True)
        ]
        effects = mesh.effects_outside(params, body.jaxpr)
        return emit.equation(primitives.shard_map_p, operands, results, params, effects)

    # Specs ------------------------------------------------------------------------

    @property
    def _in_specs(self) -> tuple[Spec, ...]:
        return tuple(self._params["in_specs"])

    @property
    def _out_specs(self) -> tuple[Spec, ...]:
        return tuple(self._params["out_specs"])

    @cached_property
    def _tangent_specs(self) -> tuple[Spec, ...]:
        """Of the tangents of the active operands."""
        return tuple(self._in_specs[i].to_tangent_spec() for i in self._active)

    # Bodies -----------------------------------------------------------------------

    def _program(self, *, reverse: bool) -> MappedProgram:
        return self._pull_program if reverse else self._push_program

    @cached_property
    def _push_program(self) -> MappedProgram:
        return self._split(reverse=False)

    @cached_property
    def _pull_program(self) -> MappedProgram:
        return self._split(reverse=True)

    def _split(self, *, reverse: bool) -> MappedProgram:
        transform = self._engine.vjp if reverse else self._engine.linearize
        # Which axes a residual is stacked over depends on the mesh around the equation.
        with mesh.inside(self._params):
            split = transform(self._body, self._mask, self._carried)
        forward, residuals = self._forward_body(split)
        linear = self._linear_body(split, residuals, reverse=reverse)
        return MappedProgram(split, forward, linear, residuals)

    def _forward_body(self, split: SplitProgram) -> tuple[Body, tuple[Residual, ...]]:
        """(constants, operands) to (results, residuals)."""
        jaxpr = opened(split.forward)
        in_specs = (*_replicated(split.forward), *self._in_specs)
        out_specs = list(self._out_specs)
        k = len(split.forward.consts)
        m = len(self._body.outvars)
        emit = self._emitter()
        invars = [Var(v.aval) for v in jaxpr.invars]
        outs = emit.splice(snippet(jaxpr, in_place=True), invars)
        results = outs[:m]
        number = {y: j for j, y in enumerate(results) if type(y) is Var}
        computed = iter(outs[m:])
        residuals = []
        for i in split.sources:
            if i is not None:
                residuals.append(Residual(True, k + i, self._in_specs[i]))
                continue
            r = next(computed)
            if r not in number:
                number[r] = len(results)
                spec = mesh.residual_spec(self._params, r.aval)
                is_promoted = bool(tuple(spec)) and not r.aval.shape
                out_specs.append(spec)
                results.append(self._apply(emit, _promote, r) if is_promoted else r)
            j = number[r]
            is_promoted = j >= m and results[j] is not r
            residuals.append(Residual(False, j, out_specs[j], is_promoted))
        body = ir.make_jaxpr_object(invars, results, emit.eqns, "shard_map")
        return Body(body, in_specs, tuple(out_specs)), tuple(residuals)

    def _linear_body(
        self, split: SplitProgram, residuals: Sequence[Residual], *, reverse: bool
    ) -> Body:
        """(constants, residuals, tangents or cotangents) to their images."""
        jaxpr = opened(split.linear)
        k = len(split.linear.consts)
        emit = self._emitter()
        invars: list[Var] = []
        values: list[Atom] = []
        promoted = [False] * k + [r.is_promoted for r in residuals]
        for v, is_promoted in zip(jaxpr.invars, promoted, strict=False):
            invars.append(Var(calls.stacked_aval(1, v.aval) if is_promoted else v.aval))
            values.append(
                self._apply(emit, _demote, invars[-1]) if is_promoted else invars[-1]
            )
        given = [Var(v.aval) for v in jaxpr.invars[len(promoted) :]]
        in_specs = (*_replicated(split.linear), *(r.spec for r in residuals))
        code = snippet(jaxpr, in_place=True)
        nonzero = [not z for z in split.zeros]
        if reverse:
            from_specs = [self._out_specs[j].to_ct_spec() for j in self.carries]
            to = compress(self._active, nonzero)
            to_specs = [self._in_specs[i].to_ct_spec() for i in to]
            shares = self._shares(emit, given, from_specs)
            outs = self._totals(emit, emit.splice(code, [*values, *shares]), to_specs)
        else:
            from_specs = list(self._tangent_specs)
            to = compress(self.carries, nonzero)
            to_specs = [self._out_specs[j].to_tangent_spec() for j in to]
            outs = emit.splice(code, [*values, *given])
        body = ir.make_jaxpr_object([*invars, *given], outs, emit.eqns, "shard_map")
        return Body(body, (*in_specs, *from_specs), tuple(to_specs))

    def _shares(
        self, emit: Emitter, c: Sequence[Atom], specs: Sequence[Spec]
    ) -> list[Atom]:
        """Of each result's cotangent the share of one replica."""
        if self._params["check_vma"]:
            return list(c)
        sizes = self._params["mesh"].shape
        counts = [
            math.prod(sizes[a] for a in mesh.unmentioned_axes(self._params, spec))
            for spec in specs
        ]
        return [
            self._apply(emit, lambda x, n=n: lax.div(x, lax.full_like(x, n)), c_j)
            if n > 1
            else c_j
            for c_j, n in zip(c, counts, strict=True)
        ]

    def _totals(
        self, emit: Emitter, c: Sequence[Atom], specs: Sequence[Spec]
    ) -> list[Atom]:
        """Of each operand's cotangent the sum over its replicas."""
        if self._params["check_vma"]:
            return list(c)
        axes = [mesh.unmentioned_axes(self._params, spec) for spec in specs]
        return [
            self._apply(emit, lambda x, over=over: lax.psum(x, over), c_i)
            if over
            else c_i
            for c_i, over in zip(c, axes, strict=True)
        ]

    def _emitter(self) -> Emitter:
        with mesh.inside(self._params):
            emit = Emitter()
        emit.source = self._source
        return emit

    def _apply(self, emit: Emitter, fun: Callable[[Any], Any], x: Atom) -> Any:
        with mesh.inside(self._params):
            jaxpr, consts = tracing.trace(lambda a: [fun(a)], [x.aval], "shard_map")
        return emit.splice(snippet(jaxpr, consts), [x])[0]


def _promote(x: Any) -> Any:
    """A scalar as an array of one element, which can be stacked over a mesh."""
    return lax.expand_dims(x, (0,))


def _demote(x: Any) -> Any:
    """The scalar again."""
    return lax.squeeze(x, (0,))


def _replicated(closed: Any) -> tuple[Spec, ...]:
    return tuple(mesh.replicated_spec(ir.typeof(c)) for c in closed.consts)


def shard_map(
    eqn: JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
) -> Linearized | None:
    """A ``shard_map`` equation: its body differentiated inside its mesh."""
    local = Mapped(eqn, active, wanted, engine)
    return local if local.carries else None
