"""The laws for windows: pooling with every padding, dilation and stride, and ties."""

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

RNG = np.random.default_rng(3)
X = RNG.standard_normal((5, 6))
V = RNG.standard_normal(9)
IMAGE = RNG.standard_normal((2, 5, 4, 3))
TIES = np.array([[1.0, 2.0, 2.0, 0.0], [2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 3.0]])
TIED = np.tile(TIES, (2, 3))
F32, F16, BF16 = jnp.float32, jnp.float16, jnp.bfloat16
GEOMETRIES: dict[str, tuple[Any, ...]] = {
    "2x2/2": ((2, 2), (2, 2), "VALID"),
    "2x2/2 same": ((2, 2), (2, 2), "SAME"),
    "3x3/2 same lower": ((3, 3), (2, 2), "SAME_LOWER"),
    "3x2/1": ((3, 2), (1, 1), "VALID"),
    "1x2/3 with gaps": ((1, 2), (2, 3), "VALID"),
    "padded": ((2, 3), (1, 2), ((1, 0), (2, 1))),
    "holes between": ((2, 3), (2, 1), ((0, 1), (1, 1)), (2, 3)),
    "too large": ((6, 2), (1, 1), "VALID"),
}
DILATED: dict[str, tuple[Any, ...]] = {
    "dilated": ((2, 2), (1, 2), ((0, 0), (1, 0)), (1, 1), (2, 3)),
    "dilated twice": ((2, 2), (2, 1), ((1, 0), (1, 1)), (2, 1), (3, 2)),
}


def pool_max(x: Any, *geometry: Any) -> Any:
    return lax.reduce_window(x, -np.inf, lax.max, *geometry)


def pool_min(x: Any, *geometry: Any) -> Any:
    return lax.reduce_window(x, np.inf, lax.min, *geometry)


def pool_sum(x: Any, *geometry: Any) -> Any:
    return lax.reduce_window(x, 0.0, lax.add, *geometry)


def pool_all(x: Any, *geometry: Any) -> Any:
    return [pool(x, *geometry) for pool in (pool_max, pool_min, pool_sum)]


def average(x: Any, *geometry: Any) -> Any:
    """The mean over the elements of a window that are no padding."""
    return pool_sum(x, *geometry) / pool_sum(jnp.ones_like(x), *geometry)


def many(x: Any) -> Any:
    """Windows of more elements than are read one by one."""
    return [
        pool_max(x, (70,), (1,), "VALID"),
        pool_min(x, (65,), (3,), ((2, 1),)),
        pool_sum(x, (66,), (2,), "SAME"),
    ]


def scattered(x: Any) -> Any:
    """What JAX's pull of a maximum is made of."""
    return jax.grad(lambda x: jnp.sum(pool_max(x, (2, 2), (2, 1), "SAME") ** 3))(x)


def gathered(x: Any, t: Any) -> Any:
    """What JAX's push of a minimum is made of."""
    return jax.jvp(
        lambda x: pool_min(x, (2, 2), (2, 1), ((0, 1), (1, 0)), (1, 2)), (x,), (t,)
    )[1]


