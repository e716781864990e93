"""The laws for reductions and cumulative reductions; ties and zeros as JAX has them."""

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

RNG = np.random.default_rng(5)
X = RNG.standard_normal((3, 4))
T = RNG.standard_normal((2, 3, 5))
V = RNG.standard_normal(7)
C = V + 1j * RNG.standard_normal(7)
TIED = np.array([[1.0, 2.0, 2.0], [0.5, 0.5, 0.5], [3.0, -1.0, 3.0]])
ZEROS = np.array([[0.0, 2.0, 3.0], [0.0, 0.0, 2.0], [1.0, -1.0, 3.0]])
F32, F16, BF16 = jnp.float32, jnp.float16, jnp.bfloat16


def sums(x: Any) -> Any:
    return (
        lax.reduce_sum(x, (0,)),
        lax.reduce_sum(x, (1, 0)),
        jnp.sum(x, axis=-1, keepdims=True),
        lax.cumsum(x, axis=0),
        lax.cumsum(x, axis=x.ndim - 1, reverse=True),
        jnp.mean(x),
    )


def extrema(x: Any) -> Any:
    return (
        lax.reduce_max(x, (0,)),
        lax.reduce_max(x, (0, 1)),
        lax.reduce_min(x, (1,)),
        lax.reduce_min(x, ()),
    )


def scans(x: Any) -> Any:
    return (
        lax.cumprod(x, axis=0),
        lax.cummax(x, axis=0),
        lax.cummin(x, axis=0, reverse=True),
        lax.cumlogsumexp(x, axis=0),
    )


def backward_scans(x: Any) -> Any:
    return (
        lax.cumprod(x, axis=1, reverse=True),
        lax.cummax(x, axis=1, reverse=True),
        lax.cummin(x, axis=1),
        lax.cumlogsumexp(x, axis=1, reverse=True),
    )


def logaddexp(x: Any, y: Any) -> Any:
    return jnp.logaddexp(x, y)


def by_function(x: Any) -> Any:
    return (
        lax.reduce(x, 0.0, lambda a, b: a + b, (0,)),
        lax.reduce(x, -np.inf, logaddexp, (1,)),
        lax.reduce(x, 1.0, lambda a, b: a * b, (1,)),
    )


def products(x: Any) -> Any:
    """Reductions by products and by a function, in the operand's type."""
    zero, one = lax.full_like(x, 0, shape=()), lax.full_like(x, 1, shape=())
    return (
        lax.reduce_prod(x, (0,)),
        lax.reduce(x, zero, lambda a, b: a + b, (0,)),
        lax.reduce(x, one, lambda a, b: a * b, (1,)),
    )


def greatest_with_companion(x: Any, y: Any) -> Any:
    """The greatest of ``x``, and what stands in its place in ``y``."""

    def greater(a: Any, b: Any) -> Any:
        holds = a[0] >= b[0]
        return tuple(jnp.where(holds, p, q) for p, q in zip(a, b, strict=True))

    return lax.reduce((x, y), (-np.inf, 0.0), greater, (1,))


def norms(x: Any) -> Any:
    flat = x.reshape(-1)
    return [jnp.linalg.norm(flat, order) for order in (None, 1, np.inf)]


