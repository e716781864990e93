"""Rows of ``jax.numpy``, ``jax.numpy.linalg`` and ``jax.numpy.fft``."""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax
from jax.numpy import fft, linalg

from tests.coverage.corpus.values import (
    ANY,
    BATCH,
    COMPLEX,
    CUBE,
    INDICES,
    INSIDE,
    LARGER,
    MASK,
    MATRIX,
    OTHER,
    OVER_ONE,
    POSITIVE,
    SQUARE,
    SYMMETRIC,
    VECTOR,
    WITH_NAN,
)

ELEMENTWISE_NAMES = """
    abs absolute angle arcsinh arctan around array asarray asinh atan atleast_1d
    atleast_2d atleast_3d cbrt ceil conj conjugate copy cos cosh deg2rad degrees exp
    exp2 expm1 fabs flip flipud floor frexp i0 imag modf nan_to_num negative positive
    rad2deg radians ravel real reciprocal rint round sign sin sinc sinh square squeeze
    tan tanh trunc
"""
ON_POSITIVE_NAMES = "log log10 log1p log2 sqrt"
ON_INSIDE_NAMES = "acos arccos arcsin arctanh asin atanh"
BINARY_NAMES = """
    add arctan2 atan2 copysign divide divmod floor_divide fmax fmin fmod heaviside hypot
    logaddexp logaddexp2 maximum minimum mod multiply remainder subtract true_divide
"""
REDUCTION_NAMES = """
    amax amin average cumprod cumsum max mean median min nancumprod nancumsum nanmax
    nanmean nanmedian nanmin nanprod nanstd nansum nanvar prod ptp std sum var
"""
MATRIX_NAMES = """
    corrcoef cov diag diagflat diagonal diff ediff1d fliplr gradient matrix_transpose
    rot90 sort trace transpose tril triu unstack
"""

