"""Whole derivative programs of a captured function, ready to be staged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from irad._compat import ir, mesh, tracing
from irad._compat.ir import Atom, ClosedJaxpr, Jaxpr, Literal, Var
from irad.accumulate import ENGINE, engine, forward_sweep, pull_sweep, read
from irad.checkpointing import Schedule, scheduled
from irad.checkpointing.prices import bytes_of
from irad.emitter import Emitter, snippet
from irad.graph import LinearizedGraph, SplitProgram
from irad.linearization import is_differentiable, linearize
from irad.staging import Program
from irad.structure.bodies import variables_read
from irad_passes import dce

NONE = Schedule()


def gradient(
    jaxpr: Jaxpr,
    num_consts: int,
    *,
    with_value: bool,
    schedule: Schedule = NONE,
    active: tuple[bool, ...] | None = None,
) -> ClosedJaxpr:
    """The gradient program: (value if asked for, other outputs, cotangents of inputs).

    Inputs that are not differentiable have no cotangent among the outputs, nor have
    those that are not ``active`` if that is said.
    """
    active = active or active_inputs(jaxpr, num_consts)
    wanted = tuple(j == 0 for j in range(len(jaxpr.outvars)))
    jaxpr = scheduled(jaxpr, schedule)
    graph = linearize(jaxpr, active, wanted, engine(schedule.checkpointing))
    emit: Emitter = Emitter()

    def seed(j: int) -> Atom:
        return one(emit, ir.cotangent_aval(jaxpr.outvars[j].aval))

    nan_safe = schedule.checkpointing.nan_safe
    outs = _joint(emit, graph, jaxpr, active, seed, nan_safe=nan_safe)
    return emit.closed(jaxpr.invars, outs if with_value else outs[1:], "grad")


def pulled(
    jaxpr: Jaxpr, active: tuple[bool, ...], schedule: Schedule = NONE
) -> ClosedJaxpr:
    """Value and pullback as one program: (outputs, cotangents of active inputs).

    It takes, after the inputs, a cotangent for each output that can have one.
    """
    wanted = wanted_outputs(jaxpr, len(jaxpr.outvars))
    jaxpr = scheduled(jaxpr, schedule)
    graph = linearize(jaxpr, active, wanted, engine(schedule.checkpointing))
    emit: Emitter = Emitter()
    seeds = {
        j: Var(ir.cotangent_aval(y.aval))
        for j, (y, w) in enumerate(zip(jaxpr.outvars, wanted, strict=True))
        if w
    }
    nan_safe = schedule.checkpointing.nan_safe
    outs = _joint(emit, graph, jaxpr, active, seeds.__getitem__, nan_safe=nan_safe)
    return emit.closed([*jaxpr.invars, *seeds.values()], outs, "vjp")


def _joint(
    emit: Emitter,
    graph: LinearizedGraph,
    jaxpr: Jaxpr,
    active: tuple[bool, ...],
    seed: Callable[[int], Atom],
    *,
    nan_safe: bool,
) -> list[Atom]:
    """Emits value and pullback together: the outputs, the cotangents of active inputs.

    ``seed`` gives the cotangent of an output, by its number.
    """
    env: dict[Var, Atom] = {}
    tape = forward_sweep(graph, emit, env, reverse=True)
    cotangents: dict[Any, Atom] = {}
    for j, (y, carried) in enumerate(zip(jaxpr.outvars, graph.carries, strict=True)):
        if carried:
            c = seed(j)
            cotangents[y] = emit.add(cotangents[y], c) if y in cotangents else c
    pull_sweep(tape, emit, cotangents, nan_safe=nan_safe)
    results = [
        as_cotangent(emit, cotangents.get(v), v.aval)
        for v, a in zip(jaxpr.invars, active, strict=True)
        if a
    ]
    return [*(read(v, env) for v in jaxpr.outvars), *results]


def active_inputs(jaxpr: Jaxpr, num_consts: int) -> tuple[bool, ...]:
    """The inputs to differentiate in: the floating-point ones that are no constants."""
    return tuple(
        i >= num_consts and is_differentiable(v.aval)
        for i, v in enumerate(jaxpr.invars)
    )


def one(emit: Emitter, aval: Any) -> Atom:
    """The cotangent 1 of a scalar output."""
    if mesh.is_partial_sum(aval):
        raise ValueError(
            f"the output's cotangent, of type {aval.str_short()}, is a sum that is not "
            "made yet, and which shard has the 1 is not said. Cast the output to "
            "varying, or pass the cotangent to irad.vjp."
        )
    shared = mesh.same_for_all_shards(aval)
    literal = Literal(ir.scalar(1, aval.dtype), ir.weakened(shared))
    if shared is aval:
        return literal
    jaxpr, consts = tracing.trace(
        lambda x: [mesh.as_manual_type(x, aval)], [shared], "one"
    )
    return emit.splice(snippet(jaxpr, consts), [literal])[0]


def as_cotangent(emit: Emitter, c: Atom | None, aval: Any) -> Atom:
    """A cotangent as a result: zeros for None, and of the input's weak type."""
    expected = ir.cotangent_aval(aval)
    if c is None:
        c = emit.zeros(expected)
    return as_type(emit, c, expected)


