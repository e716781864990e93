"""Constant folding: scalar equations of literals, done here with XLA's result."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jax import lax
from jax.core import ShapedArray
from jax.dtypes import bfloat16
from jax.numpy import finfo

from irad_passes._compat import (
    Jaxpr,
    JaxprEqn,
    Literal,
    Primitive,
    add_jaxvals_p,
    scalar_literal,
)
from irad_passes.bodies import BodyRewriter
from irad_passes.rewriting import Atom, replace_results

Dtypes = frozenset[np.dtype[Any]]

_NARROW: Dtypes = frozenset((np.dtype("float16"), np.dtype(bfloat16)))
_FLOATS: Dtypes = _NARROW | {np.dtype("float32"), np.dtype("float64")}
_INTEGERS: Dtypes = frozenset(np.dtype(code) for code in "bhilqBHILQ")
_BITS: Dtypes = _INTEGERS | {np.dtype(bool)}
_REAL: Dtypes = _FLOATS | _INTEGERS
_DTYPES: Dtypes = _FLOATS | _BITS

# A scalar of numpy, or None where numpy and XLA may differ.
Scalar = Any
Evaluate = Callable[..., Scalar | None]


def fold(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr with its cheap, exact scalar equations of literals evaluated.

    Only results that numpy and XLA agree on to the last bit are taken: correctly
    rounded operations on real numbers, and neither NaN (whose bits are nobody's
    promise) nor subnormal numbers (which XLA may flush to zero) on either side.
    """
    return replace_results(jaxpr, _evaluated, _INTO_BODIES)


def _evaluated(eqn: JaxprEqn) -> Sequence[Atom] | None:
    evaluate = _TABLE.get(eqn.primitive)
    if evaluate is None or not all(type(x) is Literal for x in eqn.invars):
        return None
    aval: Any = eqn.outvars[0].aval
    if not is_plain(aval) or not all(is_plain(x.aval) for x in eqn.invars):
        return None
    operands = [_scalar(x) for x in eqn.invars]
    if not all(map(_is_ordinary, operands)):
        return None
    with np.errstate(all="ignore"):
        result = evaluate(*operands, dtype=aval.dtype)
    if result is None or not _is_ordinary(result):
        return None
    assert result.dtype == aval.dtype, eqn
    return [scalar_literal(result, aval)]


def is_plain(aval: Any) -> bool:
    """Whether this is a scalar of a dtype known here, on no mesh in particular."""
    return getattr(aval, "dtype", None) in _DTYPES and aval == ShapedArray(
        (), aval.dtype, weak_type=aval.weak_type
    )


def _scalar(x: Atom) -> Scalar:
    assert isinstance(x, Literal)
    aval: Any = x.aval
    return np.asarray(x.val, aval.dtype)[()]


def _is_ordinary(x: Scalar) -> bool:
    if x.dtype not in _FLOATS:
        return True
    return x == 0 or abs(x) >= finfo(x.dtype).tiny


def _on(dtypes: Dtypes, operation: Callable[..., Scalar]) -> Evaluate:
    """A row: the operation on operands of these dtypes, unknown on others."""

    def evaluate(*operands: Scalar, dtype: np.dtype[Any]) -> Scalar | None:
        del dtype
        return operation(*operands) if operands[0].dtype in dtypes else None

    return evaluate


def _converted(x: Scalar, *, dtype: np.dtype[Any]) -> Scalar | None:
    if x.dtype in _FLOATS and dtype in _INTEGERS:
        # Outside the range XLA saturates, and C does as it likes.
        limits = np.iinfo(dtype)
        number = float(x)
        inside = math.isfinite(number) and limits.min <= int(number) <= limits.max
        return dtype.type(int(number)) if inside else None
    y = x.astype(dtype)
    # XLA may go to a narrow type through float32 and round twice.
    if dtype in _NARROW and x.dtype not in _NARROW and float(x) != float(y):
        return y if x.dtype == np.float32 else None
    return y


def _unequal(choose: Callable[[Scalar, Scalar], Scalar]) -> Evaluate:
    """A choice between two numbers, unknown between the zeros 0.0 and -0.0."""

    def chosen(a: Scalar, b: Scalar) -> Scalar | None:
        return choose(a, b) if a != b else None

    return _on(_REAL, chosen)


_TABLE: dict[Primitive, Evaluate] = {
    lax.convert_element_type_p: _converted,
    lax.neg_p: _on(_REAL, np.negative),
    lax.abs_p: _on(_REAL, np.absolute),
    lax.square_p: _on(_REAL, lambda x: x * x),
    lax.add_p: _on(_REAL, np.add),
    add_jaxvals_p: _on(_REAL, np.add),
    lax.sub_p: _on(_REAL, np.subtract),
    lax.mul_p: _on(_REAL, np.multiply),
    # XLA divides integers towards zero, numpy downwards.
    lax.div_p: _on(_FLOATS, np.divide),
    lax.max_p: _unequal(np.maximum),
    lax.min_p: _unequal(np.minimum),
    lax.eq_p: _on(_DTYPES, np.equal),
    lax.ne_p: _on(_DTYPES, np.not_equal),
    lax.lt_p: _on(_REAL, np.less),
    lax.le_p: _on(_REAL, np.less_equal),
    lax.gt_p: _on(_REAL, np.greater),
    lax.ge_p: _on(_REAL, np.greater_equal),
    lax.not_p: _on(_BITS, np.invert),
    lax.and_p: _on(_BITS, np.bitwise_and),
    lax.or_p: _on(_BITS, np.bitwise_or),
    lax.xor_p: _on(_BITS, np.bitwise_xor),
}

_INTO_BODIES = BodyRewriter(fold)
