"""The laws for contractions: dot products, ragged ones, convolutions."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from tests.kinds import of_kinds
from tests.laws import Case, check_laws

RNG = np.random.default_rng(7)


def some(*shape: int, dtype: str = "float64") -> Any:
    """Normally distributed numbers."""
    values = RNG.standard_normal(shape)
    if "complex" in dtype:
        values = values + 1j * RNG.standard_normal(shape)
    return jnp.asarray(values, dtype)


def dot(contract: Any, batch: Any = ((), ()), **options: Any) -> Any:
    """``dot_general`` with given axes."""
    return lambda x, y: lax.dot_general(x, y, (contract, batch), **options)


MATMUL = dot(((1,), (0,)))
DEFAULT, HIGHEST = lax.Precision.DEFAULT, lax.Precision.HIGHEST
DOTS = [
    Case("matrices", MATMUL, (some(2, 3), some(3, 4))),
    Case("float32", MATMUL, (some(2, 3, dtype="float32"), some(3, 4, dtype="float32"))),
    Case(
        "bfloat16", MATMUL, (some(2, 3, dtype="bfloat16"), some(3, 4, dtype="bfloat16"))
    ),
    Case(
        "complex",
        MATMUL,
        (some(2, 3, dtype="complex128"), some(3, 4, dtype="complex128")),
    ),
    Case("vectors", dot(((0,), (0,))), (some(3), some(3))),
    Case("no axis in common", dot(((), ())), (some(2), some(3))),
    Case("a scalar", dot(((), ())), (some(), some(3))),
    Case("the same operand twice", lambda x: MATMUL(x, x), (some(3, 3),)),
    Case(
        "the same operand twice, rows", lambda x: dot(((1,), (1,)))(x, x), (some(2, 3),)
    ),
    Case("an inactive operand", lambda x: MATMUL(x, np.ones((3, 2))), (some(2, 3),)),
    Case("rows with rows", dot(((1,), (1,))), (some(2, 3), some(4, 3))),
    Case("columns with columns", dot(((0,), (0,))), (some(3, 2), some(3, 4))),
    Case("columns with rows", dot(((0,), (1,))), (some(3, 2), some(4, 3))),
    Case(
        "batches, and contracted axes in another order",
        dot(((4, 1), (0, 2)), ((2, 0), (3, 4))),
        (some(2, 3, 4, 2, 5), some(5, 2, 3, 4, 2)),
    ),
    Case(
        "batches of rows",
        dot(((2,), (2,)), ((0,), (0,))),
        (some(2, 3, 4), some(2, 2, 4)),
    ),
    Case("nothing to contract", MATMUL, (some(2, 0), some(0, 4))),
    Case("no rows", MATMUL, (some(0, 3), some(3, 4))),
    Case("size 1", MATMUL, (some(1, 1), some(1, 1))),
    Case(
        "low precision summed in high",
        dot(((1,), (0,)), preferred_element_type="float32"),
        (some(2, 3, dtype="bfloat16"), some(3, 4, dtype="bfloat16")),
    ),
    Case(
        "an operand of another dtype",
        lambda x: MATMUL(x, np.ones((3, 4), "float32")),
        (some(2, 3, dtype="bfloat16"),),
    ),
    Case(
        "real with complex",
        MATMUL,
        (some(2, 3), some(3, 4, dtype="complex128")),
        numeric=False,  # the real operand has no imaginary direction
    ),
    Case("integers on one side", MATMUL, (np.arange(6).reshape(2, 3), some(3, 4))),
    Case(
        "precisions of both sides",
        dot(((1,), (0,)), precision=(DEFAULT, HIGHEST)),
        (some(2, 3), some(3, 4)),
    ),
    Case(
        "an algorithm",
        dot(((1,), (0,)), precision=lax.DotAlgorithmPreset.F32_F32_F32),
        (some(2, 3, dtype="float32"), some(3, 4, dtype="float32")),
    ),
    Case(
        "an infinite cotangent",
        MATMUL,
        (some(2, 3), some(3, 4)),
        cotangents=lambda y: [jnp.full(y[0].shape, jnp.inf).at[0, 0].set(-0.0)],
        second=False,
    ),
]

SIZES = jnp.array([2, 0, 1], "int32")  # one row, or term, belongs to no group
GROUP = np.array([[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]], float)
ROWS, OF_GROUPS = some(4, 10), some(3, 10, 5)


def ragged(dims: lax.RaggedDotDimensionNumbers, sizes: Any, **options: Any) -> Any:
    """``ragged_dot_general`` with given axes and groups."""
    return lambda x, y: lax.ragged_dot_general(x, y, sizes, dims, **options)


BY_TERMS = lax.RaggedDotDimensionNumbers((((1,), (0,)), ((), ())), (1,), ())
BY_BATCHES = lax.RaggedDotDimensionNumbers((((2,), (1,)), ((0,), (0,))), (0,), ())
WITH_BATCHES = lax.RaggedDotDimensionNumbers((((2,), (3,)), ((0,), (1,))), (1,), (0,))

# JAX pulls back through groups of rows only, once, and has no vmap: the rows are too
# large for a dense Jacobian.
RAGGED = [
    Case(
        "groups of rows",
        lambda x, y: lax.ragged_dot(x, y, SIZES),
        (ROWS, OF_GROUPS),
        second=False,
    ),
    Case(
        "groups of rows, as a dense product",
        lambda x, y: lax.ragged_dot(x, y, SIZES),
        (ROWS, OF_GROUPS),
        like=lambda x, y: jnp.einsum("gm,mk,gkn->mn", GROUP, x, y),
    ),
    Case(
        "groups of rows in batches, float32",
        ragged(WITH_BATCHES, np.array([[1, 2], [3, 0]], np.int32)),
        (some(2, 3, 4, dtype="float32"), some(2, 2, 5, 4, dtype="float32")),
        second=False,
    ),
    Case(
        "groups of rows, low precision",
        lambda x, y: lax.ragged_dot(x, y, SIZES, preferred_element_type="float32"),
        (ROWS.astype("bfloat16"), OF_GROUPS.astype("bfloat16")),
        second=False,
    ),
    Case(
        "groups of terms",
        ragged(BY_TERMS, SIZES),
        (some(9, 4), some(4, 9)),
        like=lambda x, y: jnp.einsum("gk,mk,kn->gmn", GROUP, x, y),
    ),
    Case(
        "groups of batches",
        ragged(BY_BATCHES, SIZES[:2]),
        (some(2, 3, 8), some(2, 8, 5)),
        like=jnp.matmul,
    ),
]


def conv(**options: Any) -> Any:
    """``conv_general_dilated`` with defaults for what a row does not name."""
    given: dict[str, Any] = {"window_strides": (1,), "padding": "VALID", **options}
    return lambda x, w: lax.conv_general_dilated(x, w, **given)


NHWC = ("NHWC", "HWIO", "NHWC")
CONVOLUTIONS = [
    Case("plain", conv(), (some(2, 3, 6), some(4, 3, 3))),
    Case("the same operand twice", lambda x: conv()(x, x), (some(2, 2, 4),)),
    Case(
        "an inactive input", lambda w: conv()(np.ones((1, 2, 5)), w), (some(3, 2, 2),)
    ),
    Case(
        "strides, padding and dilations",
        conv(
            window_strides=(2,), padding=[(2, 1)], lhs_dilation=(3,), rhs_dilation=(2,)
        ),
        (some(2, 3, 5), some(4, 3, 3)),
    ),
    Case(
        "negative padding",
        conv(padding=[(-1, -2)], window_strides=(2,)),
        (some(1, 2, 9), some(2, 2, 3)),
    ),
    Case(
        "stride beyond the kernel",
        conv(window_strides=(3,)),
        (some(1, 2, 9), some(2, 2, 2)),
    ),
    Case(
        "two axes, channels last",
        conv(window_strides=(2, 1), padding="SAME", dimension_numbers=NHWC),
        (some(2, 5, 4, 2), some(3, 2, 2, 3)),
    ),
    Case(
        "another layout for each",
        conv(
            window_strides=(1, 2),
            padding=[(1, 0), (0, 2)],
            rhs_dilation=(1, 2),
            dimension_numbers=("HNWC", "IWOH", "CWNH"),
        ),
        (some(4, 2, 5, 2), some(2, 2, 3, 3)),
    ),
    Case(
        "groups of features",
        conv(feature_group_count=2, window_strides=(2,), padding=[(1, 1)]),
        (some(2, 4, 5), some(6, 2, 3)),
    ),
    Case(
        "each feature by itself, channels last",
        conv(
            feature_group_count=3,
            window_strides=(1, 1),
            padding="SAME",
            dimension_numbers=NHWC,
        ),
        (some(1, 3, 3, 3), some(2, 2, 1, 6)),
    ),
    Case(
        "groups of batches",
        conv(batch_group_count=2, padding=[(1, 0)], rhs_dilation=(2,)),
        (some(4, 3, 5), some(6, 3, 2)),
    ),
    Case(
        "groups of batches, channels last",
        conv(batch_group_count=2, window_strides=(1, 1), dimension_numbers=NHWC),
        (some(4, 3, 3, 2), some(2, 2, 2, 4)),
    ),
    Case(
        "no spatial axes", conv(window_strides=(), padding=[]), (some(2, 3), some(4, 3))
    ),
    Case("no batches", conv(), (some(0, 3, 6), some(4, 3, 3))),
    Case("no room for the kernel", conv(), (some(2, 3, 2), some(4, 3, 3))),
    Case("size 1", conv(), (some(1, 1, 1), some(1, 1, 1))),
    Case(
        "complex",
        conv(padding=[(1, 1)]),
        (some(1, 2, 4, dtype="complex128"), some(2, 2, 3, dtype="complex128")),
    ),
    Case(
        "low precision summed in high",
        conv(preferred_element_type="float32", window_strides=(2,)),
        (some(2, 3, 6, dtype="bfloat16"), some(4, 3, 3, dtype="bfloat16")),
    ),
    Case(
        "transposed",
        lambda x, w: lax.conv_transpose(
            x, w, (2, 2), "SAME", dimension_numbers=NHWC, transpose_kernel=True
        ),
        (some(1, 3, 3, 2), some(3, 3, 4, 2)),
    ),
]


def attention(q: Any, k: Any, v: Any) -> Any:
    """Causal attention in which two query heads share a key head."""
    return jax.nn.dot_product_attention(q, k, v, is_causal=True)


def patches(x: Any) -> Any:
    """Windows of an image as features: a convolution with a constant kernel."""
    return lax.conv_general_dilated_patches(x, (2, 2), (1, 1), "VALID")


FUNCTIONS = [
    Case(
        "einsum",
        lambda x, y, z: jnp.einsum("abc,cd,bd->ab", x, y, z),
        (some(2, 3, 4), some(4, 2), some(3, 2)),
    ),
    Case("einsum with a diagonal", lambda x: jnp.einsum("iij->j", x), (some(3, 3, 2),)),
    Case("tensordot", lambda x, y: jnp.tensordot(x, y, 2), (some(2, 3, 4), some(3, 4))),
    Case(
        "kron and outer and vdot",
        lambda x, y: (jnp.kron(x, y), jnp.outer(x, y), jnp.vdot(x, y)),
        (some(2, 2), some(2, 2)),
    ),
    Case("convolve", lambda x, y: jnp.convolve(x, y, "same"), (some(5), some(3))),
    Case(
        "attention",
        attention,
        tuple(some(1, 3, n, 2, dtype="float32") for n in (4, 2, 2)),
    ),
    Case("patches", patches, (some(1, 2, 3, 3),)),
]


KINDS = of_kinds(
    "all",
    [
        Case("dot", MATMUL, (some(2, 3), some(3, 4))),
        Case("ragged", lambda x, y: lax.ragged_dot(x, y, SIZES), (ROWS, OF_GROUPS)),
        Case("convolution", conv(padding=[(1, 1)]), (some(1, 2, 4), some(2, 2, 3))),
    ],
)


@pytest.mark.parametrize(
    "case", [*DOTS, *RAGGED, *CONVOLUTIONS, *FUNCTIONS, *KINDS], ids=str
)
def test_laws(case: Case) -> None:
    check_laws(case)


def test_gradient_of_a_layer_transposes_nothing() -> None:
    """Both cotangents of a product of matrices come out in the operands' order."""

    def layer(w: Any, x: Any) -> Any:
        return jnp.tanh(x @ w).sum()

    jaxpr = jax.make_jaxpr(irad.grad(layer, (0, 1)))(some(3, 4), some(2, 3))
    assert str(jaxpr).count("dot_general[") == 3
    assert " transpose[" not in str(jaxpr).replace("w:f64[4,3] = transpose[", "", 1)


