"""Operations that move elements without looking at them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax import lax

from irad_passes.modules.attributes import integer, integers
from irad_passes.modules.converters import Table
from irad_passes.modules.frames import Atom, Frame

TABLE = Table()


@TABLE.converts("stablehlo.reshape")
def _reshape(frame: Frame, op: Any) -> Sequence[Atom]:
    (aval,) = frame.avals(op)
    params = {"new_sizes": aval.shape, "dimensions": None, "sharding": None}
    return frame.equation(lax.reshape_p, frame.operands(op), [aval], **params)


@TABLE.converts("stablehlo.broadcast_in_dim")
def _broadcast_in_dim(frame: Frame, op: Any) -> Sequence[Atom]:
    (aval,) = frame.avals(op)
    if not aval.shape:
        return frame.operands(op)
    return frame.equation(
        lax.broadcast_in_dim_p,
        frame.operands(op),
        [aval],
        shape=aval.shape,
        broadcast_dimensions=integers(op, "broadcast_dimensions"),
        sharding=None,
    )


@TABLE.converts("stablehlo.broadcast")
def _broadcast(frame: Frame, op: Any) -> Sequence[Atom]:
    (aval,) = frame.avals(op)
    added = len(integers(op, "broadcast_sizes"))
    return frame.equation(
        lax.broadcast_in_dim_p,
        frame.operands(op),
        [aval],
        shape=aval.shape,
        broadcast_dimensions=tuple(range(added, len(aval.shape))),
        sharding=None,
    )


@TABLE.converts("stablehlo.transpose")
def _transpose(frame: Frame, op: Any) -> Sequence[Atom]:
    permutation = integers(op, "permutation")
    return frame.equation(
        lax.transpose_p, frame.operands(op), frame.avals(op), permutation=permutation
    )


@TABLE.converts("stablehlo.reverse")
def _reverse(frame: Frame, op: Any) -> Sequence[Atom]:
    dimensions = integers(op, "dimensions")
    return frame.equation(
        lax.rev_p, frame.operands(op), frame.avals(op), dimensions=dimensions
    )


@TABLE.converts("stablehlo.concatenate")
def _concatenate(frame: Frame, op: Any) -> Sequence[Atom]:
    dimension = integer(op, "dimension")
    return frame.equation(
        lax.concatenate_p, frame.operands(op), frame.avals(op), dimension=dimension
    )


@TABLE.converts("stablehlo.slice")
def _slice(frame: Frame, op: Any) -> Sequence[Atom]:
    strides = integers(op, "strides")
    return frame.equation(
        lax.slice_p,
        frame.operands(op),
        frame.avals(op),
        start_indices=integers(op, "start_indices"),
        limit_indices=integers(op, "limit_indices"),
        strides=None if all(s == 1 for s in strides) else strides,
    )


@TABLE.converts("stablehlo.pad")
def _pad(frame: Frame, op: Any) -> Sequence[Atom]:
    low = integers(op, "edge_padding_low")
    high = integers(op, "edge_padding_high")
    inside = integers(op, "interior_padding")
    config = tuple(zip(low, high, inside, strict=True))
    return frame.equation(
        lax.pad_p, frame.operands(op), frame.avals(op), padding_config=config
    )


@TABLE.converts("stablehlo.dynamic_slice")
def _dynamic_slice(frame: Frame, op: Any) -> Sequence[Atom]:
    sizes = integers(op, "slice_sizes")
    return frame.equation(
        lax.dynamic_slice_p, frame.operands(op), frame.avals(op), slice_sizes=sizes
    )


@TABLE.converts("stablehlo.dynamic_update_slice")
def _dynamic_update_slice(frame: Frame, op: Any) -> Sequence[Atom]:
    return frame.equation(
        lax.dynamic_update_slice_p, frame.operands(op), frame.avals(op)
    )
