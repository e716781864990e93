"""Which operation of a module is which primitive: the rows that need no code."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from jax import lax

from irad_passes._compat import Primitive
from irad_passes._compat.primitives import eq_to_p, le_to_p, lt_to_p

Row = tuple[Callable[..., Any], type[Any], int]
"""A function of lax that is one equation, an element type it takes, its operands."""

_AWAY = lax.RoundingMethod.AWAY_FROM_ZERO
_TO_EVEN = lax.RoundingMethod.TO_NEAREST_EVEN

ELEMENTWISE: dict[str, Row] = {
    # unary
    "stablehlo.abs": (lax.abs, np.float32, 1),
    "stablehlo.cbrt": (lax.cbrt, np.float32, 1),
    "stablehlo.ceil": (lax.ceil, np.float32, 1),
    "stablehlo.count_leading_zeros": (lax.clz, np.int32, 1),
    "stablehlo.cosine": (lax.cos, np.float32, 1),
    "stablehlo.exponential": (lax.exp, np.float32, 1),
    "stablehlo.exponential_minus_one": (lax.expm1, np.float32, 1),
    "stablehlo.floor": (lax.floor, np.float32, 1),
    "stablehlo.imag": (lax.imag, np.complex64, 1),
    "stablehlo.is_finite": (lax.is_finite, np.float32, 1),
    "stablehlo.log": (lax.log, np.float32, 1),
    "stablehlo.log_plus_one": (lax.log1p, np.float32, 1),
    "stablehlo.logistic": (lax.logistic, np.float32, 1),
    "stablehlo.negate": (lax.neg, np.float32, 1),
    "stablehlo.not": (lax.bitwise_not, np.int32, 1),
    "stablehlo.popcnt": (lax.population_count, np.int32, 1),
    "stablehlo.real": (lax.real, np.complex64, 1),
    "stablehlo.round_nearest_afz": (
        partial(lax.round, rounding_method=_AWAY),
        np.float32,
        1,
    ),
    "stablehlo.round_nearest_even": (
        partial(lax.round, rounding_method=_TO_EVEN),
        np.float32,
        1,
    ),
    "stablehlo.rsqrt": (lax.rsqrt, np.float32, 1),
    "stablehlo.sign": (lax.sign, np.float32, 1),
    "stablehlo.sine": (lax.sin, np.float32, 1),
    "stablehlo.sqrt": (lax.sqrt, np.float32, 1),
    "stablehlo.tan": (lax.tan, np.float32, 1),
    "stablehlo.tanh": (lax.tanh, np.float32, 1),
    # binary
    "stablehlo.add": (lax.add, np.float32, 2),
    "stablehlo.and": (lax.bitwise_and, np.int32, 2),
    "stablehlo.atan2": (lax.atan2, np.float32, 2),
    "stablehlo.complex": (lax.complex, np.float32, 2),
    "stablehlo.divide": (lax.div, np.float32, 2),
    "stablehlo.maximum": (lax.max, np.float32, 2),
    "stablehlo.minimum": (lax.min, np.float32, 2),
    "stablehlo.multiply": (lax.mul, np.float32, 2),
    "stablehlo.or": (lax.bitwise_or, np.int32, 2),
    "stablehlo.power": (lax.pow, np.float32, 2),
    "stablehlo.remainder": (lax.rem, np.float32, 2),
    "stablehlo.shift_left": (lax.shift_left, np.int32, 2),
    "stablehlo.shift_right_arithmetic": (lax.shift_right_arithmetic, np.int32, 2),
    "stablehlo.shift_right_logical": (lax.shift_right_logical, np.int32, 2),
    "stablehlo.subtract": (lax.sub, np.float32, 2),
    "stablehlo.xor": (lax.bitwise_xor, np.int32, 2),
    # three
    "stablehlo.clamp": (lax.clamp, np.float32, 3),
}
"""Operations whose operands and results are those of a primitive."""

CHLO: dict[str, Row] = {
    "chlo.acos": (lax.acos, np.float32, 1),
    "chlo.acosh": (lax.acosh, np.float32, 1),
    "chlo.asin": (lax.asin, np.float32, 1),
    "chlo.asinh": (lax.asinh, np.float32, 1),
    "chlo.atan": (lax.atan, np.float32, 1),
    "chlo.atanh": (lax.atanh, np.float32, 1),
    "chlo.bessel_i1e": (lax.bessel_i1e, np.float32, 1),
    "chlo.cosh": (lax.cosh, np.float32, 1),
    "chlo.digamma": (lax.digamma, np.float32, 1),
    "chlo.erf": (lax.erf, np.float32, 1),
    "chlo.erf_inv": (lax.erf_inv, np.float32, 1),
    "chlo.erfc": (lax.erfc, np.float32, 1),
    "chlo.lgamma": (lax.lgamma, np.float32, 1),
    "chlo.next_after": (lax.nextafter, np.float32, 2),
    "chlo.polygamma": (lax.polygamma, np.float32, 2),
    "chlo.sinh": (lax.sinh, np.float32, 1),
    "chlo.square": (lax.square, np.float32, 1),
    "chlo.tan": (lax.tan, np.float32, 1),
    "chlo.zeta": (lax.zeta, np.float32, 2),
}
"""The same for CHLO."""

COMPARISONS: dict[tuple[str, bool], Primitive] = {
    ("EQ", False): lax.eq_p,
    ("NE", False): lax.ne_p,
    ("LT", False): lax.lt_p,
    ("LE", False): lax.le_p,
    ("GT", False): lax.gt_p,
    ("GE", False): lax.ge_p,
    ("EQ", True): eq_to_p,
    ("LE", True): le_to_p,
    ("LT", True): lt_to_p,
}
"""Comparisons by direction, and whether they order NaN and the sign of zero too."""

MONOIDS: dict[str, Primitive] = {
    "stablehlo.add": lax.reduce_sum_p,
    "stablehlo.and": lax.reduce_and_p,
    "stablehlo.maximum": lax.reduce_max_p,
    "stablehlo.minimum": lax.reduce_min_p,
    "stablehlo.multiply": lax.reduce_prod_p,
    "stablehlo.or": lax.reduce_or_p,
    "stablehlo.xor": lax.reduce_xor_p,
}
"""Reductions by the one operation of their body."""

WINDOWS: dict[str, Primitive] = {
    "stablehlo.add": lax.reduce_window_sum_p,
    "stablehlo.maximum": lax.reduce_window_max_p,
    "stablehlo.minimum": lax.reduce_window_min_p,
}
"""Reductions over windows by the one operation of their body."""

CUMULATIVE: dict[str, Primitive] = {
    "stablehlo.add": lax.cumsum_p,
    "stablehlo.maximum": lax.cummax_p,
    "stablehlo.minimum": lax.cummin_p,
    "stablehlo.multiply": lax.cumprod_p,
}
"""The same for windows of all elements before one."""
