"""Rules of the elementwise primitives: arithmetic, special functions, complex parts.

Conventions where a function has a kink: ``abs`` has slope 1 at 0 (and a complex 0 has
slope 0); ``max`` and ``min`` share a tie half and half; ``clamp`` is constant at its
bounds, ties included; ``x ** n`` has slope 0 for an integer array exponent 0, and
``0 ** y`` has slope 0 in ``y``. A NaN operand is never the greater or the smaller one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jax import lax
from jax import numpy as jnp

from irad._compat import ir, primitives
from irad._compat.storing import stored_p
from irad._compat.waiting import after_p
from irad.linear_map import (
    Apply,
    Array,
    Blocks,
    Joint,
    Params,
    Scale,
    sum_to_type,
)
from irad.rules.registry import (
    MINUS_ONE,
    ONE,
    Equation,
    Jacobian,
    Over,
    Partial,
    Where,
    as_map,
    elementwise,
    joint,
    linear,
    register,
    unsupported,
)

HIGHEST = lax.AccuracyMode.HIGHEST


def _select(mask: Array, x: float, y: float, like: Array) -> Array:
    """``x`` where ``mask`` holds and ``y`` elsewhere, in the dtype of ``like``."""
    return lax.select(mask, lax.full_like(like, x), lax.full_like(like, y))


def _one_for_zero(x: Array) -> Array:
    """``x`` with 1 in the place of 0."""
    return lax.select(x == 0, lax.full_like(x, 1), x)


# Sums and products --------------------------------------------------------------------

elementwise(lax.add_p, ONE, ONE)
elementwise(ir.add_any_p, ONE, ONE)
elementwise(lax.sub_p, ONE, MINUS_ONE)
elementwise(lax.neg_p, MINUS_ONE)
# The tangent meets the numerator first: their product with 1 / b**2 may overflow.
elementwise(
    lax.div_p,
    lambda y, a, b: Over(b),
    lambda y, a, b: (a, lax.neg(lax.integer_pow(b, -2))),
)
elementwise(
    lax.rem_p,
    ONE,
    lambda y, a, b: lax.neg(lax.sign(q := lax.div(a, b)) * lax.floor(lax.abs(q))),
)


def _product(eqn: Equation) -> Blocks:
    """``a * b``; with ``out_dtype`` its maps convert too, as the primitive does."""
    codomain = ir.tangent_aval(ir.typeof(eqn.y[0]))

    def block(i: int) -> Scale | Apply:
        domain = ir.tangent_aval(ir.typeof(eqn.x[i]))
        other = eqn.x[1 - i]
        if eqn.params["out_dtype"] is None:
            return Scale(domain, codomain, other)
        others = (None, other) if i == 0 else (other, None)
        return Apply(
            domain, codomain, others, eqn.primitive, eqn.params, i, _factor_pull
        )

    return Blocks((tuple(block(i) for i in eqn.active),))


def _factor_pull(c: Array, J: Apply) -> Array:
    factor = J.others[1 - J.position]
    return sum_to_type(lax.mul(c, factor, out_dtype=J.domain.dtype), J.domain)


register(lax.mul_p, Jacobian("elementwise", _product))


# Powers and roots ---------------------------------------------------------------------


def _integer_power(z: Array, x: Array, *, y: int) -> Any:
    match y:
        case 0:
            return None
        case 1:
            return ONE
        case 2:
            return 2 * x
        case _:
            return y * lax.integer_pow(x, y - 1)


def _power_base(z: Array, x: Array, y: Array) -> Array:
    if ir.is_inexact(y.dtype):
        return lax.mul(y, lax.pow(x, y - 1))
    n = lax.convert_element_type(y, x.dtype)
    slope = lax.mul(_one_for_zero(n), lax.pow(x, n - 1))
    zero = lax.full_like(z, 0)
    return lax.select(lax.eq(n, zero), zero, slope)


elementwise(lax.square_p, lambda y, x: 2 * x)
elementwise(lax.integer_pow_p, _integer_power)
elementwise(
    lax.pow_p, _power_base, lambda z, x, y: lax.mul(lax.log(_one_for_zero(x)), z)
)
elementwise(lax.sqrt_p, lambda y, x: 0.5 / y)
elementwise(lax.rsqrt_p, lambda y, x: -0.5 * (y / x))
elementwise(lax.cbrt_p, lambda y, x: (1 / 3) * lax.integer_pow(y, -2))

# Exponentials and logarithms ----------------------------------------------------------


def _logistic(y: Array, x: Array, *, accuracy: Any) -> Array:
    return y * (lax.logistic(-x) if accuracy is HIGHEST else 1 - y)


def _tanh(y: Array, x: Array, *, accuracy: Any) -> Array:
    if accuracy is not HIGHEST:
        return primitives.one_minus_square(y)
    up = lax.logistic(2 * x, accuracy=accuracy)
    return 4 * (up * lax.logistic(-2 * x, accuracy=accuracy))


elementwise(lax.exp_p, lambda y, x: y)
elementwise(lax.exp2_p, lambda y, x: math.log(2) * y)
elementwise(
    lax.expm1_p,
    lambda y, x, *, accuracy: (
        lax.exp(x, accuracy=accuracy) if accuracy is HIGHEST else y + 1
    ),
)
elementwise(lax.log_p, lambda y, x: Over(x))
elementwise(primitives.log2_p, lambda y, x: Over(math.log(2) * x))
elementwise(lax.log1p_p, lambda y, x: Over(x + 1))
elementwise(lax.logistic_p, _logistic)
elementwise(lax.tanh_p, _tanh)
elementwise(primitives.one_minus_square_p, lambda y, x: -2 * x)

# Trigonometric and hyperbolic functions -----------------------------------------------

elementwise(lax.sin_p, lambda y, x, *, accuracy: lax.cos(x, accuracy=accuracy))
elementwise(lax.cos_p, lambda y, x, *, accuracy: -lax.sin(x, accuracy=accuracy))
elementwise(lax.tan_p, lambda y, x: 1 + lax.square(y))
elementwise(lax.asin_p, lambda y, x: lax.rsqrt(primitives.one_minus_square_of_asin(x)))
elementwise(lax.acos_p, lambda y, x: -lax.rsqrt(primitives.one_minus_square_of_asin(x)))
elementwise(lax.atan_p, lambda y, x: Over(1 + lax.square(x)))
elementwise(
    lax.atan2_p,
    lambda z, y, x: lax.div(x, lax.add(lax.square(y), lax.square(x))),
    lambda z, y, x: lax.div(-y, lax.add(lax.square(y), lax.square(x))),
)
elementwise(lax.sinh_p, lambda y, x: lax.cosh(x))
elementwise(lax.cosh_p, lambda y, x: lax.sinh(x))
elementwise(lax.asinh_p, lambda y, x: lax.rsqrt(lax.square(x) + 1))
# Two roots: that of the product is on the wrong branch left of the imaginary axis.
elementwise(lax.acosh_p, lambda y, x: lax.rsqrt(x - 1) * lax.rsqrt(x + 1))
elementwise(lax.atanh_p, lambda y, x: Over(primitives.one_minus_square(x)))

# Kinks and choices --------------------------------------------------------------------


def _extreme(compare: Any) -> tuple[Partial, Partial]:
    """The partials of the greater or smaller of two operands, by ``compare``.

    Operands are compared with each other and never with the result: XLA may compute an
    operand twice, rounded differently, and it would then differ from its own maximum.
    """

    def before(a: Array, b: Array) -> Array:
        """Whether ``a`` goes before ``b``; complex numbers go as pairs."""
        if not jnp.iscomplexobj(a):
            return compare(a, b)
        real, imag = (lax.real(a), lax.real(b)), (lax.imag(a), lax.imag(b))
        return lax.select(lax.eq(*real), compare(*imag), compare(*real))

    def first(y: Array, a: Array, b: Array) -> Array:
        return _share(y, a, b, lax.bitwise_and(before(a, b), lax.eq(a, a)))

    def second(y: Array, a: Array, b: Array) -> Array:
        if not jnp.iscomplexobj(a):
            return _share(y, a, b, compare(b, a))
        # As in the primitive: what does not go before, a NaN too, leaves the other.
        after = lax.bitwise_not(before(a, b))
        return _share(y, a, b, lax.bitwise_and(after, lax.eq(b, b)))

    return first, second


def _share(y: Array, a: Array, b: Array, is_taken: Array) -> Array:
    """The part of a tangent that an operand has in ``y``: all, or half of a tie."""
    alone = _select(is_taken, 1, 0, like=y)
    return lax.select(lax.eq(a, b), lax.full_like(y, 0.5), alone)


def _between(low: Array, x: Array, high: Array) -> Array:
    return lax.bitwise_and(lax.lt(low, x), lax.lt(x, high))


elementwise(lax.max_p, *_extreme(lax.gt))
elementwise(lax.min_p, *_extreme(lax.lt))
elementwise(
    lax.clamp_p,
    lambda y, low, x, high: Where(lax.bitwise_and(lax.lt(x, low), lax.lt(low, high))),
    lambda y, low, x, high: Where(_between(low, x, high)),
    lambda y, low, x, high: Where(lax.bitwise_or(lax.lt(high, x), lax.lt(high, low))),
)


def _selected(c: Array, J: Joint) -> Sequence[Array | None]:
    """Each case gets the cotangents of the elements chosen from it."""
    which, zero = J.others[0], lax.full_like(c, 0)

    def share(i: int) -> Array:
        if which.dtype == bool:
            return lax.select(which, c, zero) if i else lax.select(which, zero, c)
        return lax.select(which == i, c, zero)

    return (None, *(share(i) for i in range(len(J.domains) - 1)))


joint(lax.select_n_p, _selected, operands=lambda position: position > 0)


def _abs(eqn: Equation) -> Blocks:
    """``abs``: t * sign(x), and Re(t * conj(x) / abs(x)) for complex numbers."""
    (x,), (y,) = eqn.x, eqn.y
    domain, codomain = ir.tangent_aval(ir.typeof(x)), ir.tangent_aval(ir.typeof(y))
    if domain.dtype == codomain.dtype:
        return Blocks(((as_map(Where(x >= 0, elsewhere=-1), domain, codomain),),))
    radius = _one_for_zero(y)
    unit = lax.complex(lax.real(x) / radius, -lax.imag(x) / radius)
    part = Apply(domain, codomain, (None,), lax.real_p, Params(), 0, _from_real)
    return Blocks(((part @ Scale(domain, domain, unit),),))


# Complex parts ------------------------------------------------------------------------


def _from_real(c: Array, J: Apply) -> Array:
    return lax.complex(c, lax.full_like(c, 0))


def _conj_pull(c: Array, J: Apply) -> Array:
    return lax.conj(c) if jnp.iscomplexobj(J.domain) else lax.real(c)


register(lax.abs_p, Jacobian("elementwise", _abs))
linear(lax.real_p, _from_real)
linear(lax.imag_p, lambda c, J: lax.complex(lax.full_like(c, 0), -c))
linear(lax.conj_p, _conj_pull)
joint(
    lax.complex_p,
    lambda c, J: (
        sum_to_type(lax.real(c), J.domains[0]),
        sum_to_type(-lax.imag(c), J.domains[1]),
    ),
)

# Types, copies and marks --------------------------------------------------------------


def _convert_pull(c: Array, J: Apply) -> Array:
    """Back to the operand's type; a complex number gives its real part, as there."""
    aval = J.domain
    return ir.convert_element_type_p.bind(
        c, new_dtype=aval.dtype, weak_type=aval.weak_type, sharding=aval.sharding
    )


