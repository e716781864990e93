"""Calls, loops and branches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax

from irad_passes._compat import Var
from irad_passes._compat.mlir import ClosedJaxpr, ShapedArray, scalar
from irad_passes.modules.attributes import integer, symbol
from irad_passes.modules.converters import Table
from irad_passes.modules.frames import Atom, Body, Frame, jaxpr_of

TABLE = Table()


@TABLE.converts("func.call")
def _call(frame: Frame, op: Any) -> Sequence[Atom]:
    callee = frame.shared.function(symbol(op, "callee"))
    return frame.call(callee, frame.operands(op))


@TABLE.converts("stablehlo.tuple")
def _tuple(frame: Frame, op: Any) -> Sequence[Any]:
    return [tuple(frame.operands(op))]


@TABLE.converts("stablehlo.get_tuple_element")
def _element(frame: Frame, op: Any) -> Sequence[Atom]:
    return [frame.elements(op.operands[0])[integer(op, "index")]]


@TABLE.converts("stablehlo.while")
def _while(frame: Frame, op: Any) -> Sequence[Atom]:
    condition, step = map(frame.body, op.regions)
    return frame.effectful(
        condition.jaxpr.effects | step.jaxpr.effects,
        lax.while_p,
        [*condition.captured, *step.captured, *frame.operands(op)],
        frame.avals(op),
        cond_nconsts=len(condition.captured),
        cond_jaxpr=condition.closed,
        body_nconsts=len(step.captured),
        body_jaxpr=step.closed,
    )


@TABLE.converts("stablehlo.if")
def _if(frame: Frame, op: Any) -> Sequence[Atom]:
    if_true, if_false = map(frame.body, op.regions)
    (index,) = frame.converted(frame.read(op.operands[0]), np.dtype(np.int32))
    return _branch(frame, op, index, [if_false, if_true])


@TABLE.converts("stablehlo.case")
def _case(frame: Frame, op: Any) -> Sequence[Atom]:
    """One of a single branch is that branch."""
    if len(op.regions) == 1:
        return frame.raise_block(op.regions[0].blocks[0])
    branches = [frame.body(region) for region in op.regions]
    index = frame.read(op.operands[0])
    if not _is_in_range(op.operands[0]):
        index = _last_if_outside(frame, index, len(branches))
    return _branch(frame, op, index, branches)


def _is_in_range(index: Any) -> bool:
    """Whether a branch's index comes from an operation that keeps it in range."""
    owner = index.owner
    name = getattr(owner, "name", "")
    if name == "stablehlo.convert":
        return str(owner.operands[0].type.element_type) == "i1"
    return name == "stablehlo.clamp"


def _last_if_outside(frame: Frame, index: Atom, count: int) -> Atom:
    """A branch's index as StableHLO reads it: the last branch for one out of range."""
    last = scalar(count - 1, np.int32)
    truth = [ShapedArray((), np.dtype(np.bool_))]
    (below,) = frame.equation(lax.lt_p, [index, scalar(0, np.int32)], truth)
    (above,) = frame.equation(lax.gt_p, [index, last], truth)
    (outside,) = frame.equation(lax.or_p, [below, above], truth)
    (found,) = frame.equation(lax.select_n_p, [outside, index, last], [last.aval])
    return found


def _branch(
    frame: Frame, op: Any, index: Atom, branches: Sequence[Body]
) -> Sequence[Atom]:
    captured: dict[Atom, None] = {}
    for body in branches:
        captured.update(dict.fromkeys(body.captured))
    aligned = tuple(_with_inputs(body, list(captured)) for body in branches)
    effects = frozenset[Any]().union(*(body.jaxpr.effects for body in branches))
    return frame.effectful(
        effects, lax.cond_p, [index, *captured], frame.avals(op), branches=aligned
    )


def _with_inputs(body: Body, captured: Sequence[Atom]) -> ClosedJaxpr:
    """A branch that takes what all branches read."""
    own = dict(zip(body.captured, body.jaxpr.invars, strict=True))
    invars = [own.get(atom) or Var(atom.aval) for atom in captured]
    jaxpr = body.jaxpr
    return ClosedJaxpr(jaxpr_of(invars, jaxpr.outvars, jaxpr.eqns), ())
