"""The greatest elements, about: a custom call that XLA knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax import lax

from irad_passes.modules.converters import Table
from irad_passes.modules.frames import Atom, Frame

TARGETS = Table()

_DIRECTIONS = {"GT": True, "LT": False}
"""Whether the greatest are asked for, by the direction of the comparison."""


@TARGETS.converts("ApproxTopK")
def _approx_top_k(frame: Frame, op: Any) -> Sequence[Atom] | None:
    avals = frame.avals(op)
    config: Any = op.attributes["mhlo.backend_config"]
    axis = config["reduction_dim"].value
    is_max_k = _DIRECTIONS.get(_direction(frame, op))
    if len(avals) != 2 or is_max_k is None or not _numbers(op.operands[1], axis):
        return None
    return frame.equation(
        lax.approx_top_k_p,
        [frame.read(op.operands[0])],
        avals,
        k=avals[0].shape[axis],
        reduction_dimension=axis,
        recall_target=config["recall_target"].value,
        is_max_k=is_max_k,
        reduction_input_size_override=config["reduction_input_size_override"].value,
        aggregate_to_topk=config["aggregate_to_topk"].value,
    )


def _numbers(value: Any, axis: int) -> bool:
    """Whether a value numbers the elements along an axis."""
    owner = value.owner
    if getattr(owner, "name", "") == "stablehlo.broadcast_in_dim":
        dimensions = list(owner.attributes["broadcast_dimensions"])
        return axis in dimensions and _numbers(
            owner.operands[0], dimensions.index(axis)
        )
    return (
        getattr(owner, "name", "") == "stablehlo.iota"
        and owner.attributes["iota_dimension"].value == axis
    )


def _direction(frame: Frame, op: Any) -> str:
    """How the comparator compares the two values; empty if it does anything else."""
    (symbol,) = op.attributes["called_computations"]
    (block,) = frame.shared.symbols[symbol.value].operation.regions[0].blocks
    operations = [each.operation for each in block.operations]
    compared = list(operations[0].operands)
    if len(operations) != 2 or compared != list(block.arguments)[:2]:
        return ""
    return str(operations[0].attributes["comparison_direction"]).split()[-1].rstrip(">")