linear(lax.convert_element_type_p, _convert_pull)
linear(lax.reduce_precision_p, lambda c, J: lax.reduce_precision(c, **J.params))
elementwise(lax.copy_p, ONE)
elementwise(primitives.name_p, ONE)
elementwise(primitives.stage_p, ONE)
elementwise(primitives.tie_p, None, ONE)
linear(after_p, lambda c, J: c)
linear(stored_p, lambda c, J: c)


@dataclass(frozen=True, eq=False)
class Barrier(Joint):
    """Copies of several arrays behind one barrier, which holds their tangents too."""

    def push(self, tangents: Sequence[Array]) -> list[Array | None]:
        held = dict(zip(self.active, lax.optimization_barrier(tangents), strict=True))
        return [held.get(i) for i in range(len(self.domains))]

    def pull(self, cotangents: Sequence[Array | None]) -> list[Array | None]:
        given = {i: c for i in self.active if (c := cotangents[i]) is not None}
        held = lax.optimization_barrier(given)
        return [held.get(i) for i in self.active]


def _barrier(eqn: Equation) -> Barrier:
    none = (None,) * len(eqn.x)
    return Barrier(eqn.primitive, eqn.params, none, eqn.active, none, lambda c, J: none)


register(lax.optimization_barrier_p, Jacobian("linear", _barrier))

