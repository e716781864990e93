"""Attributes of operations as Python values."""

from __future__ import annotations

from typing import Any

import numpy as np
from jax import lax

from irad_passes._compat.mlir import ir, stablehlo


def integers(op: Any, name: str, default: tuple[int, ...] = ()) -> tuple[int, ...]:
    """An attribute that lists integers, or the default where there is none."""
    attributes = op.attributes
    return tuple(attributes[name]) if name in attributes else default


def pairs(op: Any, name: str, count: int) -> tuple[tuple[int, int], ...]:
    """An attribute of ``count`` pairs of integers, zeros where there is none."""
    attributes = op.attributes
    if name not in attributes:
        return ((0, 0),) * count
    rows = np.array(attributes[name]).reshape(count, 2)
    return tuple((int(low), int(high)) for low, high in rows)


def integer(op: Any, name: str) -> int:
    """An attribute that is one integer."""
    return ir.IntegerAttr(op.attributes[name]).value


def flag(op: Any, name: str) -> bool:
    """An attribute that is a boolean, false where there is none."""
    attributes = op.attributes
    return name in attributes and ir.BoolAttr(attributes[name]).value


def text(op: Any, name: str) -> str:
    """An attribute that is a text, empty where there is none."""
    attributes = op.attributes
    return ir.StringAttr(attributes[name]).value if name in attributes else ""


def symbol(op: Any, name: str) -> str:
    """An attribute that names a function of the module."""
    return ir.FlatSymbolRefAttr(op.attributes[name]).value


def precision(op: Any) -> Any:
    """``precision_config`` as lax has it: None where nothing is asked for."""
    if "precision_config" not in op.attributes:
        return None
    words = [
        stablehlo.PrecisionAttr(p).value for p in op.attributes["precision_config"]
    ]
    found = tuple(lax.Precision[word] for word in words)
    return None if all(p is lax.Precision.DEFAULT for p in found) else found
