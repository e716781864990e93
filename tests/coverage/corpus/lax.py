"""Rows of ``jax.lax``, ``jax.lax.linalg``, ``jax.ops`` and control flow."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax
from jax.experimental.ode import odeint
from jax.sharding import SingleDeviceSharding

from tests.coverage.corpus.values import (
    ANY,
    BATCH,
    COMPLEX,
    CUBE,
    IMAGE,
    INDICES,
    INSIDE,
    KERNEL,
    LARGER,
    MASK,
    MATRIX,
    OTHER,
    OVER_ONE,
    POSITIVE,
    SQUARE,
    SYMMETRIC,
    VECTOR,
)

ELEMENTWISE_NAMES = """
    abs asinh atan bessel_i0e bessel_i1e cbrt ceil conj cos cosh digamma erf erfc exp
    exp2 expm1 floor lgamma logistic neg reciprocal round sign sin sinh square stage
    stop_gradient tan tanh
"""
ON_POSITIVE_NAMES = "log log1p log2 rsqrt sqrt"
ON_INSIDE_NAMES = "acos asin atanh erf_inv one_minus_square"
BINARY_NAMES = "add atan2 complex div max min mul rem sub"
COMPLEX_NAMES = """
    abs acos acosh asin asinh atan atanh conj cos cosh exp expm1 imag log log1p logistic
    neg real rsqrt sign sin sinh sqrt square tan tanh
