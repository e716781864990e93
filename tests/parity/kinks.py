"""Cases at kinks, ties, poles and infinities, where the derivative is a convention.

The convention is JAX's: half at a tie of two, shared among the largest, zero at the
kink of ``relu``, NaN where JAX has NaN. Zeros must agree in sign.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy import special, stats

from tests.parity.outcomes import Case, Cases, Run

CASES = Cases()
INF = float("inf")
NAN = float("nan")

SCALAR: dict[str, tuple[Callable[[Any], Any], tuple[float, ...]]] = {
    "abs": (jnp.abs, (0.0, -0.0, INF, -INF, NAN)),
    "sign": (jnp.sign, (0.0, -0.0, 2.0)),
    "relu": (jax.nn.relu, (0.0, -0.0, 1.0, -1.0, INF, NAN)),
    "relu6": (jax.nn.relu6, (0.0, 6.0, 7.0)),
    "leaky_relu": (jax.nn.leaky_relu, (0.0, -0.0, -1.0)),
    "elu": (jax.nn.elu, (0.0, -0.0, 100.0, -1e4)),
    "selu": (jax.nn.selu, (0.0, -1e4)),
    "celu": (jax.nn.celu, (0.0, 1e4)),
    "hard_tanh": (jax.nn.hard_tanh, (1.0, -1.0, 0.0)),
    "hard_sigmoid": (jax.nn.hard_sigmoid, (3.0, -3.0)),
    "softplus": (jax.nn.softplus, (0.0, 1e4, -1e4)),
    "gelu": (jax.nn.gelu, (0.0, 1e3, -1e3)),
    "silu": (jax.nn.silu, (0.0, 1e4, -1e4)),
    "log_sigmoid": (jax.nn.log_sigmoid, (0.0, 1e4, -1e4)),
    "sigmoid": (jax.nn.sigmoid, (0.0, 1e4, -1e4, INF, -INF)),
    "tanh": (jnp.tanh, (0.0, 1e3, INF)),
    "sqrt": (jnp.sqrt, (0.0, -0.0, -1.0, INF)),
    "rsqrt": (lax.rsqrt, (0.0, INF)),
    "cbrt": (jnp.cbrt, (0.0, -8.0)),
    "square": (jnp.square, (0.0, -0.0, INF)),
    "reciprocal": (jnp.reciprocal, (0.0, -0.0, INF)),
    "log": (jnp.log, (0.0, -1.0, INF)),
    "log1p": (jnp.log1p, (-1.0, 0.0)),
    "exp": (jnp.exp, (-INF, INF, 0.0)),
    "expm1": (jnp.expm1, (0.0, -INF)),
    "sinc": (jnp.sinc, (0.0, 1.0)),
    "arcsin": (jnp.arcsin, (1.0, -1.0, 2.0, 0.0)),
    "arccos": (jnp.arccos, (1.0, -1.0)),
    "arccosh": (jnp.arccosh, (1.0,)),
    "arctanh": (jnp.arctanh, (1.0, -1.0)),
    "floor": (jnp.floor, (1.0, 1.5)),
    "ceil": (jnp.ceil, (1.0,)),
    "round": (jnp.round, (0.5, 1.5)),
    "trunc": (jnp.trunc, (-0.0, 1.5)),
    "modf": (lambda x: jnp.modf(x)[0], (1.0, 1.5)),
    "mod": (lambda x: jnp.mod(x, 2.0), (4.0, -1.0, 0.0)),
    "mod of": (lambda x: jnp.mod(4.0, x), (2.0, 3.0)),
    "fmod": (lambda x: jnp.fmod(x, 2.0), (4.0, -3.0)),
    "remainder": (lambda x: lax.rem(x, jnp.full_like(x, 2.0)), (4.0, -3.0)),
    "clip": (lambda x: jnp.clip(x, -1.0, 1.0), (1.0, -1.0, 0.0, 2.0, NAN)),
    "clamp": (lambda x: lax.clamp(0.0, x, 1.0), (0.0, 1.0, 2.0)),
    "maximum": (lambda x: jnp.maximum(x, 0.0), (0.0, -0.0, NAN)),
    "maximum of self": (lambda x: jnp.maximum(x, x), (1.0,)),
    "minimum": (lambda x: jnp.minimum(x, 1.0), (1.0, 0.0)),
    "minimum of self": (lambda x: jnp.minimum(x, x * 1.0), (1.0,)),
    "fmax": (lambda x: jnp.fmax(x, 0.0), (0.0, NAN)),
    "power 0": (lambda x: x**0, (0.0, 2.0, NAN)),
    "power 1": (lambda x: x**1, (0.0, -1.0)),
    "power 2": (lambda x: x**2, (0.0, -0.0)),
    "power 3": (lambda x: x**3, (0.0, -1.0)),
    "power -1": (lambda x: x**-1, (0.0, -2.0)),
    "power 0.0": (lambda x: x**0.0, (0.0, -1.0)),
    "power 0.5": (lambda x: x**0.5, (0.0, -1.0, 4.0)),
    "power 1.0": (lambda x: x**1.0, (0.0, -1.0)),
    "power 2.0": (lambda x: x**2.0, (0.0, -1.0)),
    "power 2.5": (lambda x: x**2.5, (0.0, -1.0)),
    "power -0.5": (lambda x: x**-0.5, (0.0,)),
    "power of 0": (lambda x: 0.0**x, (0.0, 1.0, 2.0)),
    "power of 2": (lambda x: 2.0**x, (0.0, -INF)),
    "power of -2": (lambda x: (-2.0) ** x, (2.0, 0.5)),
    "power of self": (lambda x: x**x, (0.0, 1.0)),
    "nan_to_num": (jnp.nan_to_num, (NAN, INF, 1.0)),
    "where nan": (lambda x: jnp.where(x > 0, jnp.log(x), 0.0), (0.0, -1.0, 1.0)),
    "where twice": (
        lambda x: jnp.where(x > 0, jnp.log(jnp.where(x > 0, x, 1.0)), 0.0),
        (0.0, 1.0),
    ),
    "times zero": (lambda x: x * 0.0, (1.0, INF)),
    "times minus zero": (lambda x: x * -0.0, (1.0,)),
    "divide self": (lambda x: x / x, (0.0, 2.0)),
    "arctan2 0": (lambda x: jnp.arctan2(x, 0.0), (0.0, 1.0)),
    "hypot": (lambda x: jnp.hypot(x, 0.0), (0.0, 1.0)),
    "logaddexp": (lambda x: jnp.logaddexp(x, -INF), (-INF, 0.0)),
    "logaddexp2": (lambda x: jnp.logaddexp2(x, x), (-INF, 0.0, INF)),
    "xlogy": (lambda x: special.xlogy(x, x), (0.0, 1.0)),
    "xlog1py": (lambda x: special.xlog1py(x, x), (0.0, -1.0)),
    "entr": (special.entr, (0.0, 1.0, -1.0)),
    "rel_entr": (lambda x: special.rel_entr(x, 0.5), (0.0, 0.5)),
    "logit": (special.logit, (0.0, 0.5, 1.0)),
    "erf_inv": (special.erfinv, (0.0, 1.0, -1.0)),
    "ndtri": (special.ndtri, (0.5, 0.0)),
    "log_ndtr": (special.log_ndtr, (0.0, -40.0)),
    "gammaln": (special.gammaln, (1.0, 0.5, 2.0)),
    "digamma": (special.digamma, (1.0, -0.5)),
    "i0e": (special.i0e, (0.0,)),
    "i1": (special.i1, (0.0,)),
    "norm.logpdf": (stats.norm.logpdf, (0.0, INF)),
    "copysign": (lambda x: jnp.copysign(x, -1.0), (0.0, 2.0)),
    "heaviside": (lambda x: jnp.heaviside(x, 0.5), (0.0, 1.0)),
    "deg2rad": (jnp.deg2rad, (0.0,)),
    "frexp": (lambda x: jnp.frexp(x)[0], (2.0, 0.0)),
    "ldexp": (lambda x: jnp.ldexp(x, 3), (0.0, 1.5)),
    "nextafter": (lambda x: x + lax.stop_gradient(x), (0.0,)),
    "interp": (
        lambda x: jnp.interp(x, jnp.arange(3.0), jnp.array([0.0, 1.0, 4.0])),
        (0.0, 1.0, 2.0, 3.0, 0.5),
    ),
    "straight through": (lambda x: x + lax.stop_gradient(jnp.round(x) - x), (0.4,)),
    "real of complex": (lambda x: jnp.abs(lax.complex(x, x)), (0.0, 1.0)),
    "angle": (lambda x: jnp.angle(lax.complex(x, 0.0 * x)), (0.0, 1.0)),
    "reduce_precision": (lambda x: lax.reduce_precision(x, 5, 10), (1.1,)),
}

TIES = np.array([1.0, 3.0, 3.0, -2.0, 3.0])
ZEROS = np.zeros(3)
ONE_ZERO = np.array([2.0, 0.0, 3.0])
TWO_ZEROS = np.array([0.0, 2.0, 0.0])
IMAGE = np.array([[1.0, 1.0, 0.0, 2.0], [1.0, 1.0, 2.0, 2.0], [0.0, 0.0, 0.0, 0.0]])

VECTOR: dict[str, tuple[Callable[[Any], Any], tuple[Any, ...]]] = {
    "max": (jnp.max, (TIES, ZEROS)),
    "min": (jnp.min, (TIES, ZEROS)),
    "amax of rows": (lambda x: jnp.max(x, axis=1), (IMAGE,)),
    "max with initial": (lambda x: jnp.max(x, initial=3.0), (TIES,)),
    "max where": (lambda x: jnp.max(x, where=x < 2, initial=-9.0), (TIES,)),
    "ptp": (jnp.ptp, (TIES,)),
    "sort": (jnp.sort, (TIES, ZEROS)),
    "median": (jnp.median, (TIES, ONE_ZERO)),
    "percentile": (lambda x: jnp.percentile(x, 60.0), (TIES,)),
    "quantile lower": (lambda x: jnp.quantile(x, 0.3, method="lower"), (TIES,)),
    "top_k": (lambda x: lax.top_k(x, 2)[0], (TIES, ZEROS)),
    "cummax": (lambda x: lax.cummax(x), (TIES,)),
    "cummin": (lambda x: lax.cummin(x), (TIES,)),
    "cumprod": (jnp.cumprod, (ONE_ZERO, TWO_ZEROS)),
    "cumlogsumexp": (lambda x: lax.cumlogsumexp(x), (ZEROS,)),
    "prod": (jnp.prod, (ONE_ZERO, TWO_ZEROS, ZEROS)),
    "norm": (jnp.linalg.norm, (ZEROS, ONE_ZERO)),
    "norm 1": (lambda x: jnp.linalg.norm(x, 1), (ZEROS, ONE_ZERO)),
    "norm inf": (lambda x: jnp.linalg.norm(x, jnp.inf), (ZEROS, TIES)),
    "norm 3": (lambda x: jnp.linalg.norm(x, 3), (ONE_ZERO,)),
    "norm 0": (lambda x: jnp.linalg.norm(x, 0), (ONE_ZERO,)),
    "frobenius": (lambda x: jnp.linalg.norm(x, "fro"), (np.zeros((2, 2)),)),
    "std": (jnp.std, (np.ones(3), ONE_ZERO)),
    "var": (jnp.var, (np.ones(3),)),
    "logsumexp": (
        special.logsumexp,
        (ZEROS, np.full(3, -INF), np.array([-INF, 0.0]), np.array([INF, 0.0])),
    ),
    "softmax": (jax.nn.softmax, (ZEROS, np.array([-INF, 0.0]), np.full(2, 1e4))),
    "log_softmax": (jax.nn.log_softmax, (ZEROS, np.array([1e4, 0.0]))),
    "standardize": (jax.nn.standardize, (ONE_ZERO,)),
    "max pool": (
        lambda x: lax.reduce_window(x, -INF, lax.max, (2, 2), (1, 2), "VALID"),
        (IMAGE,),
    ),
    "min pool": (
        lambda x: lax.reduce_window(x, INF, lax.min, (2, 2), (1, 1), "SAME"),
        (IMAGE,),
    ),
    "segment_max": (
        lambda x: jax.ops.segment_max(x, jnp.array([0, 1, 1, 0, 1]), 3),
        (TIES,),
    ),
    "scatter max": (lambda x: x.at[jnp.array([1, 1])].max(3.0), (TIES,)),
    "scatter set twice": (lambda x: x.at[jnp.array([1, 1])].set(x[:2]), (TIES,)),
    "scatter mul": (lambda x: x.at[jnp.array([0, 1])].mul(0.0), (TIES,)),
    "gather out of bounds": (lambda x: x[jnp.array([1, 7, -1])], (TIES,)),
    "gather fill": (
        lambda x: x.at[jnp.array([1, 7])].get(mode="fill", fill_value=0.0),
        (TIES,),
    ),
    "argmax indexed": (lambda x: x[jnp.argmax(x)], (TIES,)),
    "triu": (jnp.triu, (np.ones((2, 2)),)),
    "nanmax": (jnp.nanmax, (np.array([NAN, 1.0, 1.0]),)),
    "nansum": (jnp.nansum, (np.array([NAN, 1.0]),)),
    "maximum of two": (lambda x: jnp.maximum(x[:2], x[1:3]), (TIES,)),
    "unwrap": (jnp.unwrap, (np.array([0.0, 4.0, 8.0]),)),
    "lexsorted": (lambda x: x[jnp.argsort(-x)], (TIES,)),
    "det singular": (jnp.linalg.det, (np.array([[1.0, 2.0], [2.0, 4.0]]),)),
    "trace": (jnp.trace, (np.zeros((2, 2)),)),
    "relu of a mean": (lambda x: jax.nn.relu(jnp.mean(x)), (ZEROS,)),
    "sum of an empty": (lambda x: jnp.sum(x[:0]), (TIES,)),
    "mean of an empty": (lambda x: jnp.sum(jnp.ones(0)) + x.sum(), (TIES,)),
}


def add(name: str, run: Run, kind: str) -> None:
    """Adds a case whose zeros must agree in sign."""
    CASES.append(Case(name, run, signed_zeros=True, kind=kind))


def elementwise(name: str, f: Callable[[Any], Any], points: tuple[float, ...]) -> None:
    """Adds both derivatives of an elementwise function, at all its points."""

    def total(x: Any) -> Any:
        return jnp.sum(f(x))

    def first(ad: Any) -> Any:
        x = jnp.array(points, float)
        return ad.jvp(f, (x,), (jnp.ones_like(x),)), ad.vjp(f, x)[1](jnp.ones_like(x))

    def second(ad: Any) -> Any:
        x = jnp.array(points, float)
        ones = jnp.ones_like(x)
        forward = ad.jvp(lambda x: ad.jvp(f, (x,), (ones,))[1], (x,), (ones,))
        return forward, ad.grad(lambda x: jnp.sum(ad.grad(total)(x)))(x)

    add(name, first, "once at points")
    add(f"{name}, twice", second, "twice at points")


def at_array(name: str, f: Callable[[Any], Any], x: Any) -> None:
    """Adds Jacobians in both modes, and one product with the Hessian."""

    def first(ad: Any) -> Any:
        point = jnp.asarray(x, float)
        return ad.jacfwd(f)(point), ad.jacrev(f)(point)

    def second(ad: Any) -> Any:
        point = jnp.asarray(x, float)
        slope = ad.grad(lambda x: jnp.sum(f(x)))
        return ad.jvp(slope, (point,), (jnp.ones_like(point),))

    where = np.array2string(np.asarray(x), separator=",").replace("\n", "")
    add(f"{name} at {where}", first, "once at an array")
    add(f"{name} at {where}, twice", second, "twice at an array")


for name, (f, points) in SCALAR.items():
    elementwise(name, f, points)
for name, (f, points) in VECTOR.items():
    for x in points:
        at_array(name, f, x)
