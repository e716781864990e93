"""Sorts by any comparator, and the greatest elements."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax

from irad_passes._compat import Var
from irad_passes._compat.mlir import ClosedJaxpr, ShapedArray
from irad_passes.modules.attributes import flag, integer
from irad_passes.modules.bodied import sort_by_p
from irad_passes.modules.converters import Table
from irad_passes.modules.frames import Atom, Frame
from irad_passes.modules.idioms import body_of_lowered
from irad_passes.modules.regions import computes_same, scalar_program

TABLE = Table()


@TABLE.converts("stablehlo.sort")
def _sort(frame: Frame, op: Any) -> Sequence[Atom] | None:
    comparator = scalar_program(frame, op.regions[0])
    if comparator is None:
        return None
    operands, avals = frame.operands(op), frame.avals(op)
    how = {"dimension": integer(op, "dimension"), "is_stable": flag(op, "is_stable")}
    keys = _number_of_keys(comparator)
    dtypes = tuple(aval.dtype for aval in avals)
    if keys and computes_same(comparator, _usual(frame.shared.convert, dtypes, keys)):
        return frame.equation(lax.sort_p, operands, avals, num_keys=keys, **how)
    return frame.equation(sort_by_p, operands, avals, comparator=comparator, **how)


def _number_of_keys(comparator: ClosedJaxpr) -> int:
    """How many operands a comparator reads, if it reads them in order."""
    jaxpr = comparator.jaxpr
    read = {x for eqn in jaxpr.eqns for x in eqn.invars if type(x) is Var}
    places = [i // 2 for i, v in enumerate(jaxpr.invars) if v in read]
    return max(places, default=-1) + 1


@functools.lru_cache(64)
def _usual(
    convert: Any, dtypes: tuple[np.dtype[Any], ...], num_keys: int
) -> ClosedJaxpr:
    """The comparator that ``lax.sort`` lowers to."""
    avals = [ShapedArray((1,), dtype) for dtype in dtypes]
    return body_of_lowered(
        convert, lambda *x: lax.sort(x, num_keys=num_keys), avals, "stablehlo.sort"
    )


@TABLE.converts("chlo.top_k")
def _top_k(frame: Frame, op: Any) -> Sequence[Atom] | None:
    return top_k(frame, op, integer(op, "k"))


def top_k(frame: Frame, op: Any, k: int) -> Sequence[Atom] | None:
    """The greatest ``k`` elements along the last axis, and where they are."""
    avals = frame.avals(op)
    last = len(avals[0].shape) - 1
    if avals[1].dtype != np.int32:
        return None
    return frame.equation(lax.top_k_p, frame.operands(op), avals, k=k, axis=last)