# Error functions, gamma functions and their kin ---------------------------------------


def _igamma_slope(y: Array, a: Array, x: Array) -> Array:
    return lax.exp(lax.sub(lax.mul(a - 1, lax.log(x)), x) - lax.lgamma(a))


def _betainc_slope(y: Array, a: Array, b: Array, x: Array) -> Array:
    log_beta = lax.sub(lax.add(lax.lgamma(a), lax.lgamma(b)), lax.lgamma(lax.add(a, b)))
    log_slope = lax.add(lax.mul(b - 1, lax.log1p(-x)), lax.mul(a - 1, lax.log(x)))
    return lax.exp(lax.sub(log_slope, log_beta))


def _bessel_i1e_slope(y: Array, x: Array) -> Array:
    """Bessel's equation; 1/2 where ``abs(x)`` is below the precision, and at NaN."""
    eps = jnp.finfo(x.dtype).eps
    is_regular = lax.abs(x) > eps
    x = lax.select(is_regular, x, lax.full_like(x, eps))
    slope = lax.bessel_i0e(x) - y * (lax.sign(x) + lax.reciprocal(x))
    return lax.select(is_regular, slope, lax.full_like(x, 0.5))


def _refuse(name: str, operand: str) -> Any:
    def partial(y: Array, *x: Array) -> Array:
        raise ValueError(
            f"{name} is not differentiated with respect to {operand}: no formula is "
            f"known to JAX or irad. Apply jax.lax.stop_gradient to {operand} if it "
            "counts as constant."
        )

    return partial