NUMPY = {
    **dict.fromkeys(ELEMENTWISE_NAMES.split(), (ANY,)),
    **dict.fromkeys(ON_POSITIVE_NAMES.split(), (POSITIVE,)),
    **dict.fromkeys(ON_INSIDE_NAMES.split(), (INSIDE,)),
    **dict.fromkeys(BINARY_NAMES.split(), (ANY, OTHER)),
    **dict.fromkeys(REDUCTION_NAMES.split(), (MATRIX,)),
    **dict.fromkeys(MATRIX_NAMES.split(), (MATRIX,)),
    "abs: complex": (jnp.abs, COMPLEX),
    "acosh": (OVER_ONE,),
    "angle: complex": (jnp.angle, COMPLEX),
    "append": (ANY, VECTOR),
    "apply_along_axis": (
        lambda x: jnp.apply_along_axis(lambda v: v / v.sum(), 1, x),
        MATRIX,
    ),
    "apply_over_axes": (lambda x: jnp.apply_over_axes(jnp.sum, x, (0, 2)), BATCH),
    "arange": (lambda x: x * jnp.arange(3.0), ANY),
    "arccosh": (OVER_ONE,),
    "array_split": (lambda x: jnp.array_split(x, 4), VECTOR),
    "astype": (lambda x: jnp.astype(x, "float32"), ANY),
    "average: weights": (lambda x, w: jnp.average(x, 0, w), SQUARE, POSITIVE),
    "bincount": (lambda w: jnp.bincount(INDICES, w, length=4), ANY),
    "block": (lambda x, y: jnp.block([[x, y], [y, x]]), SQUARE, SYMMETRIC),
    "broadcast_arrays": (lambda x, y: jnp.broadcast_arrays(x, y), ANY, SQUARE),
    "broadcast_to": (lambda x: jnp.broadcast_to(x, (2, 3)), ANY),
    "choose": (
        lambda x, y: jnp.choose(INDICES // 2, [x, y], mode="clip"),
        ANY,
        OTHER,
    ),
    "clip": (lambda x: jnp.clip(x, -0.5, 1.0), ANY),
    "column_stack": (lambda x, y: jnp.column_stack([x, y]), ANY, SQUARE),
    "compress": (lambda x: jnp.compress(MASK, x, 0, size=2), SQUARE),
    "concat": (lambda x, y: jnp.concat([x, y]), ANY, VECTOR),
    "concatenate": (lambda x, y: jnp.concatenate([x, y], 1), MATRIX, SQUARE),
    "convolve": (ANY, VECTOR),
    "correlate": (ANY, VECTOR),
    "cross": (ANY, OTHER),
    "cumulative_prod": (lambda x: jnp.cumulative_prod(x, axis=1), MATRIX),
    "cumulative_sum": (
        lambda x: jnp.cumulative_sum(x, axis=0, include_initial=True),
        MATRIX,
    ),
    "delete": (lambda x: jnp.delete(x, 1, 0), MATRIX),
    "dot": (MATRIX.T, SQUARE),
    "dsplit": (lambda x: jnp.dsplit(x, 2), BATCH),
    "dstack": (lambda x, y: jnp.dstack([x, y]), MATRIX, 2 * MATRIX),
    "einsum": (lambda x, y: jnp.einsum("bij,jk->bk", x, y), BATCH, MATRIX.T),
    "einsum: three": (
        lambda x, y, z: jnp.einsum("bij,kj,kl->il", x, y, z),
        BATCH,
        MATRIX,
        SQUARE,
    ),
    "einsum: diagonal": (lambda x: jnp.einsum("ii->i", x), SQUARE),
    "einsum: trace": (lambda x, y: jnp.einsum("ii,j", x, y), SQUARE, ANY),
    "empty_like": (lambda x: x + 0 * jnp.empty_like(x), ANY),
    "expand_dims": (lambda x: jnp.expand_dims(x, (0, 2)), ANY),
    "extract": (lambda x: jnp.extract(MASK, x, size=2), ANY),
    "fill_diagonal": (
        lambda x, v: jnp.fill_diagonal(x, v, inplace=False),
        SQUARE,
        ANY,
    ),
    "float_power": (POSITIVE, OTHER),
    "full": (lambda x: jnp.full((2, 3), x), ANY),
    "full_like": (lambda x: jnp.full_like(x, x[0]), ANY),
    "geomspace": (lambda a, b: jnp.geomspace(a, b, 4), POSITIVE, LARGER),
    "hamming": (lambda x: x * jnp.hamming(3), ANY),
    "histogram": (
        lambda w: jnp.histogram(ANY, bins=3, weights=w)[0],
        POSITIVE,
    ),
    "histogram2d": (
        lambda w: jnp.histogram2d(ANY, OTHER, bins=2, weights=w)[0],
        POSITIVE,
    ),
    "histogram_bin_edges": (lambda x: jnp.histogram_bin_edges(x, bins=3), ANY),
    "histogramdd": (
        lambda w: jnp.histogramdd(SQUARE, bins=2, weights=w)[0],
        POSITIVE,
    ),
    "hsplit": (lambda x: jnp.hsplit(x, 2), MATRIX),
    "hstack": (lambda x, y: jnp.hstack([x, y]), MATRIX, SQUARE),
    "identity": (lambda x: x * jnp.identity(3), ANY),
    "imag: complex": (jnp.imag, COMPLEX),
    "inner": (MATRIX, BATCH),
    "insert": (lambda x, v: jnp.insert(x, 1, v, 1), SQUARE, ANY),
    "interp": (
        lambda x, xp, fp: jnp.interp(x, xp, fp),
        INSIDE * 3,
        POSITIVE,
        OTHER,
    ),
    "kaiser": (lambda b: jnp.kaiser(4, b), POSITIVE[1]),
    "kron": (MATRIX, SQUARE),
    "ldexp": (lambda x: jnp.ldexp(x, INDICES), ANY),
    "linspace": (lambda a, b: jnp.linspace(a, b, 4), ANY, OTHER),
    "log: complex": (jnp.log, COMPLEX),
    "logspace": (lambda a, b: jnp.logspace(a, b, 4), INSIDE, POSITIVE),
    "matmul": (BATCH, MATRIX.T),
    "matvec": (MATRIX, VECTOR[:4]),
    "meshgrid": (ANY, VECTOR),
    "moveaxis": (lambda x: jnp.moveaxis(x, 0, 2), BATCH),
    "nanpercentile": (lambda x: jnp.nanpercentile(x, 30.0), WITH_NAN),
    "nanquantile": (lambda x: jnp.nanquantile(x, 0.3), WITH_NAN),
    "nansum: nan": (jnp.nansum, WITH_NAN),
    "nanmax: nan": (jnp.nanmax, WITH_NAN),
    "nanmean: nan": (jnp.nanmean, WITH_NAN),
    "outer": (ANY, VECTOR),
    "pad": (lambda x: jnp.pad(x, 1), MATRIX),
    "pad: modes": (
        lambda x: [
            jnp.pad(x, 2, mode)
            for mode in ("edge", "linear_ramp", "maximum", "mean", "median", "reflect")
        ],
        ANY,
    ),
    "pad: more modes": (
        lambda x: [jnp.pad(x, 2, mode) for mode in ("symmetric", "wrap", "empty")],
        ANY,
    ),
    "partition": (lambda x: jnp.partition(x, 2), VECTOR),
    "percentile": (lambda x: jnp.percentile(x, 30.0, axis=1), MATRIX),
    "permute_dims": (lambda x: jnp.permute_dims(x, (2, 0, 1)), BATCH),
    "piecewise": (
        lambda x: jnp.piecewise(x, [x < 0, x > 1], [jnp.sin, jnp.exp, 0.0]),
        ANY,
    ),
    "place": (lambda x, v: jnp.place(x, MASK, v, inplace=False), ANY, OTHER),
    "poly": (ANY,),
    "polyadd": (ANY, VECTOR),
    "polyder": (VECTOR,),
    "polydiv": (VECTOR, ANY),
    "polyfit": (lambda x, y: jnp.polyfit(x, y, 2), VECTOR, VECTOR[::-1].copy()),
    "polyint": (ANY,),
    "polymul": (ANY, VECTOR),
    "polysub": (ANY, VECTOR),
    "polyval": (ANY, VECTOR),
    "pow": (POSITIVE, OTHER),
    "power": (POSITIVE, OTHER),
    "power: integer": (lambda x: jnp.power(x, 3), ANY),
    "put": (lambda x, v: jnp.put(x, INDICES[:2], v, inplace=False), VECTOR, ANY[:2]),
    "put_along_axis": (
        lambda x, v: jnp.put_along_axis(x, INDICES[None], v, 1, inplace=False),
        MATRIX[:1],
        OTHER[None],
    ),
    "quantile": (lambda x, q: jnp.quantile(x, q), VECTOR, INSIDE),
    "real: complex": (jnp.real, COMPLEX),
    "repeat": (lambda x: jnp.repeat(x, 2, 1), MATRIX),
    "repeat: counts": (
        lambda x: jnp.repeat(x, INDICES, total_repeat_length=4),
        ANY,
    ),
    "reshape": (lambda x: jnp.reshape(x, (2, 6)), MATRIX),
    "resize": (lambda x: jnp.resize(x, (2, 5)), ANY),
    "roll": (lambda x: jnp.roll(x, (1, 2), (0, 1)), MATRIX),
    "rollaxis": (lambda x: jnp.rollaxis(x, 2), BATCH),
    "roots": (lambda x: jnp.roots(x, strip_zeros=False), VECTOR[:4]),
    "select": (
        lambda x, y: jnp.select([MASK, ~MASK], [x, y], 0.0),
        ANY,
        OTHER,
    ),
    "sort_complex": (COMPLEX,),
    "split": (lambda x: jnp.split(x, [1, 3], 1), MATRIX),
    "stack": (lambda x, y: jnp.stack([x, y], 1), ANY, OTHER),
    "swapaxes": (lambda x: jnp.swapaxes(x, 0, 2), BATCH),
    "take": (lambda x: jnp.take(x, INDICES, 1), MATRIX),
    "take: fill": (lambda x: jnp.take(x, INDICES + 1, mode="fill"), ANY),
    "take_along_axis": (
        lambda x: jnp.take_along_axis(x, jnp.argsort(x, 1), 1),
        MATRIX,
    ),
    "tensordot": (lambda x, y: jnp.tensordot(x, y, 2), BATCH, BATCH[0]),
    "tile": (lambda x: jnp.tile(x, (2, 2)), MATRIX),
    "trapezoid": (VECTOR,),
    "tri": (lambda x: x * jnp.tri(3), ANY),
    "unwrap": (2 * VECTOR,),
    "vander": (ANY,),
    "vdot": (COMPLEX, COMPLEX[::-1].copy()),
    "vecdot": (MATRIX, BATCH),
    "vecmat": (ANY, MATRIX),
    "vectorize": (
        lambda x, y: jnp.vectorize(jnp.dot, signature="(n),(n)->()")(x, y),
        SQUARE,
        ANY,
    ),
    "vsplit": (lambda x: jnp.vsplit(x, 3), MATRIX),
    "vstack": (lambda x, y: jnp.vstack([x, y]), ANY, SQUARE),
    "where": (lambda x, y: jnp.where(x > y, x, y), ANY, OTHER),
    "zeros_like": (lambda x: x + jnp.zeros_like(x), ANY),
    # Newer than some versions
    "minmax": (lambda x: jnp.minmax(x), MATRIX),
    "top_k": (lambda x: jnp.top_k(x, 2)[0], MATRIX),
    # Indexing, which is no function by name
    "ndarray.at: add": (lambda x, v: x.at[INDICES].add(v), VECTOR, ANY),
    "ndarray.at: divide": (lambda x, v: x.at[:2].divide(v), VECTOR, OTHER[:2]),
    "ndarray.at: get": (lambda x: x.at[INDICES].get(mode="fill"), VECTOR),
    "ndarray.at: max": (lambda x, v: x.at[1:4].max(v), VECTOR, ANY),
    "ndarray.at: min": (lambda x, v: x.at[1:4].min(v), VECTOR, ANY),
    "ndarray.at: multiply": (
        lambda x, v: x.at[jnp.array([0, 2])].multiply(v, unique_indices=True),
        MATRIX,
        MATRIX[:2],
    ),
    "ndarray.at: power": (lambda x: x.at[jnp.array([0, 2])].power(3.0), POSITIVE),
    "ndarray.at: set": (lambda x, v: x.at[INDICES[:2]].set(v), VECTOR, ANY[:2]),
    "ndarray.at: subtract": (lambda x, v: x.at[INDICES].subtract(v), VECTOR, ANY),
    "ndarray: slices": (lambda x: [x[1:, ::-2], x[..., None, 1]], BATCH),
    "ndarray: mixed indices": (lambda x: x[:, INDICES, 1:3], BATCH),
    "ndarray: traced index": (
        lambda x: x[jnp.argmax(x)] * lax.stop_gradient(x),
        VECTOR,
    ),
}

LINALG = {
    "cholesky": (SYMMETRIC,),
    "cond": (SQUARE,),
    "cross": (ANY, OTHER),
    "det": (SQUARE,),
    "det: batch": (linalg.det, CUBE),
    "diagonal": (BATCH,),
    "eigh": (lambda x: linalg.eigh(x), SYMMETRIC),
    "eigvals": (SQUARE,),
    "eigvalsh": (SYMMETRIC,),
    "inv": (SQUARE,),
    "lstsq": (lambda a, b: linalg.lstsq(a, b)[0], MATRIX.T, VECTOR[:4]),
    "matmul": (MATRIX, MATRIX.T),
    "matrix_norm": (MATRIX,),
    "matrix_norm: orders": (
        lambda x: [linalg.matrix_norm(x, ord=p) for p in (1, -1, 2, "nuc", "fro")],
        MATRIX,
    ),
    "matrix_power": (lambda x: linalg.matrix_power(x, 3), SQUARE),
    "matrix_power: inverse": (lambda x: linalg.matrix_power(x, -2), SQUARE),
    "matrix_transpose": (BATCH,),
    "multi_dot": (lambda x, y, z: linalg.multi_dot([x, y, z]), MATRIX, MATRIX.T, ANY),
    "norm": (VECTOR,),
    "norm: orders": (
        lambda x: [linalg.norm(x, p) for p in (1, 3, jnp.inf, -jnp.inf)],
        VECTOR,
    ),
    "outer": (ANY, VECTOR),
    "pinv": (MATRIX,),
    "qr": (lambda x: linalg.qr(x), MATRIX.T),
    "slogdet": (SQUARE,),
    "slogdet: complex": (
        lambda x, y: linalg.slogdet(lax.complex(x, y)),
        SQUARE,
        SYMMETRIC,
    ),
    "solve": (SQUARE, SYMMETRIC),
    "solve: batch": (linalg.solve, CUBE, CUBE[:, ::-1].copy()),
    "svd": (lambda x: linalg.svd(x, full_matrices=False), MATRIX),
    "svdvals": (MATRIX,),
    "tensordot": (lambda x, y: linalg.tensordot(x, y, axes=1), BATCH, MATRIX.T),
    "tensorinv": (lambda x: linalg.tensorinv(x, 1), SQUARE),
    "tensorsolve": (SQUARE, ANY),
    "trace": (SQUARE,),
    "vecdot": (MATRIX, MATRIX[::-1].copy()),
    "vector_norm": (VECTOR,),
}

FFT_NAMES = "fft fft2 fftn fftshift ifft ifft2 ifftn ifftshift"
REAL_FFT_NAMES = "ihfft rfft rfft2 rfftn"
BACK_TO_REAL_NAMES = "hfft irfft irfft2 irfftn"

FFT = {
    **{
        name: (
            lambda x, y, name=name: getattr(fft, name)(lax.complex(x, y)),
            MATRIX,
            2 * MATRIX,
        )
        for name in [*FFT_NAMES.split(), *BACK_TO_REAL_NAMES.split()]
    },
    **dict.fromkeys(REAL_FFT_NAMES.split(), (MATRIX,)),
    "fft: options": (lambda x: fft.fft(x, 5, 0, "ortho"), MATRIX),
    "irfft: odd": (lambda x: fft.irfft(x, 5), COMPLEX),
}
