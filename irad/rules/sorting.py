"""Rules of the primitives that order elements: sort, top_k.

A result's tangent is that of the element that came there, and equal elements keep their
order if the sort is stable.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jax import lax
from jax.lax import GatherDimensionNumbers, GatherScatterMode, ScatterDimensionNumbers

from irad._compat import ir
from irad.linear_map import (
    Array,
    Blocks,
    Function,
    LinearMap,
    bind,
)
from irad.rules.registry import (
    Equation,
    replaced,
    written_out,
)


def index_dtype(size: int) -> Any:
    """The type of integers that number ``size`` things."""
    return ir.scalar(0, "int32" if size < 2**31 else "int64").dtype.type


def _along(axis: int, rank: int) -> GatherDimensionNumbers:
    others = tuple(d for d in range(rank) if d != axis)
    return GatherDimensionNumbers(
        offset_dims=(),
        collapsed_slice_dims=(axis,),
        start_index_map=(axis,),
        operand_batching_dims=others,
        start_indices_batching_dims=others,
    )


def _take(t: Array, where: Array, axis: int, *, certain: bool = True) -> Array:
    """``t`` at the positions ``where`` along ``axis``, no position twice.

    If it is not ``certain`` that these exist and differ, 0 is read where they do not.
    """
    mode = GatherScatterMode
    return lax.gather(
        t,
        lax.expand_dims(where, [where.ndim]),
        _along(axis, t.ndim),
        (1,) * t.ndim,
        unique_indices=certain,
        mode=mode.PROMISE_IN_BOUNDS if certain else mode.FILL_OR_DROP,
        fill_value=0,
    )


@replaced(lax.sort_p)
def _sort(eqn: Equation) -> tuple[Sequence[Array], Blocks]:
    return permuted(eqn, lambda xs: bind(eqn.primitive, xs, eqn.params))


def permuted(
    eqn: Equation, sort: Callable[[Sequence[Array]], Sequence[Array]]
) -> tuple[Sequence[Array], Blocks]:
    """Sorts the positions along with the operands: tangents are put in their order.

    ``sort`` takes the operands of a sort and one more, which it does not compare.
    """
    axis = eqn.params["dimension"]
    shape = eqn.x[0].shape
    positions = lax.broadcasted_iota(
        index_dtype(shape[axis]),
        shape,
        axis,
        out_sharding=ir.typeof(eqn.x[0]).sharding,
    )
    *y, where = sort([*eqn.x, positions])

    def push(where: Array, t: Array) -> Array:
        return _take(t, where, axis)

    def pull(where: Array, c: Array) -> Array:
        numbers = _along(axis, c.ndim)
        return lax.scatter_add(
            lax.full_like(c, 0),
            lax.expand_dims(where, [where.ndim]),
            c,
            ScatterDimensionNumbers(
                update_window_dims=(),
                inserted_window_dims=(axis,),
                scatter_dims_to_operand_dims=(axis,),
                operand_batching_dims=numbers.operand_batching_dims,
                scatter_indices_batching_dims=numbers.operand_batching_dims,
            ),
            unique_indices=True,
            mode=GatherScatterMode.PROMISE_IN_BOUNDS,
        )

    def block(i: int, j: int) -> LinearMap | None:
        if i != j:
            return None
        aval = ir.tangent_aval(ir.typeof(eqn.x[i]))
        return Function(aval, aval, where, push, pull)

    rows = tuple(tuple(block(i, j) for i in eqn.active) for j in range(len(y)))
    return y, Blocks(rows)


@written_out(lax.top_k_p)
def _top_k(y: Any, x: Any, t: Any, *, axis: int, **_: Any) -> tuple[Array, None]:
    return _take(t[0], y[1], axis), None


@written_out(lax.approx_top_k_p)
def _approx_top_k(
    y: Any, x: Any, t: Any, *, reduction_dimension: int, **_: Any
) -> tuple[Array, None]:
    """A bucket that nothing fell into has a position out of bounds."""
    axis = reduction_dimension % t[0].ndim
    return _take(t[0], y[1], axis, certain=False), None