def test_a_gradient_keeps_the_sharding_of_its_argument() -> None:
    """Explicitly sharded operands have cotangents sharded as they are."""
    mesh = jax.make_mesh(
        (2, 4), ("a", "b"), axis_types=(jax.sharding.AxisType.Explicit,) * 2
    )
    with jax.set_mesh(mesh):
        x = jax.device_put(some(4, 8), jax.P("a", None))
        w = jax.device_put(some(8, 12), jax.P(None, "b"))
        ours = jax.jit(irad.grad(lambda x, w: jnp.tanh(x @ w).sum(), (0, 1)))(x, w)
        theirs = jax.jit(jax.grad(lambda x, w: jnp.tanh(x @ w).sum(), (0, 1)))(x, w)
    for a, b in zip(ours, theirs, strict=True):
        assert jax.typeof(a).sharding == jax.typeof(b).sharding
        np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("layout", ["NHWC", "NCHW", "HWNC"])
@pytest.mark.parametrize("stride", [1, 2])
def test_large_cotangents_are_pulled_back_to_kernels_in_parts(
    layout: str, stride: int
) -> None:
    """On CPU, where these five images make three parts."""
    sizes = {"N": 5, "H": 64 * stride, "W": 80 * stride, "C": 3}
    x, w = (
        some(*shape, dtype="float32")
        for shape in ([sizes[axis] for axis in layout], (3, 3, 3, 24))
    )

    def loss(w: Any) -> Any:
        y = lax.conv_general_dilated(
            x, w, (stride, stride), "SAME", dimension_numbers=(layout, "HWIO", layout)
        )
        return jnp.sum(y**2)

    made = jax.make_jaxpr(irad.grad(loss))(w)
    assert str(made).count("conv_general_dilated[") == 1 + 3
    expected = jax.grad(loss)(w)
    np.testing.assert_allclose(
        irad.grad(loss)(w), expected, rtol=1e-4, atol=1e-5 * jnp.abs(expected).max()
    )
