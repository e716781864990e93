"""The elementwise functions of ``lax``, each with points away from its kinks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jax import lax

HIGHEST = lax.AccuracyMode.HIGHEST
ANY = np.array([0.3, -1.2, 2.5])
POSITIVE = np.array([0.3, 1.2, 2.5])
INSIDE = np.array([0.3, -0.7, 0.05])  # of the unit interval
OVER_ONE = np.array([1.3, 2.2, 1.05])
COMPLEX = np.array([0.3 - 0.4j, -1.2 + 0.5j, 1.5 + 0.7j])

UNARY: dict[str, tuple[Callable[[Any], Any], Any]] = {
    "neg": (lax.neg, ANY),
    "abs": (lax.abs, ANY),
    "exp": (lax.exp, ANY),
    "exp2": (lax.exp2, ANY),
    "expm1": (lax.expm1, ANY),
    "log": (lax.log, POSITIVE),
    "log1p": (lax.log1p, INSIDE),
    "logistic": (lax.logistic, ANY),
    "tanh": (lax.tanh, ANY),
    "sin": (lax.sin, ANY),
    "cos": (lax.cos, ANY),
    "tan": (lax.tan, INSIDE),
    "asin": (lax.asin, INSIDE),
    "acos": (lax.acos, INSIDE),
    "atan": (lax.atan, ANY),
    "sinh": (lax.sinh, ANY),
    "cosh": (lax.cosh, ANY),
    "asinh": (lax.asinh, ANY),
    "acosh": (lax.acosh, OVER_ONE),
    "atanh": (lax.atanh, INSIDE),
    "sqrt": (lax.sqrt, POSITIVE),
    "rsqrt": (lax.rsqrt, POSITIVE),
    "cbrt": (lax.cbrt, ANY),
    "square": (lax.square, ANY),
    "integer_pow": (lambda x: [lax.integer_pow(x, n) for n in (0, 1, 2, 3, -1)], ANY),
    "erf": (lax.erf, ANY),
    "erfc": (lax.erfc, ANY),
    "erf_inv": (lax.erf_inv, INSIDE),
    "lgamma": (lax.lgamma, POSITIVE),
    "digamma": (lax.digamma, POSITIVE),
    "bessel_i0e": (lax.bessel_i0e, ANY),
    "bessel_i1e": (lax.bessel_i1e, ANY),
    "most accurate": (
        lambda x: [
            f(x, accuracy=HIGHEST)
            for f in (lax.tanh, lax.expm1, lax.logistic, lax.sin, lax.cos)
        ],
        ANY,
    ),
}
for _name in ("log2", "one_minus_square"):  # of JAX 0.11
    if hasattr(lax, _name):
        UNARY[_name] = (getattr(lax, _name), POSITIVE)

# JAX 0.10 has acosh's slope wrong for complex numbers left of 0: a test of its own.
REAL_ONLY = {
    "acosh",
    "bessel_i0e",
    "bessel_i1e",
    "cbrt",
    "digamma",
    "erf",
    "erf_inv",
    "erfc",
    "lgamma",
}

BINARY: dict[str, tuple[Callable[[Any, Any], Any], Any, Any]] = {
    "add": (lax.add, ANY, POSITIVE),
    "sub": (lax.sub, ANY, POSITIVE),
    "mul": (lax.mul, ANY, POSITIVE),
    "div": (lax.div, ANY, POSITIVE),
    "rem": (lax.rem, np.array([0.3, -3.2, 9.5]), np.array([0.7, 1.3, -1.6])),
    "pow": (lax.pow, POSITIVE, ANY),
    "atan2": (lax.atan2, ANY, POSITIVE),
    "max": (lax.max, ANY, np.array([0.2, 0.2, 3.1])),
    "min": (lax.min, ANY, np.array([0.2, 0.2, 3.1])),
}
COMPLEX_BINARY = ("add", "sub", "mul", "div", "pow")
