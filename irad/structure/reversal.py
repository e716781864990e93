"""Loops in reverse by checkpoints: states in slots, and steps that are run again.

The forward loop is the program's own with a counter. It runs in stretches, between
which a schedule says in which slot to store the state. The backward loop takes the last
state that is stored and advances it; it stores the state arrived at in a free slot, or
arrives at the step to reverse and pulls the cotangents through it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from irad._compat import calls, ir, tracing
from irad._compat.ir import Atom, ClosedJaxpr, Var
from irad.caching import by_jaxpr
from irad.checkpointing import binomial, online
from irad.emitter import Emitter, Snippet, snippet
from irad.structure.bodies import code_of, pick, without_constants
from irad.structure.steps import Step

ONE = np.int32(1)
COUNT = ir.ShapedArray((), np.dtype(np.int32))


# The forward loop ---------------------------------------------------------------------


def recorded(
    emit: Emitter,
    step: Step,
    cond: ClosedJaxpr,
    consts: Sequence[Atom],
    s: Sequence[Atom],
    slots: int,
    steps: int | None = None,
) -> tuple[list[Atom], list[Atom]]:
    """Emits the loop that stores states: its results, and what the backward loop takes.

    ``cond`` takes its operands and the carries, and gives a scalar; ``consts`` are its
    operands and what is fixed. ``steps`` is how many there are, if that is known.
    """
    num_cond = len(cond.in_avals) - len(s)
    going = emit.splice(code_of(cond), [*consts[:num_cond], *s])
    if not any(step.stored):
        carry = [*emit.splice(traced(lambda: [np.int32(0)], []), []), *going, *s]
        goes_on = _condition(lambda i, going, *s: going, carry)
        body = _stretch_body(step.run, cond)
        trips, _, *y = while_equation(emit, goes_on, body, [], consts, carry)
        return y, [trips]
    stored = pick(s, step.stored)
    start = emit.splice(traced(_started(slots), stored), stored)
    carry = [*start, *going, *s]
    k = len(start)
    goes_on = _condition(lambda *carry: carry[k], carry)
    table = online.schedule(slots, steps)
    tables = [emit.constant(table.events), emit.constant(table.kept)]
    body = _storing_body(step.run, cond, step.stored, slots, steps)
    outs = while_equation(emit, goes_on, body, [], [*tables, *consts], carry)
    trips, _, *kept = outs[:k]
    return outs[k + 1 :], [trips, *kept]


def _started(slots: int) -> Callable[..., list[Any]]:
    """The numbers of step and event, no positions, and slots with the first state.

    There is one slot more than counted, for the states that need not be stored.
    """

    def start(*states: Any) -> list[Any]:
        positions = jnp.full((slots,), online.FREE, np.int32)
        buffers = [lax.broadcast(x, (slots + 1,)) for x in states]
        return [np.int32(0), np.int32(0), positions, *buffers]

    return start


@by_jaxpr
def _stretch_body(run: ClosedJaxpr, cond: ClosedJaxpr) -> ClosedJaxpr:
    """(cond's operands, fixed; i, going, s) to (i + 1, whether to go on, s')."""
    n = len(run.out_avals)
    inputs = _inputs(run)
    read = _inputs(cond)[: len(cond.in_avals) - n]
    i, going = Var(COUNT), Var(cond.out_avals[0])
    emit = Emitter()
    y = emit.splice(code_of(run), inputs)
    outs = [
        *emit.splice(traced(lambda i: [i + ONE], [i]), [i]),
        *emit.splice(code_of(cond), [*read, *y]),
        *y,
    ]
    fixed, s = inputs[:-n], inputs[-n:]
    return emit.closed([*read, *fixed, i, going, *s], outs, "stretch")


@by_jaxpr
def _storing_body(
    run: ClosedJaxpr,
    cond: ClosedJaxpr,
    stored: tuple[bool, ...],
    slots: int,
    steps: int | None,
) -> ClosedJaxpr:
    """One state stored, and the steps until the next one.

    (tables, cond's operands, fixed; i, event, positions, buffers, going, s) to the same
    carries.
    """
    n, k = len(run.out_avals), sum(stored)
    stretch = _stretch_body(run, cond)
    inputs = _inputs(stretch)
    consts, carry = inputs[: -n - 2], inputs[-n - 2 :]
    i, going, *s = carry
    states = pick(s, stored)
    event, positions, *buffers = _slot_inputs(states, slots)
    table = online.schedule(slots, steps)
    tables = [Var(ir.typeof(table.events)), Var(ir.typeof(table.kept))]

    def place(events: Any, kept: Any, event: Any, i: Any, at: Any, *rest: Any) -> Any:
        slot, at, until = online.placing(events, kept, event, i, at)
        return [until, event + ONE, at, *_written(rest[:k], slot, rest[k:])]

    emit = Emitter()
    given = [*tables, event, i, positions, *buffers, *states]
    until, *placed = emit.splice(traced(place, given), given)
    goes_on = _condition(lambda until, i, going, *s: going & (i < until), [i, *carry])
    after, *rest = while_equation(emit, goes_on, stretch, [until], consts, carry)
    return emit.closed(
        [*tables, *consts, i, event, positions, *buffers, going, *s],
        [after, *placed, *rest],
        "record",
    )


def _slot_inputs(states: Sequence[Atom], slots: int) -> list[Var]:
    """Variables for an event, the positions and the buffers."""
    jaxpr, _ = tracing.trace(_started(slots), [x.aval for x in states], "slots")
    return [Var(v.aval) for v in jaxpr.outvars[1:]]


def _written(buffers: Sequence[Any], slot: Any, states: Sequence[Any]) -> list[Any]:
    """The buffers with a state in one slot."""
    return [
        lax.dynamic_update_index_in_dim(b, x, slot, 0)
        for b, x in zip(buffers, states, strict=True)
    ]


# The backward loop --------------------------------------------------------------------


def reversed_loop(
    emit: Emitter,
    step: Step,
    kept: Sequence[Atom],
    fixed: Sequence[Atom],
    cotangents: Sequence[Atom],
    slots: int,
    steps: int | None = None,
) -> list[Any]:
    """Emits the loop over the steps, last to first: sums and cotangents, pulled."""
    carry = [*kept, *cotangents]
    is_left = _condition(lambda left, *_: left > 0, carry)
    if not any(step.stored):
        body = _counted(step.pull)
        return while_equation(emit, is_left, body, [], fixed, carry)[1:]
    table = emit.constant(binomial.reach(slots, steps))
    body = _reversing_body(step.again, step.pull, slots, steps)
    outs = while_equation(emit, is_left, body, [], [table, *fixed], carry)
    return outs[len(kept) :]


@by_jaxpr
def _counted(body: ClosedJaxpr) -> ClosedJaxpr:
    """A body (fixed; s) to s' with a count of what is left: (fixed; left, s)."""
    n = len(body.out_avals)
    inputs, left = _inputs(body), Var(COUNT)
    emit = Emitter()
    fewer = emit.splice(traced(lambda left: [left - ONE], [left]), [left])
    outs = emit.splice(code_of(body), inputs)
    fixed, s = inputs[: len(inputs) - n], inputs[len(inputs) - n :]
    return emit.closed([*fixed, left, *s], [*fewer, *outs], "counted")


@by_jaxpr
def _reversing_body(
    again: ClosedJaxpr, pull: ClosedJaxpr, slots: int, steps: int | None
) -> ClosedJaxpr:
    """States stored on the way to the last step that is left, which is reversed.

    (table, fixed; steps left, positions, buffers, cotangents) to the same carries.
    """
    k = len(again.out_avals)
    num_fixed = len(again.in_avals) - k
    inputs = _inputs(pull)
    fixed, states = inputs[:num_fixed], inputs[num_fixed : num_fixed + k]
    cotangents = inputs[num_fixed + k :]
    storing = _storing_again(again, slots, steps)
    table, left, positions, *buffers = _place_inputs(states, slots, steps)

    def stores(table: Any, left: Any, at: Any, *buffers: Any) -> Any:
        return online.stretch(table, at, left)[3]

    def freed(at: Any, left: Any) -> list[Any]:
        return [left - ONE, online.freed(at, left - ONE)]

    emit = Emitter()
    way = [table, left]
    held = [positions, *buffers]
    is_stored = _condition(stores, [*way, *held])
    held = while_equation(emit, is_stored, storing, way, [*way, *fixed], held)
    states = _advanced(emit, again, fixed, [*way, *held])[1:]
    given = [held[0], left]
    settled = emit.splice(traced(freed, given), given)
    outs = emit.splice(code_of(pull), [*fixed, *states, *cotangents])
    return emit.closed(
        [table, *fixed, left, positions, *buffers, *cotangents],
        [*settled, *held[1:], *outs],
        "reverse",
    )


@by_jaxpr
def _storing_again(again: ClosedJaxpr, slots: int, steps: int | None) -> ClosedJaxpr:
    """The last state advanced, and stored: (table, left, fixed; positions, buffers)."""
    inputs, k = _inputs(again), len(again.out_avals)
    fixed, states = inputs[: len(inputs) - k], inputs[len(inputs) - k :]
    table, left, positions, *buffers = _place_inputs(states, slots, steps)

    def place(at: Any, arrived: Any, *rest: Any) -> list[Any]:
        slot, at = online.settled(at, arrived)
        return [at, *_written(rest[:k], slot, rest[k:])]

    emit = Emitter()
    arrived, *states = _advanced(emit, again, fixed, [table, left, positions, *buffers])
    given = [positions, arrived, *buffers, *states]
    placed = emit.splice(traced(place, given), given)
    return emit.closed([table, left, *fixed, positions, *buffers], placed, "store")


def _place_inputs(states: Sequence[Atom], slots: int, steps: int | None) -> list[Var]:
    """Variables for the table, the steps left, the positions and the buffers."""
    table = Var(ir.typeof(binomial.reach(slots, steps)))
    return [table, Var(COUNT), *_slot_inputs(states, slots)[1:]]


def _advanced(
    emit: Emitter, again: ClosedJaxpr, fixed: Sequence[Atom], held: Sequence[Atom]
) -> list[Any]:
    """Emits the steps from the last state on: the step arrived at, and its state.

    ``held`` are the table, the steps left, the positions and the buffers.
    """

    def recall(table: Any, left: Any, at: Any, *buffers: Any) -> list[Any]:
        slot, distance, arrived, _ = online.stretch(table, at, left)
        states = [lax.dynamic_index_in_dim(b, slot, keepdims=False) for b in buffers]
        return [arrived, distance, *states]

    arrived, *carry = emit.splice(traced(recall, held), held)
    is_left = _condition(lambda left, *_: left > 0, carry)
    outs = while_equation(emit, is_left, _counted(again), [], fixed, carry)
    return [arrived, *outs[1:]]


# Equations and snippets ---------------------------------------------------------------


def while_equation(
    emit: Emitter,
    cond: ClosedJaxpr,
    body: ClosedJaxpr,
    cond_consts: Sequence[Atom],
    body_consts: Sequence[Atom],
    carry: Sequence[Atom],
) -> list[Any]:
    """Emits a ``while``."""
    cond_given = [*map(emit.constant, cond.consts), *cond_consts]
    body_given = [*map(emit.constant, body.consts), *body_consts]
    cond, body = without_constants(cond), without_constants(body)
    params = {
        "cond_jaxpr": cond,
        "body_jaxpr": body,
        "cond_nconsts": len(cond_given),
        "body_nconsts": len(body_given),
    }
    effects = calls.join_effects(calls.body_effects(cond), calls.body_effects(body))
    operands = [*cond_given, *body_given, *carry]
    return emit.equation(ir.while_p, operands, body.out_avals, params, effects)


def _inputs(closed: ClosedJaxpr) -> list[Var]:
    """Fresh variables for the inputs of a program."""
    return [Var(aval) for aval in closed.in_avals]


def traced(fun: Callable[..., Sequence[Any]], operands: Sequence[Atom]) -> Snippet:
    """The code of a function of values like these."""
    jaxpr, consts = tracing.trace(fun, [x.aval for x in operands], "checkpoints")
    return snippet(jaxpr, consts)


def _condition(fun: Callable[..., Any], operands: Sequence[Atom]) -> ClosedJaxpr:
    avals = [x.aval for x in operands]
    jaxpr, consts = tracing.trace(lambda *x: [fun(*x)], avals, "condition")
    return ir.closed_jaxpr(jaxpr, consts)
