"""Operations of CHLO that an export wrapped, so that their names last.

Exports wrap them in composites; those of 2024 had them as custom calls of MHLO.
"""

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
TARGETS = Table()


@TABLE.converts("stablehlo.composite")
def _composite(frame: Frame, op: Any) -> Sequence[Atom] | None:
    name = text(op, "name")
    held = _held(op, "composite_attributes")
    if name in CHLO and not held:
        return elementwise.TABLE[name](frame, op)
    if name == "chlo.top_k" and list(held) == ["k"]:
        return sorting.top_k(frame, op, ir.IntegerAttr(held["k"]).value)
    return None


def _of_mhlo(frame: Frame, op: Any) -> Sequence[Atom] | None:
    name = text(op, "call_target_name").replace("mhlo.", "chlo.")
    return None if _held(op, _MHLO) else elementwise.TABLE[name](frame, op)


TARGETS.update({name.replace("chlo.", "mhlo."): _of_mhlo for name in CHLO})


@TARGETS.converts("mhlo.topk")
def _top_k(frame: Frame, op: Any) -> Sequence[Atom] | None:
    held = _held(op, _MHLO)
    largest = ir.BoolAttr(held["largest"]).value if "largest" in held else True
    if not largest or "k" not in held:
        return None
    return sorting.top_k(frame, op, ir.IntegerAttr(held["k"]).value)


_MHLO = "mhlo.attributes"


def _held(op: Any, name: str) -> dict[str, Any]:
    """The attributes of what an operation stands for."""
    if name not in op.attributes:
        return {}
    attributes = op.attributes[name]
    return {attributes[i].name: attributes[i].attr for i in range(len(attributes))}
