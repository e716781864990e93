"""Reductions whose body is one operation of a monoid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax

from irad_passes._compat import Literal, Primitive
from irad_passes._compat.mlir import only_equation
from irad_passes.modules.attributes import integers
from irad_passes.modules.converters import Table
from irad_passes.modules.frames import Atom, Frame, dtype_of
from irad_passes.modules.tables import ELEMENTWISE, MONOIDS

TABLE = Table()


@TABLE.converts("stablehlo.reduce")
def _reduce(frame: Frame, op: Any) -> Sequence[Atom] | None:
    if len(op.results) != 1:
        return None
    name = operation_of_body(op.regions[0])
    primitive = MONOIDS.get(name)
    if primitive is None:
        return None
    x, start = frame.operands(op)
    axes = integers(op, "dimensions")
    params: dict[str, Any] = {"axes": axes}
    if primitive is lax.reduce_sum_p:
        params["out_sharding"] = None
    (aval,) = frame.avals(op)
    reduced = frame.equation(primitive, [x], [aval], **params)
    if _is_neutral(primitive, start):
        return reduced
    combine, params = only_equation(*ELEMENTWISE[name])
    starts = frame.broadcast(start, aval.shape)
    return frame.equation(combine, [starts, *reduced], [aval], **params)


def operation_of_body(region: Any) -> str:
    """The operation a body applies to its two arguments; empty if it does more."""
    (block,) = region.blocks
    operations = list(block.operations)
    if len(operations) != 2 or len(block.arguments) != 2:
        return ""
    op, end = operations[0].operation, operations[1].operation
    given = set(block.arguments)
    if set(op.operands) != given or list(end.operands) != list(op.results):
        return ""
    return op.name


def _is_neutral(primitive: Primitive, start: Atom) -> bool:
    """Whether a reduction may start from its first element instead of ``start``."""
    if not isinstance(start, Literal):
        return False
    neutral = neutral_element(primitive, dtype_of(start))
    return bool(np.asarray(start.val) == neutral)


def neutral_element(primitive: Primitive, dtype: Any) -> Any:
    """What a reduction of lax starts from."""
    if primitive in (lax.reduce_sum_p, lax.reduce_or_p, lax.reduce_xor_p):
        return np.zeros((), dtype)
    if primitive is lax.reduce_prod_p:
        return np.ones((), dtype)
    if primitive is lax.reduce_and_p:
        return np.invert(np.zeros((), dtype))
    lowest = primitive is lax.reduce_max_p
    if np.issubdtype(dtype, np.bool_):
        return np.asarray(not lowest)
    if np.issubdtype(dtype, np.integer):
        bounds = np.iinfo(dtype)
        return np.asarray(bounds.min if lowest else bounds.max, dtype)
    return np.asarray(-np.inf if lowest else np.inf, dtype)
