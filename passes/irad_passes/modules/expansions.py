"""Functions that JAX writes out when it exports them: those of the gamma function.

Their expansions choose between formulas, and where one that is not chosen is singular
(the reflection, at integers) the derivative of the expansion is not a number. As one
primitive each has the derivative of the function; it lowers to the same expansion.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jax import lax

from irad_passes._compat.mlir import exported, only_equation, stablehlo
from irad_passes.modules import constants
from irad_passes.modules.frames import Atom, Frame

FUNCTIONS: tuple[Callable[..., Any], ...] = (lax.lgamma, lax.digamma)
_COEFFICIENT = 676.5203681218851
"""The first of Lanczos' approximation, by which a module with an expansion is told."""

_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


def tells(entry: Any) -> bool:
    """Whether a constant says that a module may have such an expansion."""
    dtype = entry.dtype
    return dtype in _DTYPES and bool(entry == np.asarray(_COEFFICIENT, dtype))


def collected(frame: Frame, op: Any) -> Sequence[Atom] | None:
    """The function whose expansion ends in an operation, in its place; or None."""
    (aval,) = frame.avals(op)
    if aval.dtype not in _DTYPES:
        return None
    for function in FUNCTIONS:
        module = _expansion(function, aval.dtype)
        block = module.body.operations[0].regions[0].blocks[0]
        end = list(block.operations)[-1].operands[0]
        found: dict[Any, Any] = {}
        if _agree(op.results[0], end, found):
            primitive, params = only_equation(function, np.float32, 1)
            x = frame.read(found[block.arguments[0]])
            return frame.equation(primitive, [x], [aval], **params)
    return None


@functools.cache
def _expansion(function: Callable[..., Any], dtype: np.dtype[Any]) -> Any:
    """The module that JAX exports for a function."""
    return exported(function, (2,), dtype)


def _agree(value: Any, pattern: Any, found: dict[Any, Any]) -> bool:
    """Whether a value is computed as another one is; ``found`` pairs those that are."""
    if pattern in found:
        return found[pattern] == value
    number = constants.everywhere(pattern)
    if number is not None:
        other = constants.everywhere(value)
        return other is not None and other.tobytes() == number.tobytes()
    maker, same = pattern.owner, value.owner
    name = getattr(maker, "name", "")
    if name and not (
        name == getattr(same, "name", "")
        and _direction(maker) == _direction(same)
        and all(
            _agree(x, p, found)
            for x, p in zip(same.operands, maker.operands, strict=True)
        )
    ):
        return False
    found[pattern] = value
    return True


def _direction(op: Any) -> str:
    named = op.attributes
    if "comparison_direction" not in named:
        return ""
    return stablehlo.ComparisonDirectionAttr(named["comparison_direction"]).value
