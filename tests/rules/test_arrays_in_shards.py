"""Shape, index, reduction and window rules in ``shard_map`` and on sharded types."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

import irad

RNG = np.random.default_rng(2)
X = RNG.standard_normal((16, 6))
W = RNG.standard_normal((2, 6))
TWICE = np.array([1, 0, 1])


def of_shards(x: Any, w: Any) -> Any:
    """What mixes a shard with values that are the same for all shards."""
    made = (
        lax.pad(x, w[0, 0], ((1, 0, 0), (0, 1, 1))),
        jnp.concatenate([x, w, jnp.ones((1, 6))]),
        lax.split(x, (2, 4), axis=1)[0],
        x.at[TWICE].set(w[TWICE]),
        jnp.zeros((2, 6)).at[TWICE].set(w[TWICE] * x[TWICE]),
        x.at[TWICE].add(w[TWICE]),
        x.at[TWICE].max(w[TWICE]),
        lax.dynamic_update_slice(jnp.ones((2, 6)), x[:1, :2], (0, 1)),
        lax.dynamic_update_slice(x, jnp.ones((1, 2)), (0, 1)),
        jnp.sort(x) * w,
        lax.reduce(x, 1.0, lambda a, b: a * b, (1,)),
        jnp.prod(x, 1),
        lax.cumprod(x, 1),
        lax.reduce_window(x, -np.inf, lax.max, (1, 3), (1, 2), "SAME"),
    )
    return sum(jnp.sum(jnp.sin(y)) for y in made)


@pytest.mark.parametrize("check_vma", [True, False])
def test_gradient_of_shards(check_vma: bool) -> None:
    mesh = jax.make_mesh((8,), ("i",), axis_types=(AxisType.Auto,))

    def fun(x: Any, w: Any) -> Any:
        shards = jax.shard_map(
            lambda x, w: of_shards(x, w)[None],
            mesh=mesh,
            in_specs=(P("i"), P()),
            out_specs=P("i"),
            check_vma=check_vma,
        )
        return jnp.sum(shards(x, w))

    args = (jnp.asarray(X), jnp.asarray(W))
    found = jax.jit(irad.grad(fun, (0, 1)))(*args)
    expected = jax.jit(jax.grad(fun, (0, 1)))(*args)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)


def of_rows(x: Any) -> Any:
    """What keeps the first axis whole, and with it its sharding."""
    keep = {"out_sharding": P("i", None)}
    return [
        lax.reshape(x, (8, 2, 3), out_sharding=P("i")),
        lax.tile(x.T, (3, 1)),
        lax.broadcast_in_dim(x, (3, 8, 6), (1, 2)),
        jnp.concatenate([x[:, 1:3], x], 1),
        jnp.unstack(x, axis=1)[0],
        lax.pad(x, 0.0, ((0, 0, 0), (0, 2, 0))),
        x.at[:, TWICE].get(**keep),
        x.at[:, TWICE].set(x[:, :3], **keep),
        x.at[:, TWICE].max(x[:, :3], **keep),
        lax.dynamic_update_slice(x, x[:, :2] * 2.0, (0, 1)),
        x.max(1),
        x.sum(0),
        lax.cummax(x, 1),
        lax.top_k(x, 2)[0],
        lax.reduce_window(x, -np.inf, lax.max, (1, 3), (1, 2), "SAME"),
    ]


def pushed(ad: Any, x: Any) -> Any:
    return jax.jit(lambda x: ad.jvp(of_rows, (x,), (x,))[1])(x)


def test_types_of_sharded_derivatives() -> None:
    mesh = jax.make_mesh((4,), ("i",), axis_types=(AxisType.Explicit,))
    with jax.set_mesh(mesh):
        x = jax.device_put(jnp.asarray(X[:8]), P("i", None))

        def fun(x: Any) -> Any:
            return sum(jnp.sum(jnp.sin(y)) for y in of_rows(x))

        for pair in (
            [jax.jit(ad.grad(fun))(x) for ad in (irad, jax)],
            *zip(*[pushed(ad, x) for ad in (irad, jax)], strict=True),
        ):
            found, expected = pair
            assert jax.typeof(found) == jax.typeof(expected)
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
