"""The laws for gather, scatter, slices, sort and top_k; ties and bounds as in JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from tests.kinds import infinite, of_kinds
from tests.laws import Case, check_laws

RNG = np.random.default_rng(11)
X = RNG.standard_normal((4, 5))
V = RNG.standard_normal(6)
U = RNG.standard_normal((3, 5))
W = RNG.standard_normal(4)
C = V + 1j * RNG.standard_normal(6)
TIED = np.array([1.0, 2.0, 2.0, 0.5, 1.0, 2.0])
F32, F16, BF16 = jnp.float32, jnp.float16, jnp.bfloat16
TWICE = np.array([2, 0, 2])
BEYOND = np.array([5, -7, 1, 6])  # of V: in, below, in, above
COLUMNS = np.array([[0, 3], [4, 4], [1, 0], [2, 2]])
MODES = ("clip", "fill", "promise_in_bounds", "drop")


# Gather -------------------------------------------------------------------------------


def gathered(x: Any, v: Any) -> Any:
    return (
        x[TWICE],
        x[TWICE, 1:],
        x[np.array([0, 3]), np.array([4, 1])],
        x[:, TWICE] * 2.0,
        jnp.take_along_axis(x, jnp.asarray(COLUMNS), axis=1),
        v.at[BEYOND].get(mode="fill", fill_value=0.5),
        v.at[BEYOND].get(mode="clip"),
        jnp.take(v, TWICE, mode="wrap"),
    )


def windows(x: Any) -> Any:
    """Slices of a matrix, one of them partly out of bounds, clamped or filled."""
    numbers = lax.GatherDimensionNumbers((1, 2), (), (0, 1))
    start = jnp.array([[0, 0], [1, 2], [3, 4]])
    return [
        lax.gather(x, start, numbers, (2, 3), mode=mode, fill_value=7.0)
        for mode in ("clip", "fill")
    ]


def batched(x: Any) -> Any:
    """A gather with batching dimensions, as vmap and take_along_axis make them."""
    return jax.vmap(lambda row, i: row[i])(x, jnp.asarray(COLUMNS))


GATHERS = [
    Case("gather", gathered, (X, V)),
    Case("gather complex", gathered, (X * (1 + 2j), C)),
    Case("gather bfloat16", lambda x: x[TWICE], (X.astype(BF16),)),
    Case("gather float32", lambda x: x[:, TWICE], (X.astype(F32),)),
    Case("gather windows", windows, (X,)),
    Case("gather batched", batched, (X,)),
    Case("gather nothing", lambda v: v[np.zeros(0, int)], (V,)),
    Case("gather one", lambda v: v[jnp.array(2)] * v[-1], (V,)),
    Case(
        "gather filled with NaN",
        lambda v: v.at[BEYOND].get(mode="fill"),
        (V,),
        numeric=False,
    ),
    Case("gather twice, infinite", lambda v: v[TWICE], (V,), cotangents=infinite),
    Case("where", lambda v: v[jnp.where(TIED > 1, size=3)], (V,)),
    Case(
        "searchsorted",
        lambda v, w: jnp.sort(v)[jnp.searchsorted(jnp.sort(v), w) % 6] * w.sum(),
        (V, W),
    ),
    Case("interp", lambda w, v: jnp.interp(w, jnp.arange(6.0), v), (W % 5, V)),
]

# Scatter ------------------------------------------------------------------------------


def unique(x: Any, u: Any) -> Any:
    """Every way to write to distinct rows."""
    at = x.at[np.array([3, 0, 2])]
    flags = {"unique_indices": True}
    return (
        at.set(u, **flags),
        at.add(u, **flags),
        at.subtract(u, **flags),
        at.multiply(u, **flags),
        at.min(u, **flags),
        at.max(u, **flags),
    )


def meeting(x: Any, u: Any) -> Any:
    """Every way to write to rows of which one is written twice."""
    at = x.at[TWICE]
    return (
        at.set(u),
        at.add(u),
        at.subtract(u),
        at.min(u),
        at.max(u),
        at.divide(2.0),
    )


def beyond(x: Any, u: Any) -> Any:
    """Indices out of bounds, dropped or clamped."""
    return [
        getattr(x.at[BEYOND], name)(u, mode=mode)
        for mode in ("drop", "clip")
        for name in ("add", "subtract")
    ]


def beyond_set(x: Any, u: Any) -> Any:
    return [
        x.at[np.array([9, 1, -8])].set(u, mode="drop"),
        x.at[np.array([9, 1, -8])].max(u, mode="drop"),
        x.at[np.array([9, 1, -8])].multiply(u, mode="drop", unique_indices=True),
    ]


def blocks(x: Any, u: Any) -> Any:
    """Blocks written at several corners, overlapping."""
    numbers = lax.ScatterDimensionNumbers((1, 2), (), (0, 1))
    start = jnp.array([[0, 0], [1, 1], [3, 3]])
    return [
        scatter(x, start, u, numbers, mode=mode)
        for mode in ("clip", "fill")
        for scatter in (lax.scatter, lax.scatter_add)
    ]


def rows(x: Any, u: Any) -> Any:
    """Scatters with batching dimensions."""
    return (
        jax.vmap(lambda a, i, b: a.at[i].set(b))(x, jnp.asarray(COLUMNS), u),
        jax.vmap(lambda a, i, b: a.at[i].add(b))(x, jnp.asarray(COLUMNS), u),
        jax.vmap(lambda a, i, b: a.at[i].max(b))(x, jnp.asarray(COLUMNS), u),
    )


B = RNG.standard_normal((3, 2, 2))
PAIRS = RNG.standard_normal((4, 2))
SCATTERS = [
    Case("scatter unique", unique, (X, U)),
    Case("scatter float32", unique, (X.astype(F32), U.astype(F32)), second=False),
    Case("scatter meeting", meeting, (X, U)),
    Case("scatter bfloat16", meeting, (X.astype(BF16), U.astype(BF16)), second=False),
    Case(
        "scatter complex",
        lambda x, u: (
            x.at[TWICE].set(u),
            x.at[TWICE].add(u),
            x.at[TWICE].multiply(2j),
            x.at[np.array([1, 4, 2])].multiply(u, unique_indices=True),
        ),
        (C, C[:3] * 1j),
    ),
    Case(
        "scatter into constant",
        lambda u: meeting(jnp.asarray(X), u),
        (U,),
        second=False,
    ),
    Case(
        "scatter constant",
        lambda x: unique(x, jnp.asarray(U)),
        (X,),
        second=False,
    ),
    Case(
        "scatter constant, meeting",
        lambda x: meeting(x, jnp.asarray(U)),
        (X,),
        second=False,
    ),
    Case("scatter same operand", lambda x: unique(x, x[:3] * 2.0), (X,), second=False),
    Case("multiply meeting", lambda x: x.at[TWICE].multiply(3.0), (X,)),
    Case("scatter beyond", beyond, (V, W)),
    Case("scatter beyond, chosen", beyond_set, (V, W[:3])),
    Case("scatter blocks", blocks, (X, B)),
    Case("scatter rows", rows, (X, PAIRS)),
    Case("scatter nothing", lambda x, u: meeting_of_none(x, u), (V, V[:0])),
    Case(
        "scatter ties",
        lambda x, u: (x.at[TWICE].max(u), x.at[TWICE].min(u)),
        (TIED, np.array([2.0, 1.0, 2.0])),
        numeric=False,
    ),
    Case(
        "scatter infinite",
        lambda x, u: (x.at[TWICE].set(u), x.at[TWICE].add(u)),
        (V, W[:3]),
        cotangents=infinite,
        second=False,
    ),
    Case(
        "extremum infinite",
        lambda x, u: (x.at[TWICE].max(u), x.at[TWICE].min(u)),
        (V, W[:3]),
        cotangents=infinite,
        signs=False,  # JAX subtracts from a cotangent what the operand lost of it
        second=False,
    ),
    Case(
        "scatter by a mask",
        lambda x: x.at[jnp.where(TIED > 1, size=3)].set(0.0) * x,
        (V,),
    ),
]


def meeting_of_none(x: Any, u: Any) -> Any:
    nowhere = np.zeros(0, int)
    return x.at[nowhere].set(u), x.at[nowhere].add(u), x.at[nowhere].max(u)


# Dynamic slices -----------------------------------------------------------------------


def dynamic(x: Any, u: Any) -> Any:
    """In bounds, clamped at both ends, and counted from the end."""
    return (
        [lax.dynamic_slice(x, (i, 1), (2, 3)) for i in (0, 3, -1, -9)],
        [lax.dynamic_update_slice(x, u, (i, 1)) for i in (1, 3, -1, -9)],
        lax.dynamic_index_in_dim(x, 2),
    )


DYNAMIC = [
    Case("dynamic", lambda x, u: dynamic(x, u[:2, :3]), (X, U)),
    Case(
        "dynamic complex",
        lambda x, u: dynamic(x, u[:2, :3]),
        (X + 1j, U * 1j),
        second=False,
    ),
    Case(
        "dynamic float16",
        lambda x: dynamic(x, x[:2, :2]),
        (X.astype(F16),),
        second=False,
    ),
    Case(
        "dynamic update alone", lambda u: dynamic(jnp.asarray(X), u), (U,), second=False
    ),
    Case(
        "dynamic operand alone",
        lambda x: dynamic(x, jnp.asarray(U)),
        (X,),
        second=False,
    ),
    Case(
        "dynamic by a traced index",
        lambda x: jax.vmap(lambda i: lax.dynamic_slice(x, (i,), (2,)))(jnp.arange(4)),
        (V,),
    ),
]

# Sort ---------------------------------------------------------------------------------


def ordered(x: Any) -> Any:
    return (
        lax.sort(x, dimension=0),
        lax.sort(x, dimension=1, is_stable=False),
        jnp.sort(x, descending=True),
        jnp.sort(x, axis=None),
        x[0][jnp.argsort(x[0])],
        jnp.median(x, axis=1),
        jnp.percentile(x, jnp.array([10.0, 50.0, 99.0]), axis=0),
        jnp.quantile(x, 0.3),
    )


def together(x: Any, y: Any) -> Any:
    """Sorted by the first, or by the first two operands; an integer goes along."""
    numbers = lax.broadcasted_iota(jnp.int32, x.shape, 0)
    return (
        lax.sort((x, y), num_keys=1, dimension=0),
        lax.sort((lax.sign(x), y, numbers, x), num_keys=2, dimension=1),
    )


def top(x: Any) -> Any:
    return (
        lax.top_k(x, 3)[0],
        lax.top_k(x, 2, axis=0),
        lax.approx_max_k(x, 2, reduction_dimension=1),
        lax.approx_min_k(x, 2, reduction_dimension=0, aggregate_to_topk=False),
        jnp.partition(x, 2),
    )


SORTS = [
    Case("sort", ordered, (X,)),
    Case("sort float32", lambda x: jnp.sort(x, axis=0), (X.astype(F32),)),
    Case("sort bfloat16", lambda x: jnp.sort(x), (V.astype(BF16),)),
    Case("sort complex", lambda x: jnp.sort(x), (C,)),
    Case("sort together", together, (X, X[::-1] * 2)),
    Case(
        "sort key inactive",
        lambda x: lax.sort((jnp.asarray(TIED), x), num_keys=1),
        (V,),
    ),
    Case("sort nothing", lambda x: jnp.sort(x, axis=0), (X[:0],)),
    Case("sort one", lambda x: jnp.sort(x), (V[:1],)),
    Case("sort ties", jnp.sort, (TIED,), numeric=False),
    Case("sort ties, float16", jnp.sort, (TIED.astype(F16),)),
    Case("median of ties", lambda x: jnp.median(x), (TIED,), numeric=False),
    Case("sort infinite", jnp.sort, (V,), cotangents=infinite),
    Case("top_k", top, (X,)),
    Case("top_k float32", lambda x: lax.top_k(x, 2), (X.astype(F32),)),
    Case("top_k ties", lambda x: lax.top_k(x, 4), (TIED,), numeric=False),
    Case("top_k infinite", lambda x: lax.top_k(x, 4), (V,), cotangents=infinite),
]


# Other types and cotangents -----------------------------------------------------------

KINDS = [
    *of_kinds(
        "index",
        [
            Case("gathered", lambda x: (x[TWICE], x[:, TWICE]), (X,)),
            Case("unique", unique, (X, U)),
            Case("meeting", meeting, (X, U)),
            Case("dynamic", lambda x, u: dynamic(x, u[:2, :3]), (X, U)),
            Case("sorted", lambda x: lax.sort(x, dimension=0), (X,)),
        ],
    ),
    *of_kinds("top_k", [Case("top_k", top, (X,))], ("float32", "bfloat16")),
]


@pytest.mark.parametrize(
    "case", [*GATHERS, *SCATTERS, *DYNAMIC, *SORTS, *KINDS], ids=str
)
def test_laws(case: Case) -> None:
    check_laws(case)


def test_product_of_meeting_updates_is_one_update_after_another() -> None:
    def together(x: Any, u: Any) -> Any:
        return jnp.sum(jnp.sin(x.at[TWICE].multiply(u)))

    def one_by_one(x: Any, u: Any) -> Any:
        for i, u_i in zip(TWICE, u, strict=True):
            x = x.at[i].multiply(u_i)
        return jnp.sum(jnp.sin(x))

    args = (jnp.asarray(V), jnp.asarray(W[:3]))
    for i in (0, 1):
        found = irad.grad(together, i)(*args)
        np.testing.assert_allclose(found, jax.grad(one_by_one, i)(*args), rtol=1e-12)


def test_value_and_derivative_agree_on_which_update_wins() -> None:
    """The tangent of the update that won is the tangent of the result."""
    indices = jnp.zeros((64, 1), jnp.int32)
    u = jnp.arange(64.0)
    numbers = lax.ScatterDimensionNumbers((), (0,), (0,))

    def fun(u: Any) -> Any:
        return lax.scatter(jnp.zeros(1), indices, u, numbers)[0]

    value, slope = irad.value_and_grad(fun)(u)
    np.testing.assert_array_equal(slope, jnp.where(u == value, 1.0, 0.0))


@pytest.mark.parametrize("name", ["max", "min"])
def test_an_extremum_has_a_slope_where_xla_rounds_an_operand_twice(name: str) -> None:
    """What is compared is computed once, in the program of the result."""

    def fun(x: Any, u: Any) -> Any:
        return getattr((x * u + x).at[TWICE].set(0.0).at[TWICE], name)(u * x + u)

    def pulled(x: Any, u: Any) -> Any:
        y, pull = irad.vjp(fun, x, u)
        return pull(jnp.ones_like(y))

    x, u = (jnp.asarray(a, F32) for a in (X[:3], U))
    made = jax.make_jaxpr(pulled)(x, u)
    assert str(made).count("= stored ") == 2
    expected = jax.vjp(fun, x.astype(float), u.astype(float))[1](jnp.ones((3, 5)))
    for a, b in zip(jax.jit(pulled)(x, u), expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)


def test_clamped_updates_are_differentiated_where_they_were_written() -> None:
    """JAX looks for extrema at the index before it was clamped, and finds NaN."""

    def fun(x: Any, u: Any) -> Any:
        y = x.at[jnp.array([9, -20])].set(u, mode="clip")
        z = x.at[jnp.array([9, -20])].max(u, mode="clip")
        return jnp.sum(y * jnp.arange(6.0)) + 10 * jnp.sum(z * jnp.arange(6.0))

    x, u = jnp.asarray(V), jnp.array([8.0, 9.0])
    value, (c_x, c_u) = irad.value_and_grad(fun, (0, 1))(x, u)
    np.testing.assert_allclose(value, fun(x, u))
    np.testing.assert_allclose(c_x, [0, 11, 22, 33, 44, 0])
    np.testing.assert_allclose(c_u, [55, 0])


def test_sort_is_sorted_once() -> None:
    """The derivative holds one sort: of values and positions together."""
    made = jax.make_jaxpr(irad.grad(lambda x: jnp.sum(lax.sort(x) * V)))(V)
    assert str(made).count(" sort[") == 1
