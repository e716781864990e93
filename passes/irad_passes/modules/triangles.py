"""Triangles of matrices that a module takes by comparing rows with columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from irad_passes._compat.mlir import stablehlo
from irad_passes.modules.attributes import integer, integers
from irad_passes.modules.uses import everywhere, is_all, maker, readers

_Order = tuple[str, bool, int]
"""A direction, whether it is ``column - row`` (not ``row - column``), and a bound."""

_BELOW: frozenset[_Order] = frozenset(
    [("GE", False, 1), ("GT", False, 0), ("LE", True, -1), ("LT", True, 0)]
)
_NOT_BELOW: frozenset[_Order] = frozenset(
    [("LE", False, 0), ("LT", False, 1), ("GE", True, 0), ("GT", True, -1)]
)
_NOT_ABOVE: frozenset[_Order] = frozenset(
    [("GE", False, 0), ("GT", False, -1), ("LE", True, 0), ("LT", True, 1)]
)
_ABOVE: frozenset[_Order] = frozenset(
    [("LE", False, -1), ("LT", False, 0), ("GE", True, 1), ("GT", True, 0)]
)


def is_upper_triangle(op: Any, value: Any) -> bool:
    """Whether an operation gives a matrix with zeros below its diagonal."""
    return _takes(op, value, _NOT_BELOW, _BELOW)


def is_read_in_triangle(value: Any, *, lower: bool) -> bool:
    """Whether of each matrix only a triangle is read, or NaN in the place of it all."""
    kept, dropped = (_NOT_ABOVE, _ABOVE) if lower else (_NOT_BELOW, _BELOW)
    return all(
        is_read_in_triangle(op.results[0], lower=lower)
        if _is_guard(op, value)
        else _takes(op, value, kept, dropped)
        for op in readers(value)
    )


def _is_guard(op: Any, value: Any) -> bool:
    return (
        op.name == "stablehlo.select"
        and op.operands[1] == value
        and is_all(op.operands[2], np.nan)
    )


def _takes(
    op: Any, value: Any, kept: frozenset[_Order], dropped: frozenset[_Order]
) -> bool:
    """Whether an operation selects a matrix where one is kept, and zeros elsewhere."""
    if op.name != "stablehlo.select":
        return False
    mask, if_true, if_false = op.operands
    if if_false == value:
        return is_all(if_true, 0) and _order(mask) in dropped
    return if_true == value and is_all(if_false, 0) and _order(mask) in kept


def _order(mask: Any) -> _Order | None:
    """How a mask compares rows and columns; None where it does something else."""
    op = maker(mask)
    if op is not None and op.name == "stablehlo.broadcast_in_dim":
        rank = len(mask.type.shape)
        if integers(op, "broadcast_dimensions") != (rank - 2, rank - 1):
            return None
        op = maker(op.operands[0])
    if op is None or op.name != "stablehlo.compare":
        return None
    left, right = (_numbers(value) for value in op.operands)
    direction = stablehlo.ComparisonDirectionAttr(op.attributes["comparison_direction"])
    if left is None or right is None or {left[0], right[0]} != {0, 1}:
        return None
    # what stands on the left minus what stands on the right, against a number
    return direction.value, left[0] == 1, right[1] - left[1]


def _numbers(value: Any) -> tuple[int, int] | None:
    """A matrix of row (0) or column (1) numbers plus a constant, as these two."""
    op = maker(value)
    if op is None:
        return None
    match op.name:
        case "stablehlo.iota":
            return integer(op, "iota_dimension"), 0
        case "stablehlo.add":
            base, added = _numbers(op.operands[0]), everywhere(op.operands[1])
            if base is None or added is None:
                return None
            return base[0], base[1] + int(added)
        case _:
            return None