CASES = [
    *[
        Case(f"pool {name}", lambda x, at=geometry: pool_all(x, *at), (X,))
        for name, geometry in GEOMETRIES.items()
    ],
    *[
        Case(f"pool {name}", lambda x, at=geometry: pool_sum(x, *at), (X,))
        for name, geometry in DILATED.items()
    ],
    *[
        Case(
            f"pool {name}, forward",
            lambda x, at=geometry: pool_max(x, *at),
            (X,),
            modes=("fwd",),
        )
        for name, geometry in DILATED.items()
    ],
    Case(
        "pool images",
        lambda x: [
            pool_max(x, (1, 3, 3, 1), (1, 2, 2, 1), "SAME"),
            average(x, (1, 3, 3, 1), (1, 2, 2, 1), "SAME"),
        ],
        (IMAGE,),
    ),
    Case(
        "pool float32", lambda x: pool_all(x, (2, 2), (2, 2), "SAME"), (X.astype(F32),)
    ),
    Case("pool float16", lambda x: pool_all(x, (3,), (2,), "SAME"), (V.astype(F16),)),
    Case("pool bfloat16", lambda x: pool_max(x, (3,), (1,), "SAME"), (V.astype(BF16),)),
    Case("sum complex", lambda x: pool_sum(x, (3,), (2,), "SAME"), (V + 1j * V[::-1],)),
    Case("pool nothing", lambda x: pool_all(x, (1, 2), (1, 1), "VALID"), (X[:0],)),
    Case("pool one", lambda x: pool_all(x, (1,), (1,), "VALID"), (V[:1],)),
    Case("pool many", many, (RNG.standard_normal(75),)),
    Case(
        "pool ties",
        lambda x: [
            *pool_all(x, (2, 2), (1, 1), "SAME"),
            *pool_all(x, (2, 2), (2, 2), "SAME"),
        ],
        (TIED,),
        modes=("rev",),  # JAX's push takes any of the greatest, not the same each time
    ),
    Case(
        "pool infinite cotangent",
        lambda x: pool_all(x, (2, 2), (1, 1), "SAME"),
        (X,),
        cotangents=infinite,
        second=False,
    ),
    Case(
        "pool NaN",
        lambda x: pool_max(x, (3,), (1,), "SAME"),
        (np.where(V > 1, np.nan, V),),
        numeric=False,
        second=False,
    ),
    Case("vmapped", jax.vmap(lambda x: pool_max(x, (3,), (2,), "SAME")), (X,)),
    Case("differentiated by JAX first", scattered, (X,)),
    Case("pushed forward by JAX first", gathered, (X, X[::-1])),
    *of_kinds(
        "all",
        [
            Case("pool", lambda x: pool_all(x, (2, 2), (2, 2), "SAME"), (X,)),
            Case("scattered", scattered, (X,)),
            Case("gathered", gathered, (X, X[::-1])),
        ],
        ("float32", "bfloat16"),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws(case: Case) -> None:
    check_laws(case)


def test_window_of_any_function() -> None:
    """JAX has forward mode only: the pull is compared with it, column by column."""

    def fun(x: Any) -> Any:
        return jnp.concatenate(
            [
                lax.reduce_window(x, 1.0, lax.mul, (3,), (2,), "SAME"),
                lax.reduce_window(x, 0.5, lax.add, (2,), (1,), "VALID"),
                lax.reduce_window(x, -np.inf, jnp.logaddexp, (3,), (1,), ((1, 0),)),
                lax.reduce_window(x, 1.0, lax.mul, (2,), (1,), "VALID", (2,), (2,)),
            ]
        )

    x = jnp.asarray(V[:6])
    columns = [jax.jvp(fun, (x,), (t,))[1] for t in jnp.eye(x.size)]
    expected = jnp.stack(columns, 1)
    np.testing.assert_allclose(irad.jacfwd(fun)(x), expected, rtol=1e-12)
    np.testing.assert_allclose(irad.jacrev(fun)(x), expected, rtol=1e-12)


def test_window_of_any_function_is_differentiated_twice() -> None:
    def fun(x: Any) -> Any:
        return jnp.sum(lax.reduce_window(x, 1.0, lax.mul, (3,), (2,), "SAME") ** 2)

    irad.check_grads(fun, (jnp.asarray(V),), order=2)


@pytest.mark.parametrize("name", DILATED)
def test_dilated_windows_are_differentiated_in_reverse(name: str) -> None:
    """JAX has forward mode only."""

    def fun(x: Any) -> Any:
        return pool_max(x, *DILATED[name])

    x = jnp.asarray(X)
    np.testing.assert_array_equal(irad.jacrev(fun)(x), jax.jacfwd(fun)(x))


def test_negative_padding_cuts() -> None:
    """JAX's pull fails here."""

    def fun(x: Any) -> Any:
        return jnp.concatenate([p.ravel() for p in pool_all(x, *GEOMETRY)])

    GEOMETRY = ((2, 2), (1, 2), ((-1, 1), (2, -2)))
    x = jnp.asarray(X)
    np.testing.assert_array_equal(irad.jacrev(fun)(x), jax.jacfwd(fun)(x))


def test_ties_go_to_the_first_in_both_modes() -> None:
    def fun(x: Any) -> Any:
        return pool_max(x, (2, 2), (1, 1), "VALID")

    x = jnp.asarray(TIES[:2, :3])
    expected = np.zeros((1, 2, 2, 3))
    expected[0, 0, 0, 1] = expected[0, 1, 0, 1] = 1.0
    np.testing.assert_array_equal(irad.jacrev(fun)(x), expected)
    np.testing.assert_array_equal(irad.jacfwd(fun)(x), expected)


def test_windows_without_a_greatest_element_use_their_first() -> None:
    """All are -inf: pull and push agree, where JAX's push gives 0."""
    x = jnp.full(4, -jnp.inf)

    def fun(x: Any) -> Any:
        return pool_max(x, (2,), (2,), "VALID")

    expected = [[1, 0, 0, 0], [0, 0, 1, 0]]
    np.testing.assert_array_equal(irad.jacrev(fun)(x), expected)
    np.testing.assert_array_equal(irad.jacfwd(fun)(x), expected)


def test_max_pool_is_not_differentiated_by_scattering_windows() -> None:
    made = jax.make_jaxpr(
        irad.grad(lambda x: pool_max(x, (2, 2), (2, 2), "SAME").sum())
    )(X)
    assert "select_and_scatter" not in str(made)
