"""Operations with regions and indices: their primitives and their derivatives."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
import pytest
from jax import lax
from jax import numpy as jnp
from jax.lax import GatherDimensionNumbers, ScatterDimensionNumbers

from tests.stablehlo.agreement import check_agrees, primitives
from tests.stablehlo.exported import exported

F32, F64, C64, BF16 = np.float32, np.float64, np.complex64, jnp.bfloat16


def numbers(*shape: int, dtype: Any = F32) -> Any:
    """Numbers between -1 and 1, no two equal."""
    x = np.sin(np.arange(np.prod(shape)) * 1.7 + 0.3).reshape(shape)
    if np.issubdtype(dtype, np.complexfloating):
        x = x + 1j * x[::-1]
    return x.astype(dtype)


@dataclass(frozen=True)
class Case:
    """A function, what it is applied to, and a primitive that its module has."""

    name: str
    primitive: str
    f: Any
    args: tuple[Any, ...]


ROWS = GatherDimensionNumbers((1,), (0,), (0,))
INTO_ROWS = ScatterDimensionNumbers((1,), (0,), (0,))
BATCHED = GatherDimensionNumbers((), (1,), (1,), (0,), (0,))
INTO_BATCHED = ScatterDimensionNumbers((), (1,), (1,), (0,), (0,))
SOME = np.array([[3], [0], [3]], np.int32)
OUTSIDE = np.array([[3], [9], [-2]], np.int32)
APART = np.array([[2], [0], [3]], np.int32)
X, U = numbers(4, 5), numbers(3, 5)
XY = numbers(4, 5, dtype=C64)
IMAGE, KERNEL = numbers(2, 4, 5, 6), numbers(4, 2, 3, 2)


def scattered(scatter: Any, dtype: Any = F32, at: Any = SOME, **how: Any) -> Any:
    return (
        lambda x, u, i: scatter(x, i, u, INTO_ROWS, **how),
        (numbers(4, 5, dtype=dtype), numbers(3, 5, dtype=dtype), at),
    )


def convolved(**how: Any) -> Any:
    return lambda x, k: lax.conv_general_dilated(
        x, k, **{"window_strides": (1, 2), "padding": ((1, 0), (2, 1)), **how}
    )


def windows(start: Any, combine: Any, *how: Any, **more: Any) -> Any:
    how = how or ((2, 3), (1, 2), "SAME")
    return lambda x: lax.reduce_window(x, x.dtype.type(start), combine, *how, **more)


def pulled(f: Any) -> Any:
    return lambda x, c: jax.vjp(f, x)[1](c)[0]


INDEXING = [
    Case("take", "gather", lambda x, i: x[i], (X, SOME[:, 0])),
    Case(
        "gather at constants",
        "gather",
        lambda x: lax.gather(x, SOME, ROWS, (1, 5)),
        (X,),
    ),
    Case(
        "gather, clipped",
        "gather",
        lambda x, i: lax.gather(x, i, ROWS, (1, 5), mode="clip"),
        (numbers(4, 5, dtype=F64), OUTSIDE),
    ),
    Case(
        "gather, filled",
        "gather",
        lambda x, i: lax.gather(x, i, ROWS, (1, 5), mode="fill", fill_value=7),
        (XY, OUTSIDE),
    ),
    Case(
        "gather in batches",
        "gather",
        lambda x, i: lax.gather(x, i, BATCHED, (1, 1)),
        (X, numbers(4, 2, 1).argsort(1).astype(np.int32)),
    ),
    Case("set", "scatter", *scattered(lax.scatter, at=OUTSIDE)),
    Case("set twice", "scatter", *scattered(lax.scatter)),
    Case("add", "scatter-add", *scattered(lax.scatter_add)),
    Case("add complex", "scatter-add", *scattered(lax.scatter_add, C64, OUTSIDE)),
    Case("add, clipped", "scatter-add", *scattered(lax.scatter_add, mode="clip")),
    Case("subtract", "scatter-sub", *scattered(lax.scatter_sub, F64)),
    Case(
        "multiply",
        "scatter-mul",
        *scattered(lax.scatter_mul, at=APART, unique_indices=True),
    ),
    Case("least", "scatter-min", *scattered(lax.scatter_min)),
    Case("greatest", "scatter-max", *scattered(lax.scatter_max, BF16)),
    Case(
        "add in batches",
        "scatter-add",
        lambda x, i, u: lax.scatter_add(x, i, u, INTO_BATCHED),
        (X, SOME[[0, 1, 2, 1], None] * 0 + 1, numbers(4, 1)),
    ),
]

SORTING = [
    Case("sort", "sort", lambda x: lax.sort(x, dimension=0), (X,)),
    Case("sort float64", "sort", lax.sort, (numbers(4, 5, dtype=F64),)),
    Case("sort complex", "sort", lax.sort, (XY,)),
    Case("sort bfloat16", "sort", lax.sort, (numbers(2, 3, dtype=BF16),)),
    Case(
        "sort by two",
        "sort",
        lambda x, k: lax.sort((k, x, x * x), num_keys=2, is_stable=False),
        (X, SOME.ravel()[[0, 1, 2, 1, 0]] * np.ones((4, 1), np.int32)),
    ),
    Case("sort descending", "sort", lambda x: -jnp.sort(-x), (X,)),
    Case("top_k", "top_k", lambda x: lax.top_k(x, 2), (X,)),
    Case("top_k of columns", "top_k", lambda x: lax.top_k(x, 2, axis=0)[0], (X,)),
    Case("median", "sort", lambda x: jnp.median(x, axis=1), (X,)),
]

WINDOWS = [
    Case("sum", "reduce_window_sum", windows(0, lax.add), (X,)),
    Case("sum complex", "reduce_window_sum", windows(0, lax.add), (XY,)),
    Case("max", "reduce_window_max", windows(-np.inf, lax.max), (X,)),
    Case("min", "reduce_window_min", windows(np.inf, lax.min), (X,)),
    Case(
        "max with holes",
        "reduce_window_max",
        windows(
            -np.inf, lax.max, (2, 2), (1, 2), ((0, 1), (1, 0)), base_dilation=(2, 1)
        ),
        (numbers(4, 5, dtype=F64),),
    ),
    Case(
        "pull of max",
        "select_and_scatter_add",
        pulled(windows(-np.inf, lax.max)),
        (X, numbers(4, 3)),
    ),
    Case("cumsum", "cumsum", lambda x: jnp.cumsum(x, 1), (X,)),
    Case("cumsum, reverse", "cumsum", lambda x: lax.cumsum(x, 0, reverse=True), (XY,)),
    Case("cumprod", "cumprod", lambda x: lax.cumprod(x, 1), (X,)),
    Case("cummax", "cummax", lambda x: lax.cummax(x, 1), (X,)),
    Case("cummin", "cummin", lambda x: lax.cummin(x, 0, reverse=True), (X,)),
    Case("cumlogsumexp", "cumlogsumexp", lambda x: lax.cumlogsumexp(x, 1), (X,)),
]

CONVOLUTIONS = [
    Case("plain", "conv_general_dilated", convolved(), (IMAGE, numbers(3, 4, 3, 2))),
    Case(
        "dilated",
        "conv_general_dilated",
        convolved(lhs_dilation=(2, 1), rhs_dilation=(1, 2)),
        (IMAGE, numbers(3, 4, 3, 2)),
    ),
    Case(
        "groups of features",
        "conv_general_dilated",
        convolved(feature_group_count=2),
        (IMAGE, KERNEL),
    ),
    Case(
        "groups of batches",
        "conv_general_dilated",
        convolved(batch_group_count=2),
        (IMAGE, numbers(4, 4, 3, 2)),
    ),
    Case(
        "channels last",
        "conv_general_dilated",
        convolved(dimension_numbers=("NHWC", "HWIO", "NHWC"), precision="highest"),
        (numbers(2, 5, 6, 4), numbers(3, 2, 4, 3)),
    ),
    Case("fft", "fft", lambda x: jnp.fft.fft(x), (XY,)),
    Case("ifft", "fft", lambda x: jnp.fft.ifft2(x), (XY,)),
    Case("rfft", "fft", lambda x: jnp.fft.rfft2(x), (X,)),
    Case("irfft", "fft", lambda x: jnp.fft.irfft(x, 8), (XY,)),
]

REDUCTIONS = [
    Case("argmax", "argmax", lambda x: x.max(1) * jnp.argmax(x, 1).astype(F32), (X,)),
    Case("argmin", "argmin", lambda x: (x, lax.argmin(x, 0, np.int8)), (X,)),
    Case("bfloat16", "reduce_sum", lambda x: x.sum(0), (numbers(4, 5, dtype=BF16),)),
    Case(
        "norm",
        "reduce",
        lambda x: lax.reduce(x, F32(0), lambda a, b: lax.sqrt(a * a + b * b), (1,)),
        (X,),
    ),
    Case(
        "two together",
        "reduce",
        lambda x, y: lax.reduce(
            (x, y),
            (F32(1), F32(0)),
            lambda a, b: (a[0] * b[0], a[1] * b[0] + a[0] * b[1]),
            (1,),
        ),
        (X, 2 * X),
    ),
]

CASES = [*INDEXING, *SORTING, *WINDOWS, *CONVOLUTIONS, *REDUCTIONS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_an_operation_is_its_primitive_and_agrees_with_the_source(case: Case) -> None:
    module = exported(case.f, *case.args)
    names = primitives(module)
    assert case.primitive in names
    assert "stablehlo_operation" not in names
    check_agrees(module, case.f, case.args)
