"""Rows of ``jax.scipy``."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import lax, scipy
from jax.scipy import cluster, fft, integrate, linalg, optimize, signal, special, stats
from jax.scipy.spatial import transform

from tests.coverage.corpus.refused import REFUSED
from tests.coverage.corpus.values import (
    ANY,
    INSIDE,
    LARGER,
    MATRIX,
    OTHER,
    POSITIVE,
    SIGNAL,
    SQUARE,
    SYMMETRIC,
    VECTOR,
)

DEGREES = np.array([1, 2, 3])
BITS = np.array([0, 1, 1])

SPECIAL_UNARY_NAMES = """
    dawsn digamma erf erfc erfcx expi expit fresnel gamma gammaln i0 i0e i1 i1e
    log_softmax ndtr softmax
"""
SPECIAL_ON_POSITIVE_NAMES = "entr exp1 factorial loggamma sici"
SPECIAL_BINARY_NAMES = """
    beta betaln boxcox boxcox1p comb gammainc gammaincc kl_div poch rel_entr
"""

SPECIAL = {
    **dict.fromkeys(SPECIAL_UNARY_NAMES.split(), (ANY,)),
    **dict.fromkeys(SPECIAL_ON_POSITIVE_NAMES.split(), (POSITIVE,)),
    **dict.fromkeys(SPECIAL_BINARY_NAMES.split(), (POSITIVE, LARGER)),
    "bernoulli": (lambda x: x * special.bernoulli(2), ANY),
    "bessel_jn": (lambda x: special.bessel_jn(x, v=2, n_iter=20), POSITIVE),
    "betainc": (lambda x: special.betainc(POSITIVE, LARGER, x), INSIDE),
    "erfinv": (INSIDE,),
    "expn": (lambda x: special.expn(DEGREES, x), POSITIVE),
    "gammasgn": (ANY,),
    "hyp1f1": (POSITIVE, LARGER, INSIDE),
    "hyp2f1": (POSITIVE, LARGER, LARGER + 1, INSIDE),
    "log_ndtr": (5 * ANY,),
    "logit": (INSIDE,),
    "logsumexp": (lambda x, b: special.logsumexp(x, b=b), ANY, LARGER),
    "multigammaln": (lambda x: special.multigammaln(x, 2), POSITIVE + 1),
    "ndtri": (INSIDE,),
    "owens_t": (ANY, LARGER),
    "polygamma": (lambda x: special.polygamma(2, x), POSITIVE),
    "spence": (LARGER,),
    "sph_harm_y": (
        lambda theta, phi: special.sph_harm_y(
            jnp.array([2]), jnp.array([1]), theta, phi, n_max=2
        ),
        POSITIVE[:1],
        LARGER[:1],
    ),
    "wofz": (lambda x, y: special.wofz(lax.complex(x, y)), ANY, LARGER),
    "xlog1py": (ANY, LARGER),
    "xlogy": (ANY, LARGER),
    "zeta": (POSITIVE + 1, LARGER),
}

LINALG = {
    **dict.fromkeys(
        [
            "circulant",
            "companion",
            "fiedler",
            "fiedler_companion",
            "hankel",
            "toeplitz",
        ],
        (ANY,),
    ),
    **dict.fromkeys(["det", "expm", "inv", "polar"], (SQUARE,)),
    "block_diag": (SQUARE, MATRIX),
    "cho_factor": (lambda x: linalg.cho_factor(x + x.T)[0], SYMMETRIC),
    "cho_solve": (lambda c, b: linalg.cho_solve((c, True), b), SQUARE, ANY),
    "cholesky": (lambda x: linalg.cholesky(x + x.T), SYMMETRIC),
    "convolution_matrix": (lambda x: linalg.convolution_matrix(x, 4), ANY),
    "eigh": (SYMMETRIC,),
    "eigh_tridiagonal": (
        lambda d, e: linalg.eigh_tridiagonal(d, e, eigvals_only=True),
        ANY,
        OTHER[:2],
    ),
    "expm_frechet": (SQUARE, SYMMETRIC),
    "leslie": (ANY, OTHER[:2]),
    "lu": (SQUARE,),
    "lu_factor": (lambda x: linalg.lu_factor(x)[0], SQUARE),
    "lu_solve": (lambda x, b: linalg.lu_solve(linalg.lu_factor(x), b), SQUARE, ANY),
    "polar": (lambda x: linalg.polar(x), SQUARE),
    "qr": (lambda x: linalg.qr(x, mode="economic"), MATRIX.T),
    "rsf2csf": (SQUARE, SYMMETRIC),
    "solve": (SQUARE, ANY),
    "solve_triangular": (SQUARE, ANY),
    "svd": (lambda x: linalg.svd(x, full_matrices=False), MATRIX),
}

OTHERS = {
    "cluster.vq.vq": (lambda x, y: cluster.vq.vq(x, y)[1], SQUARE, SYMMETRIC),
    "fft.dct": (fft.dct, MATRIX),
    "fft.dctn": (fft.dctn, MATRIX),
    "fft.idct": (fft.idct, MATRIX),
    "fft.idctn": (fft.idctn, MATRIX),
    "integrate.trapezoid": (integrate.trapezoid, VECTOR, VECTOR**2),
    "interpolate.RegularGridInterpolator": (
        lambda values, at: scipy.interpolate.RegularGridInterpolator(
            (jnp.arange(3.0), jnp.arange(4.0)), values
        )(at),
        MATRIX,
        INSIDE[:2],
    ),
    "ndimage.map_coordinates": (
        lambda x, at: scipy.ndimage.map_coordinates(x, [at, 2 * at], 1),
        MATRIX,
        INSIDE,
    ),
    "signal.convolve": (signal.convolve, SIGNAL, ANY),
    "signal.convolve2d": (signal.convolve2d, MATRIX, SQUARE),
    "signal.correlate": (signal.correlate, SIGNAL, ANY),
    "signal.correlate2d": (signal.correlate2d, MATRIX, SQUARE),
    "signal.csd": (lambda x, y: signal.csd(x, y, nperseg=8)[1], SIGNAL, SIGNAL**2),
    "signal.detrend": (signal.detrend, SIGNAL),
    "signal.fftconvolve": (signal.fftconvolve, SIGNAL, ANY),
    "signal.istft": (lambda x: signal.istft(x, nperseg=4)[1], MATRIX + 1j * MATRIX),
    "signal.stft": (lambda x: signal.stft(x, nperseg=8)[2], SIGNAL),
    "signal.welch": (lambda x: signal.welch(x, nperseg=8)[1], SIGNAL),
    "optimize.minimize": (
        lambda x: (
            optimize.minimize(
                lambda y: ((y - x) ** 2).sum(), jnp.zeros(3), method="BFGS"
            ).x
        ),
        ANY,
    ),
    "sparse.linalg.bicgstab": (
        lambda a, b: scipy.sparse.linalg.bicgstab(lambda x: a @ x, b)[0],
        SYMMETRIC,
        ANY,
    ),
    "sparse.linalg.cg": (
        lambda a, b: scipy.sparse.linalg.cg(lambda x: a @ x, b)[0],
        SYMMETRIC,
        ANY,
    ),
    "sparse.linalg.gmres": (
        lambda a, b: scipy.sparse.linalg.gmres(lambda x: a @ x, b)[0],
        SYMMETRIC,
        ANY,
    ),
    "spatial.transform.Rotation": (
        lambda v, x: transform.Rotation.from_rotvec(v).apply(x),
        ANY,
        OTHER,
    ),
    "spatial.transform.Slerp": (
        lambda v, w, t: transform.Slerp.init(
            jnp.array([0.0, 1.0]),
            transform.Rotation.from_rotvec(jnp.stack([v, w])),
        )(t).as_quat(),
        ANY,
        OTHER,
        INSIDE,
    ),
    "stats.gaussian_kde": (
        lambda data, x: stats.gaussian_kde(data)(x),
        VECTOR,
        ANY,
    ),
    "stats.sem": (stats.sem, MATRIX),
}

DENSITIES = {
    "beta": (INSIDE, POSITIVE, LARGER),
    "cauchy": (ANY, OTHER, POSITIVE),
    "chi2": (LARGER, POSITIVE),
    "expon": (LARGER, INSIDE / 5, POSITIVE),
    "gamma": (LARGER, POSITIVE),
    "gennorm": (ANY, POSITIVE),
    "gumbel_l": (ANY, OTHER, POSITIVE),
    "gumbel_r": (ANY, OTHER, POSITIVE),
    "laplace": (ANY, OTHER, POSITIVE),
    "logistic": (ANY, OTHER, POSITIVE),
    "norm": (ANY, OTHER, POSITIVE),
    "pareto": (POSITIVE + 1, LARGER),
    "t": (ANY, POSITIVE),
    "truncnorm": (INSIDE, -POSITIVE, LARGER, OTHER / 9, POSITIVE + 1),
    "uniform": (INSIDE, OTHER - 4, LARGER + 9),
    "vonmises": (ANY, POSITIVE),
    "wrapcauchy": (POSITIVE, INSIDE),
    # Of integers
    "bernoulli": (BITS, INSIDE),
    "betabinom": (BITS, DEGREES, POSITIVE, LARGER),
    "binom": (BITS, DEGREES, INSIDE),
    "geom": (DEGREES, INSIDE),
    "nbinom": (DEGREES, POSITIVE, INSIDE),
    "poisson": (DEGREES, POSITIVE),
    # Of vectors
    "dirichlet": (INSIDE / INSIDE.sum(), POSITIVE),
    "multinomial": (DEGREES, 6, INSIDE / INSIDE.sum()),
    "multivariate_normal": (ANY, OTHER, SYMMETRIC),
}
"""Arguments of the distributions: a value, then parameters."""
FUNCTIONS = [
    "pdf",
    "logpdf",
    "pmf",
    "logpmf",
    "cdf",
    "logcdf",
    "sf",
    "logsf",
    "ppf",
    "isf",
    "entropy",
]


def _distribution(name, arguments):
    """Rows of all functions that the module of a distribution has."""
    module = getattr(stats, name)
    for function in FUNCTIONS:
        if (
            not hasattr(module, function)
            or f"jax.scipy.stats.{name}.{function}" in REFUSED
        ):
            continue
        x, *parameters = arguments
        if function in ("ppf", "isf"):
            x = INSIDE
        fun = getattr(module, function)
        if function == "entropy":
            yield f"stats.{name}.{function}", (fun, *parameters)
        elif name == "beta" and function not in ("pdf", "logpdf"):
            # In JAX as well, the incomplete beta function is differentiated in x only.
            yield f"stats.{name}.{function}", (_in_x(fun, parameters), x)
        else:
            yield f"stats.{name}.{function}", (fun, x, *parameters)


def _in_x(fun, parameters):
    return lambda x: fun(x, *parameters)


DISTRIBUTIONS = dict(
    row for name, rows in DENSITIES.items() for row in _distribution(name, rows)
)
