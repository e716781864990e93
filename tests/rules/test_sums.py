"""Sums of cotangents over leading axes: by slices where rows are wide."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from irad.sums import summed

WIDE = (3, 4001)
NARROW = (3, 400)


def table(rows: int, shape: tuple[int, ...], dtype: str = "float64") -> jax.Array:
    drawn = np.random.default_rng(rows).normal(size=(rows, *shape))
    return jnp.asarray(drawn, dtype)


def primitives(fun, *args) -> set[object]:
    return {eqn.primitive for eqn in jax.make_jaxpr(fun)(*args).jaxpr.eqns}


@pytest.mark.parametrize("rows", [0, 1, 2, 7, 16, 17, 32, 34, 60])
@pytest.mark.parametrize("shape", [WIDE, NARROW])
def test_the_sum_is_that_of_the_rows(rows: int, shape: tuple[int, ...]) -> None:
    c = table(rows, shape)
    np.testing.assert_allclose(summed(c, (0,)), np.sum(c, axis=0), atol=1e-13)


def test_several_leading_axes_are_one() -> None:
    c = table(6, WIDE).reshape(2, 3, *WIDE)
    np.testing.assert_allclose(summed(c, (0, 1)), np.sum(c, axis=(0, 1)), atol=1e-13)


@pytest.mark.parametrize(
    ("rows", "shape", "dtype", "by_slices"),
    [
        (32, WIDE, "float64", True),
        (32, WIDE, "float32", False),
        (32, (5, 4001), "float32", True),
        (32, NARROW, "float64", False),
        (17, WIDE, "float64", False),  # a prime: no blocks
        (32, (3, 40001), "bfloat16", False),
    ],
)
def test_only_wide_rows_are_sliced(rows, shape, dtype, by_slices) -> None:
    c = table(rows, shape, dtype)
    found = primitives(lambda c: summed(c, (0,)), c)
    assert (lax.reduce_sum_p not in found) == by_slices


def test_other_axes_are_summed_at_once() -> None:
    c = table(32, WIDE)
    assert lax.reduce_sum_p in primitives(lambda c: summed(c, (1,)), c)


@pytest.mark.parametrize("added", ["by jnp", "by broadcast_in_dim"])
def test_gradients_in_what_was_broadcast_are_jaxs(added: str) -> None:
    x, p = table(8, WIDE), table(9, WIDE)[0]

    def loss(p: jax.Array) -> jax.Array:
        wide = p if added == "by jnp" else lax.broadcast_in_dim(p, x.shape, (1, 2))
        return jnp.sum(jnp.sin(x + wide) ** 2)

    def along(ad) -> jax.Array:
        return jax.jvp(ad.grad(loss), (p,), (jnp.cos(p),))[1]

    np.testing.assert_allclose(irad.grad(loss)(p), jax.grad(loss)(p), rtol=1e-10)
    np.testing.assert_allclose(along(irad), along(jax), rtol=1e-10, atol=1e-12)
    stacked = jnp.stack([p, 2 * p])
    np.testing.assert_allclose(
        jax.vmap(irad.grad(loss))(stacked),
        jax.vmap(jax.grad(loss))(stacked),
        rtol=1e-9,
        atol=1e-12,
    )
