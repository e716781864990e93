"""Steps that go back by products alone: those of several are those of one.

Where all that a pulled step does is to multiply the cotangent ``c`` of its one carry,
entry by entry, by a row ``p``, and to add up ``c q``, or sums of it, for other rows
``q``, so do k steps, with the rows ``P_k`` and ``Q_k`` of

    P_i = P_(i-1) p_i,    Q_i = Q_(i-1) p_i + q_i,    P_0 = 1,    Q_0 = 0.

The forward loop multiplies on the way, and stacks rows once in k steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from irad._compat import mesh
from irad._compat.ir import Atom, ClosedJaxpr, Jaxpr, Var
from irad.caching import by_jaxpr
from irad.checkpointing.prices import bytes_of
from irad.cost import Machine
from irad.emitter import Emitter
from irad.structure.bodies import code_of, spliced

MOST_STEPS = 8
"""So many steps at most are one: the product of their partials has to be a number."""

_TYPES = (np.dtype(np.float32), np.dtype(np.float64))


@dataclass(frozen=True)
class Condensation:
    """How many steps are one, and which of the rows goes on to the step before."""

    steps: int
    factor: int


def condensation(
    linear: Jaxpr,
    rows: Sequence[Var],
    steps: int | None,
    machine: Machine,
    keeping: float,
) -> Condensation | None:
    """How to condense a loop, if it can be and takes less time then.

    Args:
        linear: From rows and cotangents to the images of constants and of the carry.
        rows: Those of its inputs that the forward loop stacks.
        steps: The length of the loop, if it is known.
        machine: What products cost.
        keeping: What a byte costs that is stacked.
    """
    divisors = [k for k in range(2, MOST_STEPS + 1) if steps and steps % k == 0]
    if not divisors or linear.invars[:-1] != list(rows):
        return None
    run = divisors[-1]
    *others, factor = (_factor(linear, x) for x in linear.outvars)
    if factor is None or None in others or factor in others:
        return None
    if linear.outvars[-1].aval != factor.aval:
        return None
    row: Any = factor.aval
    multiplying = len(rows) * 2 * row.size / machine.flops
    saved = keeping * len(rows) * bytes_of(row) * (run - 1) / run
    if saved < multiplying:
        return None
    return Condensation(run, rows.index(factor))


def _factor(linear: Jaxpr, image: Atom) -> Var | None:
    """The row that the cotangent is multiplied by, and perhaps summed, for an image."""
    made = {y: eqn for eqn in linear.eqns for y in eqn.outvars}
    eqn = made.get(image) if type(image) is Var else None
    if eqn is not None and eqn.primitive is lax.reduce_sum_p:
        (x,) = eqn.invars
        eqn = made.get(x) if type(x) is Var else None
    if eqn is None or eqn.primitive is not lax.mul_p:
        return None
    c = linear.invars[-1]
    found = [x for x in eqn.invars if type(x) is Var and x is not c]
    if len(found) != 1 or c not in eqn.invars or found[0] in made:
        return None
    return found[0] if _is_plain(found[0].aval, c.aval) else None


def _is_plain(row: Any, cotangent: Any) -> bool:
    """Whether types are the same, and one whose products are taken."""
    same = (row.shape, row.dtype) == (cotangent.shape, cotangent.dtype)
    return same and row.dtype in _TYPES and mesh.is_on_one_device(row)


@by_jaxpr
def condensing_body(
    forward: ClosedJaxpr, consts: int, carries: int, how: Condensation
) -> ClosedJaxpr:
    """(constants; s, rows so far; x) to (s', rows), from a body that returns rows."""
    inputs = [Var(aval) for aval in forward.in_avals]
    before = [Var(aval) for aval in forward.out_avals[carries:]]

    def joined(*both: Any) -> list[Any]:
        half = len(both) // 2
        far, near = both[:half], both[half:]
        p = near[how.factor]
        return [
            f * p if i == how.factor else f * p + q
            for i, (f, q) in enumerate(zip(far, near, strict=True))
        ]

    emit = Emitter()
    outs = emit.splice(code_of(forward), inputs)
    rows = spliced(emit, joined, [*before, *outs[carries:]])
    k = consts + carries
    return emit.closed(
        [*inputs[:k], *before, *inputs[k:]], [*outs[:carries], *rows], "condensing"
    )


def first_rows(emit: Emitter, avals: Sequence[Any], how: Condensation) -> list[Any]:
    """The rows of no step."""

    def made() -> list[Any]:
        return [
            jnp.full(v.shape, i == how.factor, v.dtype) for i, v in enumerate(avals)
        ]

    return spliced(emit, made, [])


def in_runs(emit: Emitter, xs: Sequence[Atom], how: Condensation) -> list[Any]:
    """Arrays of slices as arrays of those of the steps that are one."""

    def divided(*xs: Any) -> list[Any]:
        return [jnp.reshape(x, (-1, how.steps, *x.shape[1:])) for x in xs]

    return spliced(emit, divided, xs)