def as_type(emit: Emitter, x: Any, expected: Any) -> Atom:
    """An atom with the weak type of ``expected``."""
    if x.aval.weak_type == expected.weak_type and x.aval.dtype == expected.dtype:
        return x
    params = {
        "new_dtype": expected.dtype,
        "weak_type": expected.weak_type,
        "sharding": None,
    }
    aval = x.aval.update(dtype=expected.dtype, weak_type=expected.weak_type)
    return emit.equation(ir.convert_element_type_p, [x], [aval], params)[0]


@dataclass(frozen=True, eq=False)
class Split:
    """A split program staged: the forward program, and the linear one for later."""

    forward: Program
    linear: Program
    split: SplitProgram
    active: tuple[bool, ...]

    @property
    def carries(self) -> tuple[bool, ...]:
        """Which outputs the linear program is about."""
        return self.split.carries

    @property
    def residual_bytes(self) -> int:
        """Bytes that the forward program computes for the linear one."""
        computed = sum(source is None for source in self.split.sources)
        outs = self.forward.jaxpr.out_avals
        return sum(map(bytes_of, outs[len(outs) - computed :]))

    def residuals(self, inputs: Sequence[Any], computed: Sequence[Any]) -> list[Any]:
        """What the linear program takes beside tangents or cotangents."""
        return self.split.residuals(inputs, computed)

    def pulled(self, outs: Sequence[Any], avals: Sequence[Any]) -> list[Any]:
        """The cotangents of all inputs, zeros and float0 where there is none."""
        rest, zeros = iter(outs), iter(self.split.zeros)
        active = self.active[len(self.active) - len(avals) :]
        found = []
        for aval, a in zip(avals, active, strict=True):
            if not a:
                found.append(ir.zero_of_integer(aval))
            elif next(zeros):
                found.append(_zeros(ir.cotangent_aval(aval)))
            else:
                found.append(next(rest))
        return found

    def pushed(self, outs: Sequence[Any], avals: Sequence[Any]) -> list[Any]:
        """The tangents of all outputs, zeros and float0 where there is none."""
        rest, zeros = iter(outs), iter(self.split.zeros)
        found = []
        for aval, carried in zip(avals, self.carries, strict=False):
            if carried and not next(zeros):
                found.append(next(rest))
            elif is_differentiable(aval):
                found.append(_zeros(ir.tangent_aval(aval)))
            else:
                found.append(ir.zero_of_integer(aval))
        return found

    def strengthened(self, results: Sequence[Any]) -> list[Any]:
        """The results of ``pushed`` strongly typed, where they are no known zeros."""
        zeros = iter(self.split.zeros)
        pairs = zip(results, self.carries, strict=False)
        return [
            ir.with_weak_type(t, False) if carried and not next(zeros) else t
            for t, carried in pairs
        ]


def _zeros(aval: Any) -> Any:
    return ir.with_weak_type(mesh.zeros(aval), aval.weak_type)


def vjp(
    jaxpr: Jaxpr, num_consts: int, num_outputs: int, schedule: Schedule = NONE
) -> Split:
    """Forward and pull of a captured function."""
    active = active_inputs(jaxpr, num_consts)
    jaxpr = scheduled(jaxpr, schedule)
    wanted = wanted_outputs(jaxpr, num_outputs)
    split = engine(schedule.checkpointing).vjp(jaxpr, active, wanted)
    return Split(
        Program(split.forward, "vjp"), Program(split.linear, "pullback"), split, active
    )


def linearized(
    jaxpr: Jaxpr, num_consts: int, num_outputs: int, schedule: Schedule = NONE
) -> Split:
    """Forward and push of a captured function."""
    active = active_inputs(jaxpr, num_consts)
    jaxpr = scheduled(jaxpr, schedule)
    wanted = wanted_outputs(jaxpr, num_outputs)
    split = engine(schedule.checkpointing).linearize(jaxpr, active, wanted)
    return Split(
        Program(split.forward, "linearize"),
        Program(split.linear, "pushforward"),
        split,
        active,
    )


