"""What an operation that is carried as it is says of itself: name and attributes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from irad_passes._compat.mlir import context, ir
from irad_passes.modules.frames import Function
from irad_passes.modules.raising import raise_

_NAMED_BY = {"stablehlo.custom_call": "call_target_name", "stablehlo.composite": "name"}
"""Operations that stand for many: the attribute that says which."""

_HELD = ("mhlo.backend_config", "backend_config", "composite_attributes")
"""Attributes that hold attributes of what is called."""


@dataclass(frozen=True, eq=False)
class Operation:
    """An operation by name, and its attributes as Python values.

    The name of a custom call is its target's, that of a composite its own. What their
    configuration holds stands among the attributes. A composite may have a
    decomposition.
    """

    name: str
    attributes: dict[str, Any]
    decomposition: Function | None


def operation_of(module: str) -> Operation:
    """The operation that an opaque equation carries, from its ``module``."""
    with context():
        parsed = ir.Module.parse(module)
        main = parsed.body.operations[0]
        op = main.regions[0].blocks[0].operations[0].operation
        found = {named.name: _value(named.attr) for named in _attributes(op)}
    name = found.get(_NAMED_BY.get(op.name, ""), op.name)
    for key in _HELD:
        if isinstance(found.get(key), dict):
            found.update(found[key])
    decomposed = found.get("decomposition")
    function = None if decomposed is None else raise_(parsed)[decomposed]
    return Operation(name, found, function)


def _attributes(op: Any) -> list[Any]:
    return [op.attributes[i] for i in range(len(op.attributes))]


def _value(attribute: Any) -> Any:
    """An attribute as a Python value; its text where it has none."""
    match attribute:
        case ir.BoolAttr() | ir.IntegerAttr() | ir.FloatAttr() | ir.StringAttr():
            return attribute.value
        case ir.FlatSymbolRefAttr():
            return attribute.value
        case ir.DenseI64ArrayAttr() | ir.DenseBoolArrayAttr() | ir.DenseI32ArrayAttr():
            return tuple(attribute)
        case ir.DenseIntElementsAttr() | ir.DenseFPElementsAttr():
            return np.array(attribute)
        case ir.ArrayAttr():
            return tuple(map(_value, attribute))
        case ir.DictAttr():
            named = (attribute[i] for i in range(len(attribute)))
            return {each.name: _value(each.attr) for each in named}
        case _:
            return str(attribute)