CASES = [
    Case("sums", sums, (X,)),
    Case("sums complex", sums, (X + 2j * X[::-1],), second=False),
    Case("sums float16", lambda x: (x.sum(0), lax.cumsum(x, 0)), (X.astype(F16),)),
    Case("sums of three axes", lambda x: (lax.reduce_sum(x, (0, 2)), x.sum()), (T,)),
    Case("sums of nothing", lambda x: (x.sum(0), lax.cumsum(x, 0)), (X[:0],)),
    Case("sum infinite", lambda x: x.sum(0), (X,), cotangents=infinite, second=False),
    Case("extrema", extrema, (X,)),
    Case("extrema bfloat16", extrema, (X.astype(BF16),), second=False),
    Case("extrema complex", lambda x: (x.max(), x.min()), (C,)),
    Case("extrema ties", extrema, (TIED,), numeric=False),
    Case("extrema of one", lambda x: (x.max(), x.min(0)), (V[:1],)),
    Case(
        "extrema infinite",
        lambda x: (x.max(0), x.min(1)),
        (TIED,),
        cotangents=infinite,
        second=False,
        numeric=False,
    ),
    Case(
        "extremum NaN", lambda x: x.max(0), (np.where(X > 1, np.nan, X),), numeric=False
    ),
    Case("product", lambda x: (jnp.prod(x, 0), jnp.prod(x), jnp.prod(x, 1)), (X,)),
    Case("product complex", jnp.prod, (C,)),
    Case("product float32", lambda x: jnp.prod(x, (0, 2)), (T.astype(F32),)),
    Case("product of zeros", lambda x: (jnp.prod(x, 1), jnp.prod(x, 0)), (ZEROS,)),
    Case("product of nothing", lambda x: jnp.prod(x, 0), (X[:0],)),
    Case("product of one", lambda x: jnp.prod(x) * x, (V[:1],)),
    Case(
        "product infinite",
        lambda x: jnp.prod(x, 1),
        (ZEROS,),
        cotangents=infinite,
        second=False,
    ),
    Case("by a function", by_function, (X,)),
    Case("by a function, of nothing", lambda x: by_function(x)[0], (X[:0],)),
    Case("with a companion", greatest_with_companion, (X, X[::-1] * 2.0)),
    Case("scans", scans, (X,)),
    Case("scans backward", backward_scans, (X[:, :3],)),
    Case("scans long", lambda x: lax.cumprod(x, 0), (V,)),
    Case("scans float32", scans, (V[:4].astype(F32),), second=False),
    Case("scans of one", scans, (V[:1],)),
    Case("scans of nothing", scans, (X[:0],)),
    Case("cumprod complex", lambda x: lax.cumprod(x, 0), (C,)),
    Case("cumprod of zeros", lambda x: jnp.cumprod(x, 1), (ZEROS,)),
    Case(
        "scans ties",
        lambda x: (lax.cummax(x, 1), lax.cummin(x, 0, reverse=True)),
        (TIED,),
        numeric=False,
    ),
    Case(
        "cumlogsumexp far", lambda x: lax.cumlogsumexp(x, 0), (V * 1e4,), second=False
    ),
    *of_kinds(
        "reductions",
        [
            Case("sums", lambda x: (*sums(x)[:2], *sums(x)[3:5]), (X,)),
            Case("extrema", extrema, (X,)),
            Case("products", products, (X,)),
            Case("scans", scans, (X,)),
            Case("scans backward", backward_scans, (X[:, :3],)),
        ],
    ),
    Case("norms", norms, (X,)),
    Case("norms at 0", norms, (np.zeros(3),), numeric=False),
    Case("logsumexp", lambda x: jax.nn.logsumexp(x, 1), (X * 1e3,), second=False),
    Case("var and std", lambda x: (jnp.var(x, 0), jnp.std(x)), (X,)),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws(case: Case) -> None:
    check_laws(case)


@pytest.mark.parametrize("extremum", [jnp.max, jnp.min])
def test_an_extremum_has_a_slope_where_xla_rounds_its_operand_twice(
    extremum: Any,
) -> None:
    def extremes(x: Any, y: Any, z: Any) -> Any:
        return extremum(lax.reshape(x * y + z, (64, 64)), 0)

    def pushed(x: Any) -> Any:
        return irad.jvp(extremes, x, x)[1]

    x = tuple(np.random.default_rng(0).standard_normal((3, 64 * 64)))
    narrow = tuple(a.astype(F32) for a in x)
    expected = jax.jvp(extremes, x, x)[1]
    np.testing.assert_allclose(jax.jit(pushed)(narrow), expected, rtol=1e-3)


def test_initial_value_of_a_reduction_is_differentiated() -> None:
    """JAX refuses; and if the value is no identity, JAX's derivative drops it."""

    def fun(x: Any, init: Any) -> Any:
        return jnp.sum(jnp.sin(lax.reduce(x, init, lambda a, b: a + b, (0,))))

    value, (c_x, c_init) = irad.value_and_grad(fun, (0, 1))(jnp.asarray(X), 0.5)
    cos = np.cos(X.sum(0) + 0.5)
    np.testing.assert_allclose(value, np.sin(X.sum(0) + 0.5).sum())
    np.testing.assert_allclose(c_x, np.broadcast_to(cos, X.shape))
    np.testing.assert_allclose(c_init, cos.sum())
