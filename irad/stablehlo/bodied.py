"""Rules of the operations with bodies that only modules have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax
from jax.lax import ScatterDimensionNumbers

from irad._compat import ir
from irad._compat.ir import ClosedJaxpr
from irad.linear_map import Array, Blocks, Params, bind
from irad.rules.reduce import elementwise_reducer
from irad.rules.registry import (
    Equation,
    Rewritten,
    Rule,
    by_case,
    replaced,
    rewritten,
)
from irad.rules.scattering import scattered_by
from irad.rules.sorting import permuted
from irad.rules.window import Windows, has_few
from irad_passes.modules import scatter_by_p, select_and_scatter_by_p, sort_by_p


@replaced(sort_by_p)
def _sort_by(eqn: Equation) -> tuple[Sequence[Array], Blocks]:
    def sort(xs: Sequence[Array]) -> Sequence[Array]:
        comparator = _with_pair(eqn.params["comparator"], ir.typeof(xs[-1]).dtype)
        return bind(eqn.primitive, xs, Params({**eqn.params, "comparator": comparator}))

    return permuted(eqn, sort)


def _with_pair(comparator: ClosedJaxpr, dtype: Any) -> ClosedJaxpr:
    """A comparator that takes one more pair of scalars, and does not compare it."""
    aval = ir.ShapedArray((), dtype)
    jaxpr = comparator.jaxpr
    invars = [*jaxpr.invars, ir.Var(aval), ir.Var(aval)]
    made = ir.make_jaxpr_object(invars, jaxpr.outvars, jaxpr.eqns, "comparator")
    return ir.closed_jaxpr(made)


@rewritten(scatter_by_p)
def _scatter_by(
    *operands: Array,
    body: ClosedJaxpr,
    dimension_numbers: Any,
    unique_indices: bool,
    **_: Any,
) -> Sequence[Array]:
    count = len(operands) // 2
    return scattered_by(
        ir.jaxpr_as_fun(body),
        operands[:count],
        operands[count],
        operands[count + 1 :],
        dimension_numbers,
        unique=unique_indices,
    )


@by_case(select_and_scatter_by_p)
def _select_and_scatter_by(params: Any, avals: Any, active: Any) -> Rule | None:
    """There is no derivative of windows of many elements."""
    del avals, active
    return Rewritten(_selected_and_scattered) if has_few(params) else None


def _selected_and_scattered(
    x: Array,
    source: Array,
    start: Array,
    *,
    select: ClosedJaxpr,
    scatter: ClosedJaxpr,
    **params: Any,
) -> Sequence[Array]:
    """Finds the element that each window selects, and scatters to these."""
    windows = Windows.of(params, x.shape)
    places = _places(x, ir.jaxpr_as_fun(select), windows)
    indices = lax.reshape(places, (source.size, 1))
    y, updates = lax.broadcast(start, (x.size,)), lax.reshape(source, (source.size,))
    numbers = ScatterDimensionNumbers((), (0,), (0,))
    if [eqn.primitive for eqn in scatter.jaxpr.eqns] == [lax.add_p]:
        y = lax.scatter_add(y, indices, updates, numbers)
    else:
        scalars = ir.jaxpr_as_fun(scatter)
        (y,) = scattered_by(scalars, [y], indices, [updates], numbers, unique=False)
    return [lax.reshape(y, x.shape)]


def _places(x: Array, select: Any, windows: Windows) -> Array:
    """The number of the element that each window selects, -1 if it has none.

    The first element in the operand is kept for as long as ``select`` prefers it.
    """
    numbers = lax.reshape(lax.iota(np.int32, x.size), x.shape)
    elements = windows.elements(x, lax.full_like(x, 0, shape=()))
    numbered = windows.elements(numbers, np.int32(-1))
    best, place = next(elements), next(numbered)
    for element, number in zip(elements, numbered, strict=True):
        (prefers,) = elementwise_reducer(select, [best], [element])
        keeps = lax.bitwise_and(prefers, lax.ge(place, lax.full_like(place, 0)))
        outside = lax.lt(number, lax.full_like(number, 0))
        keeps = lax.bitwise_or(keeps, outside)
        best, place = (
            lax.select(keeps, old, new)
            for old, new in ((best, element), (place, number))
        )
    return place