elementwise(lax.erf_p, lambda y, x: 2 / math.sqrt(math.pi) * lax.exp(-lax.square(x)))
elementwise(lax.erfc_p, lambda y, x: -2 / math.sqrt(math.pi) * lax.exp(-lax.square(x)))
elementwise(lax.erf_inv_p, lambda y, x: math.sqrt(math.pi) / 2 * lax.exp(lax.square(y)))
elementwise(lax.lgamma_p, lambda y, x: lax.digamma(x))
elementwise(lax.digamma_p, lambda y, x: lax.polygamma(lax.full_like(x, 1), x))
elementwise(
    lax.polygamma_p,
    _refuse("polygamma", "its order"),
    lambda y, m, x: lax.polygamma(m + 1, x),
)
elementwise(lax.igamma_p, lambda y, a, x: lax.igamma_grad_a(a, x), _igamma_slope)
elementwise(
    lax.igammac_p,
    lambda y, a, x: -lax.igamma_grad_a(a, x),
    lambda y, a, x: -_igamma_slope(y, a, x),
)
elementwise(
    lax.regularized_incomplete_beta_p,
    _refuse("betainc", "a"),
    _refuse("betainc", "b"),
    _betainc_slope,
)
elementwise(lax.bessel_i0e_p, lambda y, x: lax.bessel_i1e(x) - lax.sign(x) * y)
elementwise(lax.bessel_i1e_p, _bessel_i1e_slope)

unsupported(lax.igamma_grad_a_p, "JAX has no second derivative of igamma in a either")
unsupported(lax.nextafter_p, "a step between numbers of the format; so in JAX")
unsupported(lax.zeta_p, "JAX has no rule either; jax.scipy.special.zeta has one")