"""

ROLES = ("NHWC", "HWIO", "NHWC")
WINDOW = ((1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def _convolution(x, w, **options):
    return lax.conv_general_dilated(
        x, w, options.pop("window_strides", (1, 1)), "SAME", **options
    )


ELEMENTWISE = {
    **dict.fromkeys(ELEMENTWISE_NAMES.split(), (ANY,)),
    **dict.fromkeys(ON_POSITIVE_NAMES.split(), (POSITIVE,)),
    **dict.fromkeys(ON_INSIDE_NAMES.split(), (INSIDE,)),
    **dict.fromkeys(BINARY_NAMES.split(), (ANY, OTHER)),
    **{
        f"{name}: complex": (getattr(lax, name), COMPLEX)
        for name in COMPLEX_NAMES.split()
    },
    "acosh": (OVER_ONE,),
    "betainc": (lambda x: lax.betainc(POSITIVE, LARGER, x), INSIDE),
    "clamp": (lambda x: lax.clamp(-0.5, x, 1.0), ANY),
    "convert_element_type": (lambda x: lax.convert_element_type(x, "float32"), ANY),
    "igamma": (OVER_ONE, POSITIVE),
    "igammac": (OVER_ONE, POSITIVE),
    "bitcast_convert_type": (
        lambda x: lax.bitcast_convert_type(
            lax.bitcast_convert_type(x, "int64"), "float64"
        ),
        ANY,
    ),
    "integer_pow": (lambda x: lax.integer_pow(x, -3), ANY),
    "polygamma": (lambda x: lax.polygamma(jnp.full(3, 2.0), x), POSITIVE),
    "pow": (POSITIVE, OTHER),
    "random_gamma_grad": (lambda x: lax.random_gamma_grad(LARGER, x), POSITIVE),
    "reduce_precision": (lambda x: lax.reduce_precision(x, 11, 52), ANY),
    "select": (lambda x, y: lax.select(MASK, x, y), ANY, OTHER),
    "select_n": (lambda x, y, z: lax.select_n(INDICES, x, y, z), ANY, OTHER, POSITIVE),
}

SHAPES = {
    "broadcast": (lambda x: lax.broadcast(x, (2,)), ANY),
    "broadcast_in_dim": (lambda x: lax.broadcast_in_dim(x, (3, 2), (0,)), ANY),
    "broadcast_like": (lambda x: lax.broadcast_like(x, MATRIX.T), ANY),
    "broadcast_to_rank": (lambda x: lax.broadcast_to_rank(x, 3), ANY),
    "collapse": (lambda x: lax.collapse(x, 1), BATCH),
    "concatenate": (lambda x, y: lax.concatenate([x, y], 1), MATRIX, SQUARE),
    "dynamic_index_in_dim": (lambda x: lax.dynamic_index_in_dim(x, 2, 1), MATRIX),
    "dynamic_slice": (lambda x, i: lax.dynamic_slice(x, (0, i), (2, 3)), MATRIX, 2),
    "dynamic_slice_in_dim": (
        lambda x, i: lax.dynamic_slice_in_dim(x, i, 2, 1),
        MATRIX,
        3,
    ),
    "dynamic_update_index_in_dim": (
        lambda x, u, i: lax.dynamic_update_index_in_dim(x, u, i, 0),
        SQUARE,
        ANY,
        1,
    ),
    "dynamic_update_slice": (
        lambda x, u, i: lax.dynamic_update_slice(x, u, (i, 0)),
        MATRIX,
        CUBE[0],
        2,
    ),
    "dynamic_update_slice_in_dim": (
        lambda x, u: lax.dynamic_update_slice_in_dim(x, u, 1, 0),
        VECTOR,
        ANY,
    ),
    "expand_dims": (lambda x: lax.expand_dims(x, (0,)), ANY),
    "full": (lambda x: lax.full((2, 3), x[0]), ANY),
    "full_like": (lambda x: lax.full_like(MATRIX, x[1]), ANY),
    "gather": (lambda x: x[INDICES, INDICES], SQUARE),
    "index_in_dim": (lambda x: lax.index_in_dim(x, 1, 1), MATRIX),
    "index_take": (
        lambda x: lax.index_take(x, (INDICES, INDICES[::-1].copy()), (0, 1)),
        SQUARE,
    ),
    "optimization_barrier": (lambda x, y: lax.optimization_barrier((x, y)), ANY, OTHER),
    "pad": (lambda x, v: lax.pad(x, v, [(1, -1, 1), (0, 2, 0)]), MATRIX, OTHER[0]),
    "reshape": (lambda x: lax.reshape(x, (2, 6), (1, 0)), MATRIX),
    "rev": (lambda x: lax.rev(x, (0,)), MATRIX),
    "slice": (lambda x: lax.slice(x, (0, 1), (3, 4), (2, 2)), MATRIX),
    "slice_in_dim": (lambda x: lax.slice_in_dim(x, 1, -1, axis=1), MATRIX),
    "split": (lambda x: lax.split(x, (1, 3), axis=1), MATRIX),
    "squeeze": (lambda x: lax.squeeze(x[None], (0,)), ANY),
    "stack": (lambda x, y: lax.stack([x, y], axis=1), ANY, OTHER),
    "tile": (lambda x: lax.tile(x, (2, 1)), MATRIX),
    "transpose": (lambda x: lax.transpose(x, (2, 0, 1)), BATCH),
    "unstack": (lambda x: lax.unstack(x, axis=1), MATRIX),
}

SCATTER_NUMBERS = lax.ScatterDimensionNumbers((1,), (0,), (0,))
AT = INDICES[:2, None]


def _scattered(name):
    def scattered(x, u):
        return getattr(lax, name)(x, AT, u, SCATTER_NUMBERS, unique_indices=True)

    return scattered, SQUARE, MATRIX[:2, :3]


INDEXED = {
    **{
        name: _scattered(name)
        for name in [
            "scatter",
            "scatter_add",
            "scatter_max",
            "scatter_min",
            "scatter_mul",
            "scatter_sub",
        ]
    },
    "approx_max_k": (lambda x: lax.approx_max_k(x, 2)[0], VECTOR),
    "approx_min_k": (lambda x: lax.approx_min_k(x, 2)[0], VECTOR),
    "sort": (lambda x, y: lax.sort((x, y), num_keys=1), VECTOR, VECTOR**2),
    "sort_key_val": (lambda x, y: lax.sort_key_val(x, y), VECTOR, VECTOR**2),
    "top_k": (lambda x: lax.top_k(x, 2)[0], MATRIX),
}

REDUCTIONS = {
    **dict.fromkeys(
        ["cumlogsumexp", "cummax", "cummin", "cumprod", "cumsum"], (MATRIX,)
    ),
    **{
        name: (lambda x, name=name: getattr(lax, name)(x, (0,)), MATRIX)
        for name in ["reduce_max", "reduce_min", "reduce_prod", "reduce_sum"]
    },
    "reduce": (lambda x: lax.reduce(x, 0.0, lax.add, (1,)), MATRIX),
    "reduce: max": (lambda x: lax.reduce(x, -jnp.inf, lax.max, (1,)), MATRIX),
    "reduce: mul": (lambda x: lax.reduce(x, 1.0, lax.mul, (1,)), MATRIX),
    "reduce: any": (
        lambda x: lax.reduce(x, 0.0, lambda a, b: a + b + 0.1 * a * b, (1,)),
        MATRIX,
    ),
    "reduce_window": (lambda x: lax.reduce_window(x, 0.0, lax.add, *WINDOW), IMAGE),
    "reduce_window: max": (
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, *WINDOW),
        IMAGE,
    ),
    "reduce_window: min": (
        lambda x: lax.reduce_window(x, jnp.inf, lax.min, *WINDOW),
        IMAGE,
    ),
    "reduce_window: mul": (
        lambda x: lax.reduce_window(x, 1.0, lax.mul, *WINDOW),
        IMAGE,
    ),
}

CONTRACTIONS = {
    "batch_matmul": (CUBE, CUBE[:, ::-1].copy()),
    "conv": (
        lambda x, w: lax.conv(x, w, (1, 2), "SAME"),
        IMAGE.transpose(0, 3, 1, 2),
        KERNEL.transpose(3, 2, 0, 1),
    ),
    "conv_general_dilated": (
        lambda x, w: _convolution(
            x, w, window_strides=(2, 1), rhs_dilation=(1, 2), dimension_numbers=ROLES
        ),
        IMAGE,
        KERNEL,
    ),
    "conv_general_dilated: groups": (
        lambda x, w: _convolution(x, w, feature_group_count=2, dimension_numbers=ROLES),
        IMAGE,
        KERNEL[:, :, :1].repeat(2, 3),
    ),
    "conv_general_dilated_local": (
        lambda x, w: lax.conv_general_dilated_local(
            x, w, (1,), "VALID", (2,), dimension_numbers=("NWC", "WIO", "NWC")
        ),
        BATCH,
        BATCH.reshape(2, 12)[:, :8, None].repeat(2, 2),
    ),
    "conv_general_dilated_patches": (
        lambda x: lax.conv_general_dilated_patches(
            x, (2, 2), (1, 1), "VALID", dimension_numbers=ROLES
        ),
        IMAGE,
    ),
    "conv_transpose": (
        lambda x, w: lax.conv_transpose(x, w, (2, 1), "SAME", dimension_numbers=ROLES),
        IMAGE,
        KERNEL,
    ),
    "conv_with_general_padding": (
        lambda x, w: lax.conv_with_general_padding(
            x, w, (1, 1), [(1, 0), (0, 1)], (2, 1), (1, 1)
        ),
        IMAGE.transpose(0, 3, 1, 2),
        KERNEL.transpose(3, 2, 0, 1),
    ),
    "dot": (MATRIX, MATRIX.T),
    "dot_general": (
        lambda x, y: lax.dot_general(x, y, (((2,), (1,)), ((0,), (0,)))),
        BATCH,
        BATCH.transpose(0, 2, 1),
    ),
    "fft": (lambda x: lax.fft(x, "RFFT", (4,)), MATRIX),
    "ragged_dot": (
        lambda x, y: lax.ragged_dot(x, y, jnp.array([1, 2])),
        MATRIX,
        BATCH.transpose(0, 2, 1),
    ),
    "ragged_dot_general": (
        lambda x, y: lax.ragged_dot_general(
            x,
            y,
            jnp.array([1, 2]),
            lax.RaggedDotDimensionNumbers((((1,), (1,)), ((), ())), [0], [0]),
        ),
        MATRIX,
        BATCH.transpose(0, 2, 1),
    ),
}

LINALG = {
    "cholesky": (SYMMETRIC,),
    "eig": (
        lambda x: lax.linalg.eig(
            x, compute_left_eigenvectors=False, enable_eigvec_derivs=True
        ),
        SQUARE,
    ),
    "eigh": (SYMMETRIC,),
    "lu": (lambda x: lax.linalg.lu(x)[0], SQUARE),
    "qdwh": (lambda x: lax.linalg.qdwh(x)[:2], SQUARE),
    "qr": (lambda x: lax.linalg.qr(x, full_matrices=False), MATRIX.T),
    "svd": (lambda x: lax.linalg.svd(x, full_matrices=False), MATRIX),
    "triangular_solve": (
        lambda a, b: lax.linalg.triangular_solve(a, b, left_side=True, lower=True),
        SQUARE,
        MATRIX,
    ),
    "tridiagonal_solve": (
        lambda dl, d, du, b: lax.linalg.tridiagonal_solve(
            dl * jnp.array([0.0, 1, 1]), d + 4.0, du * jnp.array([1.0, 1, 0]), b
        ),
        ANY,
        POSITIVE,
        OTHER,
        MATRIX,
    ),
}


PLACE = SingleDeviceSharding(jax.devices()[0])


def _tangent_of_root(solve, y):
    return y / solve(1.0)


LOOPS = {
    "dce_sink": (lambda x: (lax.dce_sink(x), x * x)[1], ANY),
    "with_sharding_constraint": (
        lambda x: lax.with_sharding_constraint(x, PLACE) * x,
        ANY,
    ),
    "associative_scan": (lambda x: lax.associative_scan(lax.mul, x), VECTOR),
    "cond": (
        lambda x, y: lax.cond(x[0] > 0, lambda a: a * y, lambda a: jnp.sin(a), x),
        ANY,
        OTHER,
    ),
    "custom_linear_solve": (
        lambda a, b: lax.custom_linear_solve(
            lambda x: a @ x,
            b,
            lambda matvec, b: jnp.linalg.inv(a) @ b,
            lambda vecmat, b: jnp.linalg.inv(a).T @ b,
        ),
        SQUARE,
        ANY,
    ),
    "custom_linear_solve: symmetric": (
        lambda a, b: lax.custom_linear_solve(
            lambda x: a @ x, b, lambda matvec, b: jnp.linalg.inv(a) @ b, symmetric=True
        ),
        SYMMETRIC,
        ANY,
    ),
    "custom_root": (
        lambda a: lax.custom_root(
            lambda x: x**2 - a,
            jnp.ones(()),
            lambda f, x: lax.fori_loop(0, 8, lambda i, x: x - f(x) / (2 * x), x),
            _tangent_of_root,
        ),
        POSITIVE[1],
    ),
    "fori_loop": (
        lambda x: lax.fori_loop(0, 3, lambda i, y: jnp.sin(y) * (i + 1.0), x),
        ANY,
    ),
    "map": (lambda x, w: lax.map(lambda v: jnp.tanh(w @ v), x), MATRIX.T, SQUARE),
    "platform_dependent": (
        lambda x: lax.platform_dependent(x, cpu=jnp.sin, default=jnp.cos),
        ANY,
    ),
    "scan": (
        lambda w, h, xs: lax.scan(lambda h, x: (jnp.tanh(w @ h + x), h.sum()), h, xs),
        SQUARE,
        ANY,
        MATRIX.T,
    ),
    "scan: reverse": (
        lambda h, xs: lax.scan(lambda h, x: (h * x, h), h, xs, reverse=True),
        ANY,
        MATRIX.T,
    ),
    "switch": (
        lambda x: lax.switch(1, [jnp.sin, jnp.cos, jnp.exp], x),
        ANY,
    ),
    "switch: traced": (
        lambda x, i: lax.switch(i, [jnp.sin, jnp.cos, jnp.exp], x),
        ANY,
        2,
    ),
    "while_loop": (
        lambda x: lax.while_loop(
            lambda carry: carry[1] < 3,
            lambda carry: (jnp.sin(carry[0]), carry[1] + 1),
            (x, 0),
        )[0],
        ANY,
    ),
}

TRANSFORMATIONS = {
    "checkpoint": (jax.checkpoint(lambda x: jnp.sin(jnp.sin(x))), ANY),
    "checkpoint: policy": (
        jax.checkpoint(
            lambda x, w: jnp.tanh(w @ jnp.sin(x)),
            policy=jax.checkpoint_policies.dots_saveable,
        ),
        ANY,
        SQUARE,
    ),
    "jit": (jax.jit(lambda x, y: jnp.sin(x) @ y), ANY, OTHER),
    "vmap": (jax.vmap(lambda x, y: x @ y, (0, None)), SQUARE, ANY),
    "named_call": (jax.named_call(lambda x: jnp.sin(x)), ANY),
    "closure_convert": (
        lambda x: jax.closure_convert(lambda y: y * x, x)[0](x, x),
        ANY,
    ),
    "linearize": (lambda x: jax.linearize(jnp.sin, x)[1](x), ANY),
    "grad": (jax.grad(lambda x: (jnp.sin(x) * x).sum()), ANY),
    "jvp": (lambda x, t: jax.jvp(jnp.tanh, (x,), (t,)), ANY, OTHER),
    "hessian": (jax.hessian(lambda x: (jnp.sin(x) * x).sum()), ANY),
    "experimental.ode.odeint": (
        lambda y, a: odeint(lambda y, t, a: -a * y, y, jnp.array([0.0, 1.0]), a),
        ANY,
        POSITIVE,
    ),
    "device_put": (lambda x: jax.device_put(x * 2.0), ANY),
}
OPS = {
    "associative_scan": (lambda x: lax.associative_scan(lax.mul, x), VECTOR),
    "cond": (
        lambda x, y: lax.cond(x[0] > 0, lambda a: a * y, lambda a: jnp.sin(a), x),
        ANY,
        OTHER,
    ),
    "custom_linear_solve": (
        lambda a, b: lax.custom_linear_solve(
            lambda x: a @ x,
            b,
            lambda matvec, b: jnp.linalg.inv(a) @ b,
            lambda vecmat, b: jnp.linalg.inv(a).T @ b,
        ),
        SQUARE,
        ANY,
    ),
    "custom_linear_solve: symmetric": (
        lambda a, b: lax.custom_linear_solve(
            lambda x: a @ x, b, lambda matvec, b: jnp.linalg.inv(a) @ b, symmetric=True
        ),
        SYMMETRIC,
        ANY,
    ),
    "custom_root": (
        lambda a: lax.custom_root(
            lambda x: x**2 - a,
            jnp.ones(()),
            lambda f, x: lax.fori_loop(0, 8, lambda i, x: x - f(x) / (2 * x), x),
            _tangent_of_root,
        ),
        POSITIVE[1],
    ),
    "fori_loop": (
        lambda x: lax.fori_loop(0, 3, lambda i, y: jnp.sin(y) * (i + 1.0), x),
        ANY,
    ),
    "map": (lambda x, w: lax.map(lambda v: jnp.tanh(w @ v), x), MATRIX.T, SQUARE),
    "platform_dependent": (
        lambda x: lax.platform_dependent(x, cpu=jnp.sin, default=jnp.cos),
        ANY,
    ),
    "scan": (
        lambda w, h, xs: lax.scan(lambda h, x: (jnp.tanh(w @ h + x), h.sum()), h, xs),
        SQUARE,
        ANY,
        MATRIX.T,
    ),
    "scan: reverse": (
        lambda h, xs: lax.scan(lambda h, x: (h * x, h), h, xs, reverse=True),
        ANY,
        MATRIX.T,
    ),
    "switch": (
        lambda x: lax.switch(1, [jnp.sin, jnp.cos, jnp.exp], x),
        ANY,
    ),
    "switch: traced": (
        lambda x, i: lax.switch(i, [jnp.sin, jnp.cos, jnp.exp], x),
        ANY,
        2,
    ),
    "while_loop": (
        lambda x: lax.while_loop(
            lambda carry: carry[1] < 3,
            lambda carry: (jnp.sin(carry[0]), carry[1] + 1),
            (x, 0),
        )[0],
        ANY,
    ),
}

TRANSFORMATIONS = {
    "checkpoint": (jax.checkpoint(lambda x: jnp.sin(jnp.sin(x))), ANY),
    "checkpoint: policy": (
        jax.checkpoint(
            lambda x, w: jnp.tanh(w @ jnp.sin(x)),
            policy=jax.checkpoint_policies.dots_saveable,
        ),
        ANY,
        SQUARE,
    ),
    "jit": (jax.jit(lambda x, y: jnp.sin(x) @ y), ANY, OTHER),
    "vmap": (jax.vmap(lambda x, y: x @ y, (0, None)), SQUARE, ANY),
    "named_call": (jax.named_call(lambda x: jnp.sin(x)), ANY),
    "closure_convert": (
        lambda x: jax.closure_convert(lambda y: y * x, x)[0](x, x),
        ANY,
    ),
    "linearize": (lambda x: jax.linearize(jnp.sin, x)[1](x), ANY),
    "grad": (jax.grad(lambda x: (jnp.sin(x) * x).sum()), ANY),
    "jvp": (lambda x, t: jax.jvp(jnp.tanh, (x,), (t,)), ANY, OTHER),
    "hessian": (jax.hessian(lambda x: (jnp.sin(x) * x).sum()), ANY),
    "experimental.ode.odeint": (
        lambda y, a: odeint(lambda y, t, a: -a * y, y, jnp.array([0.0, 1.0]), a),
        ANY,
        POSITIVE,
    ),
    "device_put": (lambda x: jax.device_put(x * 2.0), ANY),
}
OPS = {
    name: (
        lambda x, name=name: getattr(jax.ops, name)(x, INDICES[:2].repeat(2) // 2, 2),
        VECTOR[:4],
    )
    for name in ["segment_max", "segment_min", "segment_sum"]
}
