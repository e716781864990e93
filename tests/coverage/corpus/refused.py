"""Functions that JAX does not differentiate: irad refuses them too, or goes beyond."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax, nn, ops
from jax.scipy import linalg, stats

from tests.coverage.corpus.values import (
    ANY,
    BATCH,
    IMAGE,
    INDICES,
    INSIDE,
    MATRIX,
    OTHER,
    POSITIVE,
    SQUARE,
    SYMMETRIC,
    VECTOR,
)

ROWS = lax.ScatterDimensionNumbers((1,), (0,), (0,))
WIDE = BATCH.repeat(16, 2).astype("float32")

REFUSED = {
    "jax.lax.composite": (
        lambda x: lax.composite(lambda y: jnp.sin(y) * y, name="test.wave")(x),
        ANY,
    ),
    "jax.lax.igamma_grad_a": (lambda x: lax.igamma_grad_a(POSITIVE, x), POSITIVE),
    "jax.lax.nextafter": (lambda x: lax.nextafter(x, x + 1), ANY),
    "jax.lax.rng_uniform": (lambda a, b: lax.rng_uniform(a, b, (3,)), *INSIDE[:2]),
    "jax.lax.scaled_dot": (
        lambda x, y: lax.scaled_dot(
            x,
            y,
            dimension_numbers=(((1,), (0,)), ((), ())),
            preferred_element_type=jnp.float64,
        ),
        SQUARE,
        SYMMETRIC,
    ),
    "jax.lax.scatter_apply": (
        lambda x: lax.scatter_apply(
            x, INDICES[:2, None], jnp.cos, ROWS, update_shape=(2, 3)
        ),
        SQUARE,
    ),
    "jax.lax.zeta": (lambda x: lax.zeta(x, POSITIVE), POSITIVE + 1),
    "jax.lax.linalg.hessenberg": (lax.linalg.hessenberg, SQUARE),
    "jax.lax.linalg.householder_product": (
        lax.linalg.householder_product,
        SQUARE,
        POSITIVE,
    ),
    "jax.lax.linalg.ormqr": (lax.linalg.ormqr, SQUARE, POSITIVE, SYMMETRIC),
    "jax.lax.linalg.schur": (lax.linalg.schur, SQUARE),
    "jax.lax.linalg.tridiagonal": (lax.linalg.tridiagonal, SYMMETRIC),
    "jax.nn.scaled_matmul": (
        lambda x, y: nn.scaled_matmul(x, y, x[..., :2] + 3, y[..., :2] + 3),
        WIDE,
        WIDE,
    ),
    "jax.numpy.linalg.eig": (jnp.linalg.eig, SQUARE),
    "jax.numpy.nextafter": (lambda x: jnp.nextafter(x, x + 1), ANY),
    "jax.numpy.spacing": (jnp.spacing, ANY),
    "jax.scipy.linalg.funm": (lambda x: linalg.funm(x, jnp.sin), SQUARE),
    "jax.scipy.linalg.hessenberg": (linalg.hessenberg, SQUARE),
    "jax.scipy.linalg.qr_multiply": (linalg.qr_multiply, MATRIX.T, MATRIX[0]),
    "jax.scipy.linalg.schur": (linalg.schur, SQUARE),
    "jax.scipy.linalg.solve_sylvester": (
        linalg.solve_sylvester,
        SQUARE,
        SYMMETRIC,
        SQUARE.T.copy(),
    ),
    "jax.scipy.linalg.sqrtm": (linalg.sqrtm, SQUARE),
    # The rule that JAX has for xlogy fails on the integers that these give it.
    **{
        f"jax.scipy.stats.{name}.{function}": (
            getattr(getattr(stats, name), function),
            ANY,
            OTHER,
            POSITIVE,
        )
        for name in ("gumbel_l", "gumbel_r")
        for function in ("logpdf", "pdf", "ppf")
    },
}
"""Rows on which both raise."""

BEYOND = {
    "jax.ops.segment_prod": (lambda x: ops.segment_prod(x, INDICES, 3), ANY),
    "jax.lax.linalg.cholesky_update": (
        lambda r, w: lax.linalg.cholesky_update(jnp.triu(r) + 3 * jnp.eye(3), w),
        SQUARE,
        ANY,
    ),
    "jax.lax.linalg.symmetric_product": (
        lambda x, c: jnp.tril(lax.linalg.symmetric_product(x, c + c.T)),
        MATRIX,
        SYMMETRIC,
    ),
    "jax.lax.reduce_window: mul": (
        lambda x: lax.reduce_window(
            x, 1.0, lax.mul, (1, 2, 2, 1), (1, 2, 2, 1), "VALID"
        ),
        IMAGE,
    ),
    "jax.lax.reduce: initial value": (
        lambda x: lax.reduce(x, 0.5, lambda a, b: a + b + a * b, (0,)),
        VECTOR,
    ),
}
"""Rows that irad differentiates and JAX does not, or JAX does wrongly."""
