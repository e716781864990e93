"""Products and sums of products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax import lax

from irad_passes._compat.mlir import stablehlo
from irad_passes.modules import attributes
from irad_passes.modules.converters import Table
from irad_passes.modules.frames import Atom, Frame

TABLE = Table()


@TABLE.converts("stablehlo.dot_general")
def _dot_general(frame: Frame, op: Any) -> Sequence[Atom] | None:
    if "algorithm" in op.attributes:
        return None
    numbers = stablehlo.DotDimensionNumbers(op.attributes["dot_dimension_numbers"])
    contracted = (
        tuple(numbers.lhs_contracting_dimensions),
        tuple(numbers.rhs_contracting_dimensions),
    )
    batch = (
        tuple(numbers.lhs_batching_dimensions),
        tuple(numbers.rhs_batching_dimensions),
    )
    return _product(frame, op, contracted, batch)


@TABLE.converts("stablehlo.dot")
def _dot(frame: Frame, op: Any) -> Sequence[Atom]:
    rank = len(frame.aval(op.operands[0]).shape)
    return _product(frame, op, ((rank - 1,), (0,)), ((), ()))


def _product(frame: Frame, op: Any, contracted: Any, batch: Any) -> list[Atom]:
    (aval,) = frame.avals(op)
    return frame.equation(
        lax.dot_general_p,
        frame.operands(op),
        [aval],
        dimension_numbers=(contracted, batch),
        precision=attributes.precision(op),
        preferred_element_type=aval.dtype,
        out_sharding=None,
    )
