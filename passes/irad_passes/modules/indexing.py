"""Gathers and scatters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax
from jax.lax import GatherDimensionNumbers, GatherScatterMode, ScatterDimensionNumbers

from irad_passes._compat import Primitive
from irad_passes._compat.mlir import ShapedArray, stablehlo
from irad_passes.modules import attributes, constants
from irad_passes.modules.bodied import scatter_by_p
from irad_passes.modules.converters import Table
from irad_passes.modules.frames import Atom, Frame, dtype_of, shape_of
from irad_passes.modules.regions import combination, operations_of_body, scalar_program

TABLE = Table()

SCATTERS: dict[str, Primitive] = {
    "return": lax.scatter_p,
    "stablehlo.add": lax.scatter_add_p,
    "stablehlo.maximum": lax.scatter_max_p,
    "stablehlo.minimum": lax.scatter_min_p,
    "stablehlo.multiply": lax.scatter_mul_p,
    "stablehlo.subtract": lax.scatter_sub_p,
}
"""Scatters by the one operation of their body."""


@TABLE.converts("stablehlo.gather")
def _gather(frame: Frame, op: Any) -> Sequence[Atom]:
    numbers = stablehlo.GatherDimensionNumbers(op.attributes["dimension_numbers"])
    x, indices = frame.operands(op)
    return frame.equation(
        lax.gather_p,
        [x, _with_vectors_last(frame, indices, numbers.index_vector_dim)],
        frame.avals(op),
        dimension_numbers=GatherDimensionNumbers(
            offset_dims=tuple(numbers.offset_dims),
            collapsed_slice_dims=tuple(numbers.collapsed_slice_dims),
            start_index_map=tuple(numbers.start_index_map),
            operand_batching_dims=tuple(numbers.operand_batching_dims),
            start_indices_batching_dims=_batching(
                numbers.start_indices_batching_dims, numbers.index_vector_dim
            ),
        ),
        slice_sizes=attributes.integers(op, "slice_sizes"),
        unique_indices=False,
        indices_are_sorted=attributes.flag(op, "indices_are_sorted"),
        mode=_mode(op, numbers),
        fill_value=None,
    )


def _mode(op: Any, numbers: Any) -> GatherScatterMode:
    """What becomes of indices out of bounds: StableHLO clamps them.

    Where there are none, nothing needs to be clamped in a derivative either.
    """
    owner = op.operands[1].owner
    if getattr(owner, "name", "") != "stablehlo.constant":
        return GatherScatterMode.CLIP
    shape = op.operands[0].type.shape
    sizes = attributes.integers(op, "slice_sizes")
    largest = np.array([shape[d] - sizes[d] for d in numbers.start_index_map])
    index = constants.array(owner)
    if numbers.index_vector_dim < index.ndim:
        index = np.moveaxis(index, numbers.index_vector_dim, -1)
    else:
        index = index[..., None]
    inside = ((index >= 0) & (index <= largest)).all()
    return GatherScatterMode.PROMISE_IN_BOUNDS if inside else GatherScatterMode.CLIP


@TABLE.converts("stablehlo.scatter")
def _scatter(frame: Frame, op: Any) -> Sequence[Atom] | None:
    """The scatter of lax that a body means, or one that holds the body."""
    numbers = stablehlo.ScatterDimensionNumbers(
        op.attributes["scatter_dimension_numbers"]
    )
    avals, operands = frame.avals(op), frame.operands(op)
    count = len(avals)
    operands = [
        *frame.promoted(operands[:count], avals),
        _with_vectors_last(frame, operands[count], numbers.index_vector_dim),
        *frame.promoted(operands[count + 1 :], avals),
    ]
    params = _scatter_params(op, numbers)
    name, *others = operations_of_body(op.regions[0])
    primitive = SCATTERS.get(name)
    if others or primitive is None:
        body = scalar_program(frame, op.regions[0])
        if body is None:
            return None
        return frame.equation(scatter_by_p, operands, avals, body=body, **params)
    sets = primitive is lax.scatter_p
    return frame.equation(
        primitive,
        operands,
        avals,
        update_jaxpr=None if sets else combination(name, avals[0].dtype).jaxpr,
        update_consts=(),
        **params,
    )


def _scatter_params(op: Any, numbers: Any) -> dict[str, Any]:
    return {
        "dimension_numbers": ScatterDimensionNumbers(
            update_window_dims=tuple(numbers.update_window_dims),
            inserted_window_dims=tuple(numbers.inserted_window_dims),
            scatter_dims_to_operand_dims=tuple(numbers.scattered_dims_to_operand_dims),
            operand_batching_dims=tuple(numbers.input_batching_dims),
            scatter_indices_batching_dims=_batching(
                numbers.scatter_indices_batching_dims, numbers.index_vector_dim
            ),
        ),
        "indices_are_sorted": attributes.flag(op, "indices_are_sorted"),
        "unique_indices": attributes.flag(op, "unique_indices"),
        "mode": GatherScatterMode.FILL_OR_DROP,
    }


def _with_vectors_last(frame: Frame, indices: Atom, position: int) -> Atom:
    """Indices whose vectors lie along the last axis, where lax has them."""
    shape = shape_of(indices)
    rank = len(shape)
    if position == rank:
        return frame.reshaped(indices, (*shape, 1))
    if position == rank - 1:
        return indices
    order = (*(d for d in range(rank) if d != position), position)
    moved = ShapedArray(tuple(shape[d] for d in order), dtype_of(indices))
    (made,) = frame.equation(lax.transpose_p, [indices], [moved], permutation=order)
    return made


def _batching(dims: Sequence[int], position: int) -> tuple[int, ...]:
    """Axes of indices as they are once the axis at ``position`` is the last."""
    return tuple(d - (d > position) for d in dims)
