"""Operations with a body that lax has no primitive for: primitives that hold the body.

``sort_by_p`` sorts by any comparator; ``scatter_by_p`` combines by any function, and
scatters several operands together; ``select_and_scatter_by_p`` selects from windows by
any comparison. Each lowers to the operation, with the body as its region.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from irad_passes._compat.mlir import (
    ClosedJaxpr,
    Primitive,
    batched_by_loop,
    compiled_impl,
    fill_block,
    ir,
    mlir,
    stablehlo,
)

sort_by_p = Primitive("sort_by")
"""Sorts operands along ``dimension``; ``comparator`` takes pairs of their scalars."""

scatter_by_p = Primitive("scatter_by")
"""Operands, indices, updates; ``body`` takes scalars of all operands, then updates."""

select_and_scatter_by_p = Primitive("select_and_scatter_by")
"""Operand, source, initial value; ``select`` and ``scatter`` take two scalars."""


def _lower_sort(
    ctx: Any,
    *operands: Any,
    comparator: ClosedJaxpr,
    dimension: int,
    is_stable: bool,
) -> Sequence[Any]:
    op = stablehlo.SortOp(
        [x.type for x in operands],
        operands,
        dimension=mlir.i64_attr(dimension),
        is_stable=ir.BoolAttr.get(is_stable),
    )
    fill_block(ctx, op.comparator, comparator)
    return list(op.results)


def _lower_scatter(
    ctx: Any,
    *operands: Any,
    body: ClosedJaxpr,
    dimension_numbers: Any,
    indices_are_sorted: bool,
    unique_indices: bool,
    **_: Any,
) -> Sequence[Any]:
    count = len(operands) // 2
    numbers = stablehlo.ScatterDimensionNumbers.get(
        update_window_dims=list(dimension_numbers.update_window_dims),
        inserted_window_dims=list(dimension_numbers.inserted_window_dims),
        input_batching_dims=list(dimension_numbers.operand_batching_dims),
        scatter_indices_batching_dims=list(
            dimension_numbers.scatter_indices_batching_dims
        ),
        scattered_dims_to_operand_dims=list(
            dimension_numbers.scatter_dims_to_operand_dims
        ),
        index_vector_dim=len(ctx.avals_in[count].shape) - 1,
    )
    op = stablehlo.ScatterOp(
        [x.type for x in operands[:count]],
        operands[:count],
        operands[count],
        operands[count + 1 :],
        numbers,
        indices_are_sorted=ir.BoolAttr.get(indices_are_sorted),
        unique_indices=ir.BoolAttr.get(unique_indices),
    )
    fill_block(ctx, op.update_computation, body)
    return list(op.results)


def _lower_select_and_scatter(
    ctx: Any,
    x: Any,
    source: Any,
    start: Any,
    *,
    select: ClosedJaxpr,
    scatter: ClosedJaxpr,
    window_dimensions: tuple[int, ...],
    window_strides: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
) -> Sequence[Any]:
    op = stablehlo.SelectAndScatterOp(
        x.type,
        x,
        source,
        start,
        window_dimensions=mlir.dense_int_array(window_dimensions),
        window_strides=mlir.dense_int_array(window_strides),
        padding=mlir.dense_int_elements(padding),
    )
    fill_block(ctx, op.select, select)
    fill_block(ctx, op.scatter, scatter)
    return [op.result]


sort_by_p.def_abstract_eval(lambda *xs, **_: list(xs))
scatter_by_p.def_abstract_eval(lambda *xs, **_: list(xs[: len(xs) // 2]))
select_and_scatter_by_p.def_abstract_eval(lambda x, *_, **__: [x])
for _primitive, _lowering in (
    (sort_by_p, _lower_sort),
    (scatter_by_p, _lower_scatter),
    (select_and_scatter_by_p, _lower_select_and_scatter),
):
    mlir.register_lowering(_primitive, _lowering)
    _primitive.multiple_results = True
    _primitive.def_impl(compiled_impl(_primitive))
    batched_by_loop(_primitive)
