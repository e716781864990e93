"""Rules of the random primitives that draw numbers.

Keys and bits are constants (see ``constant``); what ``jax.random`` makes of them by
ordinary arithmetic is differentiated as such. Left is the gamma distribution.
"""

from __future__ import annotations

from jax import lax
from jax import numpy as jnp

from irad._compat.primitives import random_gamma_grad, random_gamma_p
from irad.linear_map import Array
from irad.rules.registry import elementwise, unsupported


def _gamma_slope(y: Array, key: Array, a: Array, *, log_space: bool) -> Array:
    """The slope of a gamma variate in its shape ``a``, the randomness held fixed.

    ``F(y; a) = u`` defines ``y`` implicitly, with the distribution function ``F``, so
    that ``dy/da = -(dF/da) / (dF/dy)`` (Figurnov, Mohamed and Mnih, "Implicit
    reparameterization gradients", 2018). In log space it is divided by ``y``, where an
    underflow to 0 is taken as the smallest normal number.
    """
    if not log_space:
        return random_gamma_grad(a, y)
    y = lax.exp(y)
    tiny = lax.full_like(y, jnp.finfo(y.dtype).tiny)
    y = lax.select(y == 0, tiny, y)
    return lax.div(random_gamma_grad(a, y), y)


elementwise(random_gamma_p, None, _gamma_slope)

unsupported(
    lax.rng_uniform_p,
    "its bounds are operands, and JAX has no rule either; jax.random.uniform has one",
)
