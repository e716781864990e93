"""A loop's body in two: what the forward loop computes, and what is linear.

Body and linear program together are one program, cut where the least is kept and
computed again (``irad_passes.partition``); what does not change over the loop is moved
out of both. With body ``(a, s, x) -> (s', y)``, ``push_body`` is that of the tangent
loop and ``pull_body`` that of the loop that goes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax

from irad._compat import ir
from irad._compat.ir import Atom, ClosedJaxpr, Jaxpr, JaxprEqn, Var
from irad.caching import by_jaxpr
from irad.checkpointing.prices import bytes_of, loop_price
from irad.cost import Machine, machine_of
from irad.emitter import Emitter
from irad.graph import Engine, SplitProgram
from irad.structure.bodies import code_of, pick, variables_read
from irad.structure.condensing import Condensation, condensation
from irad.structure.deferral import Deferral, Product, defer
from irad.structure.loops import Activity, Parts
from irad.structure.storing import with_stored, with_stored_rows
from irad.structure.sums import added
from irad_passes import (
    Boundary,
    Partition,
    Price,
    accumulated,
    chains,
    cse,
    inline,
    invariant_equations,
    joined_sums,
    partition,
)

MOST_INLINED = 4096
"""Calls in a body are written out up to so many equations, to cut inside them."""

WORTHWHILE = 1.1
"""So many times less must a step take with factors that are multiplied beforehand."""


@dataclass(frozen=True, eq=False)
class LoopProgram:
    """A loop in two: the forward body with residuals, and the linear body over them.

    ``prologue`` computes from the constants what does not change over the loop;
    ``forward`` takes (constants, prologue's results, carries, slices). The residuals of
    the linear body come first from ``fixed`` (positions among constants, prologue's
    results), then from ``sliced`` (positions among slices), then stacked by the forward
    loop. ``products`` are for after the loop, those constants' cotangents that are
    nothing else being in ``whole``; the linear body returns their factors last.
    ``again`` are the equations that both bodies run, ``keeping`` is the price of a byte
    that is stacked. Where steps are ``condensed``, rows are those of several steps.
    """

    prologue: ClosedJaxpr
    forward: ClosedJaxpr
    num_stacked: int
    fixed: tuple[int, ...]
    sliced: tuple[int, ...]
    linear: ClosedJaxpr
    carries: tuple[bool, ...]
    zeros: tuple[bool, ...]
    products: tuple[Product, ...] = ()
    whole: frozenset[int] = frozenset()
    again: tuple[JaxprEqn, ...] = ()
    keeping: float = 0.0
    condensed: Condensation | None = None

    def summed(self, values: Sequence[Any]) -> list[Any]:
        """Of values for active constants, those whose cotangents the loop adds up."""
        return [v for i, v in enumerate(values) if i not in self.whole]


@by_jaxpr
def loop_program(
    body: Jaxpr,
    parts: Parts,
    moving: Activity,
    engine: Engine,
    reverse: bool,
    steps: int | None,
) -> LoopProgram:
    """The split of a loop's body, its invariant part moved out.

    Without a number of ``steps`` each of them runs both programs, one after the other,
    so that nothing is stacked.
    """
    inside = engine.held(1 if steps is None else steps * engine.checkpointing.runs)
    transform = inside.vjp if reverse else inside.linearize
    split = transform(body, moving.inputs, moving.outputs)
    stacking = 0.0
    if steps is not None:
        option = inside.checkpointing
        stacked = option.runs * _kept(split, parts)
        stacking = machine().keeping(stacked, reused=option.reused)
    keeping = stacking * engine.checkpointing.storing
    joint = _joint(split, body)
    n, k = len(body.invars), len(joint.jaxpr.invars)
    invariant = [i < parts.consts for i in range(k)]
    prologue, moved = invariant_equations(joint.jaxpr, invariant)
    a, s, x = parts.split(moved.invars[:n])
    given, extras = moved.invars[n:k], moved.invars[k:]
    fixed = [*a, *extras]
    moved = moved.replace(invars=[*fixed, *s, *x, *given])
    free = [*[True] * len(fixed), *[False] * len(s), *[True] * len(x)]
    division = _cut(moved, free, len(body.outvars), keeping)
    reads = variables_read(division.second)
    from_fixed = tuple(i for i, v in enumerate(fixed) if v in reads)
    from_slices = tuple(i for i, v in enumerate(x) if v in reads)
    rows = [*(x[i] for i in from_slices), *division.kept]
    linear = division.second.replace(
        invars=[*(fixed[i] for i in from_fixed), *rows, *given]
    )
    defers = reverse and steps is not None
    constants = sum(parts.split(moving.inputs)[0]) if defers else 0
    later = _deferred(linear, split.zeros[:constants], rows, stacking)
    condensed = None
    if reverse and not later.products and _goes_back_alone(split, moving, parts, body):
        condensed = condensation(later.linear, division.kept, steps, machine(), keeping)
    return LoopProgram(
        ir.closed_jaxpr(prologue, joint.consts),
        with_stored_rows(ir.closed_jaxpr(division.first, joint.consts), division.kept),
        len(division.kept),
        from_fixed,
        from_slices,
        ir.closed_jaxpr(later.linear, joint.consts),
        split.carries,
        tuple(zero or i in later.whole for i, zero in enumerate(split.zeros)),
        later.products,
        later.whole,
        division.again,
        keeping,
        condensed,
    )


def _goes_back_alone(
    split: SplitProgram, moving: Activity, parts: Parts, body: Jaxpr
) -> bool:
    """Whether one carry is all that goes back from step to step, and it does.

    There are no results for each step and no slices that are active, and the image of
    the carry, which comes last, is not zero.
    """
    _, carries, slices = parts.split(moving.inputs)
    is_alone = len(body.outvars) == parts.carry and sum(carries) == 1
    return is_alone and not any(slices) and not split.zeros[-1]


def _kept(split: SplitProgram, parts: Parts) -> int:
    """Bytes that a step keeps where nothing is computed again."""
    carries = range(parts.consts, parts.consts + parts.carry)
    return sum(
        bytes_of(v.aval)
        for v, i in zip(split.linear.jaxpr.invars, split.sources, strict=False)
        if i is None or i in carries
    )


def _joint(split: SplitProgram, body: Jaxpr) -> ClosedJaxpr:
    """The body and its linear program as one, calls written out.

    It takes the body's inputs, then tangents or cotangents, and gives the body's
    outputs, then the images. A linear program with effects stays one call, so that
    none of them is before, whatever it depends on.
    """
    emit = Emitter()
    full = split.forward.jaxpr
    m = len(body.outvars)
    outs = emit.splice(code_of(split.forward), full.invars)
    residuals = split.residuals(full.invars, outs[m:])
    given = [Var(v.aval) for v in split.linear.jaxpr.invars[len(residuals) :]]
    operands = [*residuals, *given]
    stays = bool(split.linear.jaxpr.effects)
    if stays:
        images = emit.call(split.linear, operands, "linear")
    else:
        images = emit.splice(code_of(split.linear), operands)
    made = emit.closed([*full.invars, *given], [*outs[:m], *images], "joint")
    if stays:
        return made
    jaxpr = inline(made.jaxpr, max_equations=MOST_INLINED, keep_shared=False)
    return ir.closed_jaxpr(cse(jaxpr), made.consts)


def _cut(
    joint: Jaxpr, free: Sequence[bool], num_outputs: int, keeping: float
) -> Partition:
    """The joint program before and after the tangents or cotangents are known.

    Chains of factors are multiplied before where a step takes less time for it, what
    it keeps included.
    """
    boundary = Boundary(len(free), num_outputs, tuple(free))
    price = loop_price(machine(), keeping)
    best = partition(joint, boundary=boundary, price=price)
    spent = _seconds(best, price)
    if _avoidable(best, price) * WORTHWHILE < spent * (WORTHWHILE - 1):
        return best
    joint = joined_sums(joint)
    for chain in chains(joint, len(free)):
        made = accumulated(joint, chain)
        if made is None:
            continue
        division = partition(made, boundary=boundary, price=price)
        seconds = _seconds(division, price)
        if WORTHWHILE * seconds <= spent:
            best, spent, joint = division, seconds, made
    return best


def _avoidable(division: Partition, price: Price) -> float:
    """What a step pays for what it keeps and computes again."""
    again = sum(map(price.computed, division.again))
    return sum(map(price.kept, division.kept)) + again


def _seconds(division: Partition, price: Price) -> float:
    """What a step pays in all."""
    eqns = (*division.first.eqns, *division.second.eqns)
    return sum(map(price.kept, division.kept)) + sum(map(price.computed, eqns))


def _deferred(
    linear: Jaxpr, zeros: Sequence[bool], rows: Sequence[Var], stacking: float
) -> Deferral:
    """The linear program without what is cheaper after the loop."""
    images = [i for i, zero in enumerate(zeros) if not zero]
    return defer(linear, images, rows, machine(), stacking)


def machine() -> Machine:
    """The machine that loops are priced for."""
    return machine_of(jax.default_backend())


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
    outs = _outputs(emit, program, body, moving)
    return emit.closed([*rows[:k], *da, *ds, *rows[k:], *dx], outs, "push")


def _outputs(
    emit: Emitter, program: LoopProgram, body: Jaxpr, moving: Activity
) -> list[Atom]:
    """Tangents of all marked outputs of a body, zeros where there is none."""
    linear = program.linear
    returned = iter(emit.splice(code_of(linear), linear.jaxpr.invars))
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
    """(fixed; sums, cs; rows, cy) to (sums + ca, cs; cx, factors)."""
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
    na, ns = sum(on_a), len(cs)
    sums = [Var(ir.cotangent_aval(v.aval)) for v in program.summed(pick(a, on_a))]
    emit = Emitter()
    returned = iter(emit.splice(code_of(program.linear), linear.invars))
    zeros = iter(program.zeros)
    pulled = [None if zero else next(returned) for zero in zeros]
    factors = list(returned)
    ca, cin, cx = pulled[:na], pulled[na : na + ns], pulled[na + ns :]
    outs = added(emit, sums, program.summed(ca))
    for v, c in zip([*pick(s, on_s), *pick(x, on_x)], [*cin, *cx], strict=True):
        outs.append(emit.zeros(ir.cotangent_aval(v.aval)) if c is None else c)
    made = [*rows[:k], *sums, *cs, *rows[k:], *cy]
    return with_stored(emit.closed(made, [*outs, *factors], "pull"), rows[k:])
