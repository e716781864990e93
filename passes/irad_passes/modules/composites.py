"""Composites: operations of CHLO that an export wrapped, so that their names last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from irad_passes._compat.mlir import ir
from irad_passes.modules import elementwise, sorting
from irad_passes.modules.attributes import text
from irad_passes.modules.converters import Table
from irad_passes.modules.frames import Atom, Frame
from irad_passes.modules.tables import CHLO

TABLE = Table()


@TABLE.converts("stablehlo.composite")
def _composite(frame: Frame, op: Any) -> Sequence[Atom] | None:
    name = text(op, "name")
    held = _held(op)
    if name in CHLO and not held:
        return elementwise.TABLE[name](frame, op)
    if name == "chlo.top_k" and list(held) == ["k"]:
        return sorting.top_k(frame, op, ir.IntegerAttr(held["k"]).value)
    return None


def _held(op: Any) -> dict[str, Any]:
    """The attributes of what a composite stands for."""
    if "composite_attributes" not in op.attributes:
        return {}
    attributes = op.attributes["composite_attributes"]
    return {attributes[i].name: attributes[i].attr for i in range(len(attributes))}
