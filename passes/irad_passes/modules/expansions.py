"""Functions that JAX writes out: those of the gamma and the error function, Bessel's.

Their expansions choose between formulas, which may be singular where they are not
chosen (the reflection of the gamma function, at integers) and have kinks where the
function has none (``abs`` in Bessel's, at 0). As one primitive each has the derivative
of the function, at fewer operations; it lowers to the same expansion.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from irad_passes._compat.mlir import (
    ClosedJaxpr,
    ShapedArray,
    exported,
    lowered,
    stablehlo,
    traced,
)
from irad_passes.modules import constants
from irad_passes.modules.frames import Atom, Frame
from irad_passes.modules.regions import COMMUTATIVE

Function = Callable[..., Any]


@dataclass(frozen=True)
class Expansion:
    """A function of arrays, and what JAX writes for it.

    That may have ``calls`` of functions that it writes out when it exports them.
    """

    function: Function
    written: Function
    operands: int = 1
    calls: bool = False


def _i0(x: jax.Array) -> jax.Array:
    size = lax.abs(x)
    return lax.mul(lax.exp(size), lax.bessel_i0e(size))


LOGADDEXP = Expansion(jnp.logaddexp, jnp.logaddexp, operands=2)
_LANCZOS = 676.5203681218851
_OF_I0E = 0.00336911646, 0.0033691164782556943
_TELLS: tuple[tuple[Expansion, tuple[float, float]], ...] = (
    (Expansion(lax.lgamma, lax.lgamma), (_LANCZOS, _LANCZOS)),
    (Expansion(lax.digamma, lax.digamma), (_LANCZOS, _LANCZOS)),
    (Expansion(lax.erfc, lax.erfc), (-0.37612626, 49267.394260863592)),
    (Expansion(lax.erf_inv, lax.erf_inv), (2.83297682, 1.6536545626831027)),
    (
        Expansion(lax.bessel_i1e, lax.bessel_i1e),
        (-0.00976109784, -0.0097610974913614687),
    ),
    (Expansion(lax.bessel_i0e, lax.bessel_i0e), _OF_I0E),
    (Expansion(jnp.i0, _i0), _OF_I0E),
    (Expansion(lax.igamma, lax.igamma, 2, calls=True), (2000.0, 2000.0)),
    (Expansion(lax.igammac, lax.igammac, 2, calls=True), (2000.0, 2000.0)),
)
"""A coefficient of each function's expansion, in 32 and in 64 bits, that tells it."""

_DTYPES = (np.dtype(np.float32), np.dtype(np.float64))


def told_by(entry: Any) -> list[Expansion]:
    """The functions whose expansions have a constant."""
    if entry.dtype not in _DTYPES:
        return []
    return _by_coefficient(entry.dtype).get(entry.item(), [])


@functools.cache
def _by_coefficient(dtype: np.dtype[Any]) -> dict[float, list[Expansion]]:
    found: dict[float, list[Expansion]] = {}
    for expansion, coefficients in _TELLS:
        coefficient = coefficients[_DTYPES.index(dtype)]
        found.setdefault(dtype.type(coefficient).item(), []).append(expansion)
    return found


def collected(frame: Frame, op: Any) -> Sequence[Atom] | None:
    """The function whose expansion ends in an operation, in its place; or None."""
    if not frame.shared.expansions:
        return None
    (aval,) = frame.avals(op)
    if not jnp.issubdtype(aval.dtype, np.floating):
        return None
    for expansion in frame.shared.expansions:
        for module in _modules(expansion, aval.dtype):
            block = module.body.operations[0].regions[0].blocks[0]
            end = list(block.operations)[-1].operands[0]
            found: dict[Any, Any] = {}
            if _agree(op.results[0], end, found):
                operands = [frame.read(found[x]) for x in block.arguments]
                program = _program(expansion, aval.shape, aval.dtype)
                return frame.splice(program, operands)
    return None


@functools.cache
def _modules(expansion: Expansion, dtype: Any) -> list[Any]:
    """What JAX exports for a function, and what it lowers it to if that is another."""
    avals = [ShapedArray((2,), dtype)] * expansion.operands
    made = [exported(expansion.written, avals)]
    return [*made, lowered(expansion.written, avals)] if expansion.calls else made


@functools.lru_cache(256)
def _program(expansion: Expansion, shape: tuple[int, ...], dtype: Any) -> ClosedJaxpr:
    return traced(expansion.function, [ShapedArray(shape, dtype)] * expansion.operands)


def _agree(value: Any, pattern: Any, found: dict[Any, Any]) -> bool:
    """Whether a value is computed as another one is; ``found`` pairs those that are."""
    if pattern in found:
        return found[pattern] == value or _is_same_constant(found[pattern], value)
    number = constants.everywhere(pattern)
    if number is not None:
        return _is_same_constant(pattern, value)
    if not _name(pattern):
        found[pattern] = value
        return True
    if _name(value) != _name(pattern):
        return False
    return _operations_agree(value.owner, pattern.owner, found) and (
        found[pattern] == value
    )


def _operations_agree(op: Any, pattern: Any, found: dict[Any, Any]) -> bool:
    """Whether two operations are the same, of the same values; pairs their results."""
    agree = (
        op.name == pattern.name
        and len(op.operands) == len(pattern.operands)
        and len(op.results) == len(pattern.results)
        and _direction(op) == _direction(pattern)
        and all(
            _agree(x, p, found)
            for x, p in zip(_in_order(op, pattern), pattern.operands, strict=True)
        )
        and all(
            _regions_agree(a, b, found)
            for a, b in zip(op.regions, pattern.regions, strict=True)
        )
    )
    found.update(zip(pattern.results, op.results, strict=True) if agree else ())
    return agree


def _regions_agree(region: Any, pattern: Any, found: dict[Any, Any]) -> bool:
    """Whether two regions of one block do the same in the same order."""
    (block,), (wanted,) = region.blocks, pattern.blocks
    found.update(zip(wanted.arguments, block.arguments, strict=True))
    return len(ours := _steps(block)) == len(theirs := _steps(wanted)) and all(
        _operations_agree(a, b, found) for a, b in zip(ours, theirs, strict=True)
    )


def _steps(block: Any) -> list[Any]:
    """The operations of a block but for constants, which stand anywhere."""
    operations = [op.operation for op in block.operations]
    return [
        op
        for op in operations
        if len(op.results) != 1 or constants.everywhere(op.results[0]) is None
    ]


def _in_order(op: Any, pattern: Any) -> list[Any]:
    """The operands of an operation in the order of a pattern, as far as names tell."""
    operands = list(op.operands)
    if op.name in COMMUTATIVE:
        wanted = list(map(_name, pattern.operands))
        names = list(map(_name, operands))
        if names != wanted and names[::-1] == wanted:
            operands.reverse()
    return operands


def _name(value: Any) -> str:
    """The name of the operation that gives a value; empty for an argument."""
    return getattr(value.owner, "name", "")


def _is_same_constant(a: Any, b: Any) -> bool:
    number, other = constants.everywhere(a), constants.everywhere(b)
    if number is None or other is None:
        return False
    return number.tobytes() == other.tobytes()


def _direction(op: Any) -> str:
    named = op.attributes
    if "comparison_direction" not in named:
        return ""
    return stablehlo.ComparisonDirectionAttr(named["comparison_direction"]).value
