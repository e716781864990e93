"""Formulas that JAX writes out: integer powers, logistic functions, complex extremes.

As one primitive each has a better derivative than its parts have: fewer operations, and
none that overflows where the result does not. They lower to the same operations again.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax
from jax import numpy as jnp

from irad_passes._compat import Primitive, Var
from irad_passes._compat.mlir import only_equation, stablehlo
from irad_passes.modules import constants, elementwise, expansions
from irad_passes.modules.converters import Table
from irad_passes.modules.frames import Atom, Frame, dtype_of

TABLE = Table()

Power = tuple[Atom, int]
"""A base and a positive exponent."""


@TABLE.converts("stablehlo.multiply")
def _multiply(frame: Frame, op: Any) -> Sequence[Atom] | None:
    a, b = frame.operands(op)
    if not _has_derivatives(a):
        return elementwise.TABLE[op.name](frame, op)
    power = _product(_power(frame, a), _power(frame, b))
    if power is None:
        return (
            expansions.collected(frame, op)
            or _with_steps(frame, op)
            or elementwise.TABLE[op.name](frame, op)
        )
    base, y = power
    (result,) = frame.equation(lax.integer_pow_p, [base], frame.avals(op), y=y)
    frame.powers[result] = power
    return [result]


def _with_steps(frame: Frame, op: Any) -> Sequence[Atom] | None:
    """A product with an infinite constant, which only takes the other factor's sign.

    It is a step function. As a product its derivative is infinite, and not a number
    where a choice takes another value (0 * inf), as in what JAX writes for ``erf_inv``.
    """
    avals = frame.avals(op)
    if jnp.issubdtype(avals[0].dtype, np.complexfloating):
        return None
    for x, constant in itertools.permutations(op.operands):
        entry = constants.everywhere(constant)
        if entry is not None and np.isinf(entry):
            (sign,) = frame.equation(lax.sign_p, [frame.read(x)], avals)
            primitive, params = _product_of_two()
            return frame.equation(
                primitive, [sign, frame.read(constant)], avals, **params
            )
    return None


@TABLE.converts("stablehlo.log_plus_one")
def _log_plus_one(frame: Frame, op: Any) -> Sequence[Atom] | None:
    frame.shared.expansions[expansions.LOGADDEXP] = None
    return elementwise.TABLE[op.name](frame, op)


@TABLE.converts("stablehlo.divide")
def _divide(frame: Frame, op: Any) -> Sequence[Atom] | None:
    a, b = frame.operands(op)
    if _has_derivatives(a) and _is_one(op.operands[0]):
        base, y = _power(frame, b)
        if y > 1:
            return frame.equation(lax.integer_pow_p, [base], frame.avals(op), y=-y)
        x = _argument_of_logistic(op.operands[1])
        if x is not None and not jnp.issubdtype(dtype_of(a), np.complexfloating):
            primitive, params = _logistic()
            return frame.equation(primitive, [frame.read(x)], frame.avals(op), **params)
    return elementwise.TABLE[op.name](frame, op)


@TABLE.converts("stablehlo.select")
def _select(frame: Frame, op: Any) -> Sequence[Atom] | None:
    which, x, y = op.operands
    extreme = _EXTREMES.get(_lexicographic_order(which, x, y))
    if extreme is None:
        return expansions.collected(frame, op) or elementwise.TABLE[op.name](frame, op)
    return frame.equation(extreme, list(map(frame.read, (x, y))), frame.avals(op))


_EXTREMES = {"GT": lax.max_p, "LT": lax.min_p}


def _lexicographic_order(which: Any, x: Any, y: Any) -> str:
    """How ``which`` compares two complex values: by real, then by imaginary parts."""
    for is_tie, of_imag, of_real in _operands(which, "stablehlo.select"):
        by_real = _comparison(of_real, "stablehlo.real", x, y)
        by_imag = _comparison(of_imag, "stablehlo.imag", x, y)
        if _comparison(is_tie, "stablehlo.real", x, y) == "EQ" and by_real == by_imag:
            return by_real
    return ""


def _comparison(value: Any, part: str, x: Any, y: Any) -> str:
    """The direction of a comparison of a part of ``x`` with that of ``y``."""
    for a, b in _operands(value, "stablehlo.compare"):
        if _operands(a, part) == [[x]] and _operands(b, part) == [[y]]:
            named = value.owner.attributes["comparison_direction"]
            return stablehlo.ComparisonDirectionAttr(named).value
    return ""


@functools.cache
def _logistic() -> tuple[Primitive, dict[str, Any]]:
    return only_equation(lax.logistic, np.float32, 1)


@functools.cache
def _product_of_two() -> tuple[Primitive, dict[str, Any]]:
    return only_equation(lax.mul, np.float32, 2)


def _power(frame: Frame, x: Atom) -> Power:
    """What a value is a power of; itself where it is none."""
    return frame.powers.get(x, (x, 1)) if isinstance(x, Var) else (x, 1)


def _product(a: Power, b: Power) -> Power | None:
    """The product of two powers, where JAX writes that power so.

    It squares the base again and again, and multiplies those that the exponent has.
    """
    (base, m), (other, n) = a, b
    greater = max(m, n)
    by_squares = greater & (greater - 1) == 0
    return (base, m + n) if base is other and by_squares else None


def _has_derivatives(x: Atom) -> bool:
    return jnp.issubdtype(dtype_of(x), np.inexact)


def _argument_of_logistic(denominator: Any) -> Any:
    """``x`` of a value that is ``1 + exp(-x)``; None for any other value."""
    for one, rest in _operands(denominator, "stablehlo.add"):
        if _is_one(one):
            for (negative,) in _operands(rest, "stablehlo.exponential"):
                for (x,) in _operands(negative, "stablehlo.negate"):
                    return x
    return None


def _operands(value: Any, name: str) -> list[list[Any]]:
    """The operands of the operation that makes a value, if it has that name."""
    owner = value.owner
    if getattr(owner, "name", "") != name or "result_accuracy" in owner.attributes:
        return []
    return [list(owner.operands)]


def _is_one(value: Any) -> bool:
    """Whether a value is known to be 1 everywhere."""
    entry = constants.everywhere(value)
    return entry is not None and bool(entry == 1)
