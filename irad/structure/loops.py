"""Loops: what moves through one, its body in two, and the bodies of its derivatives.

With body ``(a, s, x) -> (s', y)`` for constants ``a``, carries ``s`` and slices ``x``:
``push_body`` is that of the tangent loop, ``pull_body`` of the loop that goes back,
``jvp_body`` of the one that computes values and tangents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from irad._compat import ir
from irad._compat.ir import Atom, ClosedJaxpr, Jaxpr, Literal, Var
from irad.caching import by_jaxpr
from irad.emitter import Emitter
from irad.graph import Engine
from irad.structure.bodies import code_of
from irad_passes import dce, invariant_equations


@dataclass(frozen=True)
class Parts:
    """How a body's inputs divide: constants, carries, slices."""

    consts: int
    carry: int

    def split(self, values: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """Values of the inputs, divided."""
        a, b = self.consts, self.consts + self.carry
        return list(values[:a]), list(values[a:b]), list(values[b:])


@dataclass(frozen=True)
class Activity:
    """What moves through a loop, after the fixed point over its carries.

    ``inputs`` marks body inputs that carry tangents, ``outputs`` body outputs whose
    tangents are needed; a carry is marked in both or in neither.
    """

    inputs: tuple[bool, ...]
    outputs: tuple[bool, ...]


def activity(
    body: Jaxpr,
    parts: Parts,
    active: Sequence[bool],
    wanted: Sequence[bool],
    engine: Engine,
) -> Activity:
    """The fixed point: forward over active carries, then backward over wanted ones."""
    a, n = parts.consts, parts.carry
    inputs = list(active)
    everything = (True,) * len(body.outvars)
    while True:
        carries, _ = engine.activity(body, tuple(inputs), everything)
        grown = [i or o for i, o in zip(inputs[a : a + n], carries[:n], strict=True)]
        if grown == inputs[a : a + n]:
            break
        inputs[a : a + n] = grown
    outputs = list(wanted)
    while True:
        needs = tuple(outputs)
        _, reached = engine.activity(body, tuple(inputs), needs)
        grown = [o or r for o, r in zip(outputs[:n], reached[a : a + n], strict=True)]
        if grown == outputs[:n]:
            break
        outputs[:n] = grown
    live = [i and o for i, o in zip(inputs[a : a + n], outputs[:n], strict=True)]
    carries, reached = engine.activity(body, tuple(inputs), tuple(outputs))
    marked = [i and r for i, r in zip(inputs, reached, strict=True)]
    marked[a : a + n] = live
    ys = [o and c for o, c in zip(outputs[n:], carries[n:], strict=True)]
    return Activity(tuple(marked), (*live, *ys))


def pick(values: Sequence[Any], marks: Sequence[bool]) -> list[Any]:
    """The marked values."""
    return [x for x, marked in zip(values, marks, strict=True) if marked]


@dataclass(frozen=True, eq=False)
class LoopProgram:
    """A loop in two: the forward body with residuals, and the linear body over them.

    ``prologue`` computes from the constants what does not change over the loop;
    ``forward`` takes (constants, prologue's results, carries, slices). The residuals of
    the linear body come first from ``fixed`` (positions among constants, prologue's
    results), then from ``sliced`` (positions among slices), then stacked by the forward
    loop.
    """

    prologue: ClosedJaxpr
    forward: ClosedJaxpr
    num_stacked: int
    fixed: tuple[int, ...]
    sliced: tuple[int, ...]
    linear: ClosedJaxpr
    carries: tuple[bool, ...]
    zeros: tuple[bool, ...]


@by_jaxpr
def loop_program(
    body: Jaxpr, parts: Parts, moving: Activity, engine: Engine, reverse: bool
) -> LoopProgram:
    """The split of a loop's body, its invariant part moved out."""
    split = (engine.vjp if reverse else engine.linearize)(
        body, moving.inputs, moving.outputs
    )
    full = split.forward.jaxpr
    m = len(body.outvars)
    residuals = split.residuals(full.invars, full.outvars[m:])
    full = full.replace(outvars=[*full.outvars[:m], *residuals])
    invariant = [i < parts.consts for i in range(len(full.invars))]
    prologue, moved = invariant_equations(full, invariant)
    extras = moved.invars[len(full.invars) :]
    a, s, x = parts.split(moved.invars[: len(full.invars)])
    fixed_at = {v: i for i, v in enumerate([*a, *extras])}
    sliced_at = {v: i for i, v in enumerate(x)}
    kinds = [_kind(v, fixed_at, sliced_at) for v in moved.outvars[m:]]
    stacked = [v for v, k in zip(moved.outvars[m:], kinds, strict=True) if k == 2]
    forward = dce(
        moved.replace(
            invars=[*a, *extras, *s, *x], outvars=[*moved.outvars[:m], *stacked]
        )
    )
    order = sorted(range(len(kinds)), key=lambda i: kinds[i])
    linear = split.linear.jaxpr
    given = linear.invars[len(kinds) :]
    linear = linear.replace(invars=[*(linear.invars[i] for i in order), *given])
    out = moved.outvars[m:]
    return LoopProgram(
        ir.closed_jaxpr(prologue, split.forward.consts),
        ir.closed_jaxpr(forward, split.forward.consts),
        len(stacked),
        tuple(fixed_at[out[i]] for i in order if kinds[i] == 0),
        tuple(sliced_at[out[i]] for i in order if kinds[i] == 1),
        ir.closed_jaxpr(linear, split.linear.consts),
        split.carries,
        split.zeros,
    )


def _kind(v: Atom, fixed: dict[Any, int], sliced: dict[Any, int]) -> int:
    if type(v) is Literal:
        return 2
    return 0 if v in fixed else 1 if v in sliced else 2


@by_jaxpr
def push_body(
    body: Jaxpr, program: LoopProgram, parts: Parts, moving: Activity
) -> ClosedJaxpr:
    """(fixed, da; ds; rows, dx) to (ds'; dy)."""
    linear = program.linear.jaxpr
    k = len(program.fixed)
    r = k + len(program.sliced) + program.num_stacked
    rows = linear.invars[:r]
    given = linear.invars[r:]
    na = sum(parts.split(moving.inputs)[0])
    ns = sum(parts.split(moving.inputs)[1])
    da, ds, dx = given[:na], given[na : na + ns], given[na + ns :]
    emit = Emitter()
    outs = _outputs(emit, program, body, moving, program.linear, linear.invars)
    return emit.closed([*rows[:k], *da, *ds, *rows[k:], *dx], outs, "push")


def _outputs(
    emit: Emitter,
    program: LoopProgram,
    body: Jaxpr,
    moving: Activity,
    closed: ClosedJaxpr,
    inputs: Sequence[Atom],
) -> list[Atom]:
    """Tangents of all marked outputs of a linear body, zeros where there is none."""
    returned = iter(emit.splice(code_of(closed), inputs))
    zeros = iter(program.zeros)
    outs: list[Atom] = []
    for v, on, carried in zip(
        body.outvars, moving.outputs, program.carries, strict=True
    ):
        if not on:
            continue
        if carried and not next(zeros):
            outs.append(next(returned))
        else:
            outs.append(emit.zeros(ir.tangent_aval(v.aval)))
    return outs


@by_jaxpr
def pull_body(
    body: Jaxpr, program: LoopProgram, parts: Parts, moving: Activity
) -> ClosedJaxpr:
    """(fixed; sums, cs; rows, cy) to (sums + ca, cs; cx)."""
    linear = program.linear.jaxpr
    k = len(program.fixed)
    r = k + len(program.sliced) + program.num_stacked
    rows, given = linear.invars[:r], iter(linear.invars[r:])
    n = parts.carry
    cotangents = [
        (next(given) if carried else Var(ir.cotangent_aval(v.aval))) if on else None
        for v, on, carried in zip(
            body.outvars, moving.outputs, program.carries, strict=True
        )
    ]
    cs = [c for c in cotangents[:n] if c is not None]
    cy = [c for c in cotangents[n:] if c is not None]
    a, s, x = parts.split(body.invars)
    on_a, on_s, on_x = parts.split(moving.inputs)
    sums = [Var(ir.cotangent_aval(v.aval)) for v in pick(a, on_a)]
    emit = Emitter()
    returned = iter(emit.splice(code_of(program.linear), linear.invars))
    zeros = iter(program.zeros)
    pulled = [None if zero else next(returned) for zero in zeros]
    na, ns = len(sums), len(cs)
    ca, cin, cx = pulled[:na], pulled[na : na + ns], pulled[na + ns :]
    outs: list[Atom] = []
    for total, c in zip(sums, ca, strict=True):
        outs.append(total if c is None else emit.add(total, c))
    for v, c in zip([*pick(s, on_s), *pick(x, on_x)], [*cin, *cx], strict=True):
        outs.append(emit.zeros(ir.cotangent_aval(v.aval)) if c is None else c)
    return emit.closed([*rows[:k], *sums, *cs, *rows[k:], *cy], outs, "pull")


@by_jaxpr
def jvp_body(
    body: Jaxpr, parts: Parts, moving: Activity, engine: Engine
) -> ClosedJaxpr:
    """(a, da; s, ds; x, dx) to (s', ds'; y, dy)."""
    program = engine.jvp(body, moving.inputs, moving.outputs)
    emit = Emitter()
    inner = program.jaxpr.jaxpr
    n, m = parts.carry, len(body.outvars)
    outs = emit.splice(code_of(program.jaxpr), inner.invars)
    pushed = iter(outs[m:])
    tangents = [
        (next(pushed) if carried else emit.zeros(ir.tangent_aval(v.aval)))
        if on
        else None
        for v, on, carried in zip(
            body.outvars, moving.outputs, program.carries, strict=True
        )
    ]
    total = len(body.invars)
    a, s, x = parts.split(inner.invars[:total])
    on_a, on_s, _ = parts.split(moving.inputs)
    given = inner.invars[total:]
    na, ns = sum(on_a), sum(on_s)
    da, ds, dx = given[:na], given[na : na + ns], given[na + ns :]
    live = [t for t in tangents[:n] if t is not None]
    slices = [t for t in tangents[n:] if t is not None]
    return emit.closed(
        [*a, *da, *s, *ds, *x, *dx], [*outs[:n], *live, *outs[n:m], *slices], "jvp"
    )
