"""Where the values of a module come from, and what reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from irad_passes.modules import constants

_COPIES = ("stablehlo.broadcast_in_dim", "stablehlo.reshape", "stablehlo.convert")


def maker(value: Any) -> Any:
    """The operation that a value is a result of; None for an argument of a block."""
    owner = value.owner
    return owner if hasattr(owner, "operands") else None


def readers(value: Any, name: str = "") -> Iterator[Any]:
    """The operations that read a value, or those of them with a name."""
    for use in value.uses:
        op = use.owner.operation
        if not name or op.name == name:
            yield op


def is_read(value: Any) -> bool:
    """Whether any operation reads a value."""
    return next(readers(value), None) is not None


def everywhere(value: Any) -> np.ndarray[Any, Any] | None:
    """The scalar that all elements of a value are, if that can be seen."""
    op = maker(value)
    while op is not None and op.name in _COPIES:
        op = maker(op.operands[0])
    if op is None or op.name != "stablehlo.constant":
        return None
    return constants.splat(op)


def is_all(value: Any, number: float) -> bool:
    """Whether all elements of a value are one number, or all of them NaN."""
    found = everywhere(value)
    return found is not None and bool(
        np.isnan(found) if number != number else found == number
    )