def transposed(jaxpr: Jaxpr, num_consts: int, num_outputs: int) -> Split | None:
    """The transpose of a captured linear function; None if it is not linear.

    Its forward program takes the constants alone and returns all residuals.
    """
    active = active_inputs(jaxpr, num_consts)
    split = ENGINE.vjp(jaxpr, active, wanted_outputs(jaxpr, num_outputs))
    full = split.forward.jaxpr
    computed = full.outvars[len(jaxpr.outvars) :]
    kept = dce(full.replace(outvars=split.residuals(full.invars, computed)))
    primals = set(kept.invars[num_consts:])
    if not primals.isdisjoint(variables_read(kept)):
        return None
    consts_only = kept.replace(invars=kept.invars[:num_consts])
    forward = ir.closed_jaxpr(consts_only, split.forward.consts)
    return Split(
        Program(forward, "residuals"), Program(split.linear, "transpose"), split, active
    )


def jvp(jaxpr: Jaxpr, num_consts: int, num_outputs: int) -> Program:
    """Value and tangent program: all outputs, then the tangents of float outputs."""
    active = active_inputs(jaxpr, num_consts)
    return Program(pushed(jaxpr, active, num_outputs), "jvp")


def pushed(jaxpr: Jaxpr, active: tuple[bool, ...], num_outputs: int) -> ClosedJaxpr:
    """The same for given inputs: it takes a tangent for each that is active."""
    wanted = wanted_outputs(jaxpr, num_outputs)
    program = ENGINE.jvp(jaxpr, active, wanted)
    inner = program.jaxpr.jaxpr
    emit = Emitter()
    code = snippet(inner, program.jaxpr.consts, in_place=True)
    outs = emit.splice(code, inner.invars)
    n = len(jaxpr.outvars)
    tangents = iter(outs[n:])
    tangents_out = [
        as_type(
            emit,
            next(tangents) if carried else emit.zeros(ir.tangent_aval(v.aval)),
            ir.tangent_aval(v.aval),
        )
        for v, w, carried in zip(jaxpr.outvars, wanted, program.carries, strict=True)
        if w
    ]
    return emit.closed(inner.invars, [*outs[:n], *tangents_out], "jvp")


def pushforward(
    split: SplitProgram, jaxpr: Jaxpr, inputs: Sequence[Any]
) -> ClosedJaxpr:
    """The linear program with a tangent for each differentiable output, zeros too.

    ``inputs`` are those of the linear program, in the order that is wanted.
    """
    linear = split.linear.jaxpr
    emit = Emitter()
    code = snippet(linear, split.linear.consts, in_place=True)
    pushed = iter(emit.splice(code, linear.invars))
    zeros = iter(split.zeros)
    outs: list[Any] = []
    wanted = wanted_outputs(jaxpr, len(jaxpr.outvars))
    for y, w, carried in zip(jaxpr.outvars, wanted, split.carries, strict=True):
        if w:
            is_zero = next(zeros) if carried else True
            zero = emit.zeros(ir.tangent_aval(y.aval)) if is_zero else None
            outs.append(next(pushed) if zero is None else zero)
    return emit.closed(inputs, outs, "linear")


def wanted_outputs(jaxpr: Jaxpr, num_outputs: int) -> tuple[bool, ...]:
    """The outputs to differentiate: the floating-point ones that are not auxiliary."""
    return tuple(
        j < num_outputs and is_differentiable(v.aval)
        for j, v in enumerate(jaxpr.outvars)
    )


def with_float0(avals: Sequence[Any], cotangents: Sequence[Any]) -> list[Any]:
    """Cotangents of all inputs: float0 zeros in the places of integer inputs."""
    rest = iter(cotangents)
    return [
        next(rest) if is_differentiable(aval) else ir.zero_of_integer(aval)
        for aval in avals
    ]


def checked_cotangents(leaves: Sequence[Any], avals: Sequence[Any]) -> list[Any]:
    """Cotangents as arrays; a ValueError for a wrong shape or dtype."""
    checked = []
    for i, (c, aval) in enumerate(zip(leaves, avals, strict=True)):
        c = c if ir.is_tracer(c) else ir.as_jax_value(c)
        got, expected = ir.typeof(c), ir.cotangent_aval(aval)
        if not ir.type_compatible(got, expected):
            raise ValueError(
                "unexpected JAX type (e.g. shape/dtype) for argument to VJP function: "
                f"leaf {i} is {got.str_short()}, expected {expected.str_short()} "
                "because the corresponding output of the differentiated function is "
                f"{aval.str_short()}"
            )
        checked.append(c)
    return checked
