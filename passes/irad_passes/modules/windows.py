"""Reductions over windows, and selections from them."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax

from irad_passes._compat import Primitive
from irad_passes._compat.mlir import ClosedJaxpr, ShapedArray, only_equation
from irad_passes.modules.attributes import integers, pairs
from irad_passes.modules.bodied import select_and_scatter_by_p
from irad_passes.modules.converters import Table
from irad_passes.modules.elementwise import comparison
from irad_passes.modules.frames import Atom, Frame
from irad_passes.modules.idioms import body_of_lowered
from irad_passes.modules.reduction import is_neutral
from irad_passes.modules.regions import (
    computes_same,
    operations_of_body,
    scalar_program,
)
from irad_passes.modules.tables import CUMULATIVE, ELEMENTWISE, MONOIDS, WINDOWS

TABLE = Table()

_EXTREMES = ("stablehlo.maximum", "stablehlo.minimum")
"""Reductions that start from any number as from their neutral one, and then take it."""


@TABLE.converts("stablehlo.reduce_window")
def _reduce_window(frame: Frame, op: Any) -> Sequence[Atom] | None:
    avals = frame.avals(op)
    operands = frame.promoted(frame.operands(op), [*avals, *avals])
    how = _windows(op, len(avals[0].shape))
    name = operations_of_body(op.regions[0])[0] if len(avals) == 1 else ""
    if name in MONOIDS and is_neutral(MONOIDS[name], operands[1]):
        if name in CUMULATIVE and (along := _cumulative(how, avals[0].shape)):
            return frame.equation(CUMULATIVE[name], operands[:1], avals, **along)
        if name in WINDOWS:
            return frame.equation(WINDOWS[name], operands[:1], avals, **how)
    is_ordered = not np.issubdtype(avals[0].dtype, np.complexfloating)
    if name in _EXTREMES and is_ordered:
        reduced = frame.equation(WINDOWS[name], operands[:1], avals, **how)
        start = frame.broadcast(operands[1], avals[0].shape)
        combine, params = only_equation(*ELEMENTWISE[name])
        return frame.equation(combine, [start, *reduced], avals, **params)
    body = scalar_program(frame, op.regions[0])
    if body is None:
        return None
    along = _cumulative(how, avals[0].shape)
    if along and len(avals) == 1 and _is_log_sum(frame, body, operands[1]):
        return frame.equation(lax.cumlogsumexp_p, operands[:1], avals, **along)
    return frame.equation(
        lax.reduce_window_p, operands, avals, jaxpr=body.jaxpr, consts=(), **how
    )


def _windows(op: Any, rank: int) -> dict[str, Any]:
    """The params of windows over arrays of a rank."""
    ones = (1,) * rank
    return {
        "window_dimensions": integers(op, "window_dimensions"),
        "window_strides": integers(op, "window_strides", ones),
        "padding": pairs(op, "padding", rank),
        "base_dilation": integers(op, "base_dilations", ones),
        "window_dilation": integers(op, "window_dilations", ones),
    }


def _cumulative(how: dict[str, Any], shape: tuple[int, ...]) -> dict[str, Any] | None:
    """Along which axis, and from which end, windows hold all elements before one."""
    ones = (1,) * len(shape)
    sizes = how["window_dimensions"]
    long = [axis for axis, n in enumerate(sizes) if n != 1]
    steps = (how["window_strides"], how["base_dilation"], how["window_dilation"])
    if len(long) != 1 or any(s != ones for s in steps):
        return None
    (axis,) = long
    n = shape[axis]
    if sizes[axis] != n:
        return None
    padded = how["padding"]
    if any(pair != (0, 0) for d, pair in enumerate(padded) if d != axis):
        return None
    if padded[axis] not in ((n - 1, 0), (0, n - 1)):
        return None
    return {"axis": axis, "reverse": padded[axis] == (0, n - 1)}


def _is_log_sum(frame: Frame, body: ClosedJaxpr, start: Atom) -> bool:
    """Whether a cumulative reduction is ``lax.cumlogsumexp``."""
    dtype = body.in_avals[0].dtype
    if not np.issubdtype(dtype, np.inexact) or not is_neutral(lax.reduce_max_p, start):
        return False
    return computes_same(body, _log_sum(frame.shared.convert, dtype))


@functools.lru_cache(16)
def _log_sum(convert: Any, dtype: np.dtype[Any]) -> ClosedJaxpr:
    aval = ShapedArray((2,), dtype)
    return body_of_lowered(convert, lax.cumlogsumexp, [aval], "stablehlo.reduce_window")


@TABLE.converts("stablehlo.select_and_scatter")
def _select_and_scatter(frame: Frame, op: Any) -> Sequence[Atom] | None:
    x, source, start = frame.operands(op)
    rank = len(frame.aval(op.operands[0]).shape)
    how = {
        "window_dimensions": integers(op, "window_dimensions", (1,) * rank),
        "window_strides": integers(op, "window_strides", (1,) * rank),
        "padding": pairs(op, "padding", rank),
    }
    avals = frame.avals(op)
    chosen = _selection(op.regions[0])
    adds = operations_of_body(op.regions[1]) == ["stablehlo.add"]
    if chosen and adds and is_neutral(lax.reduce_sum_p, start) and not _is_padded(how):
        return frame.equation(
            lax.select_and_scatter_add_p, [source, x], avals, select_prim=chosen, **how
        )
    select = scalar_program(frame, op.regions[0])
    scatter = scalar_program(frame, op.regions[1])
    if select is None or scatter is None:
        return None
    return frame.equation(
        select_and_scatter_by_p,
        [x, source, start],
        avals,
        select=select,
        scatter=scatter,
        **how,
    )


def _is_padded(how: dict[str, Any]) -> bool:
    """Whether windows reach beyond the operand, where lax may select too."""
    return any(map(any, how["padding"]))


def _selection(region: Any) -> Primitive | None:
    """The comparison that keeps the first of two elements, if lax selects by it."""
    if operations_of_body(region) != ["stablehlo.compare"]:
        return None
    op = region.blocks[0].operations[0].operation
    found = comparison(op)
    return found if found in (lax.ge_p, lax.le_p) else None
