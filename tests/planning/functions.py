"""Functions of every shape of trouble for planned Jacobians, each with an input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

RNG = np.random.default_rng(7)


def array(*shape: int) -> Any:
    """A random array, away from zero."""
    return jnp.asarray(RNG.uniform(0.3, 1.5, shape) * RNG.choice([-1.0, 1.0], shape))


W = array(4, 5)
B = array(6, 4, 4)
SWAP = jnp.asarray([0, 2, 1, 3, 4])
INDEX = jnp.asarray([3, 1, 1, 0, 4])
MASK = jnp.asarray([True, False, True, True, False])


def burgers(u: Any) -> Any:
    """Central differences with zeros at the ends."""
    p = jnp.pad(u, 1)
    return -u * (p[2:] - p[:-2]) + 0.1 * (p[2:] - 2 * u + p[:-2])


def bratu(u: Any) -> Any:
    """The five-point stencil and a source."""
    p = jnp.pad(u, 1)
    around = p[2:, 1:-1] + p[:-2, 1:-1] + p[1:-1, 2:] + p[1:-1, :-2]
    return around - 4 * u + 0.1 * jnp.exp(u)


def batched(x: Any) -> Any:
    """Independent products, two layers."""
    y = jnp.tanh(jnp.einsum("bij,bj->bi", B, x))
    return jnp.tanh(jnp.einsum("bij,bj->bi", B, y))


def looped(x: Any) -> Any:
    """A loop whose body uses the loop index."""
    return lax.scan(lambda c, i: (jnp.sin(c) * i + c[::-1], None), x, jnp.arange(3.0))[
        0
    ]


def branched(x: Any) -> Any:
    return lax.cond(x[0] > 0, lambda x: x * x, lambda x: jnp.flip(x), x)


def solved(x: Any) -> Any:
    return jnp.linalg.solve(jnp.eye(3) * 4 + x[:3, None] * x[None, :3], x[2:])


def bottleneck(x: Any) -> Any:
    """Wide, narrow, wide."""
    return jnp.tanh(W.T @ jnp.tanh(jnp.sum(W @ jnp.sin(x)) * jnp.ones(4)))


def layered(x: Any) -> Any:
    """Two bottlenecks."""
    y = jnp.tanh(jnp.stack([x @ x, jnp.sum(x)]))
    z = jnp.sin(jnp.outer(y, x[:3] * 0 + jnp.arange(3.0)).reshape(-1) + y[0])
    return jnp.cos(jnp.sum(z) * jnp.arange(4.0))


def robot(t: Any) -> Any:
    """Scalars, stacked."""
    c, s = jnp.cos(t), jnp.sin(t)
    a = c[0] * c[1] - s[0] * s[1]
    b = c[0] * s[1] + s[0] * c[1]
    return jnp.stack([a * s[2] + b, jnp.arctan2(b, a), a * b * t[3], s[4] * c[3]])


@jax.custom_jvp
def ruled(x: Any) -> Any:
    return jnp.sin(x) * x[::-1]


@ruled.defjvp
def _ruled_jvp(x: Any, t: Any) -> Any:
    return ruled(x[0]), jnp.cos(x[0]) * x[0][::-1] * t[0] + jnp.sin(x[0]) * t[0][::-1]


FUNCTIONS: dict[str, tuple[Callable[..., Any], Any]] = {
    "elementwise": (lambda x: jnp.exp(jnp.sin(x)) / (1 + x * x), array(5)),
    "unit": (lambda x: x, array(5)),
    "constant": (lambda x: jnp.ones(3) + 0 * x[:3], array(5)),
    "no dependence": (lambda x: jnp.arange(3.0), array(5)),
    "burgers": (burgers, array(7)),
    "bratu": (bratu, array(4, 5)),
    "bratu, flat": (lambda v: bratu(v.reshape(4, 5)).reshape(-1), array(20)),
    "batched": (batched, array(6, 4)),
    "dense": (lambda x: jnp.tanh(W @ x), array(5)),
    "dense, back": (lambda x: W.T @ jnp.tanh(W @ jnp.sin(x)), array(5)),
    "gather": (lambda x: x[INDEX] * x**2, array(5)),
    "gather, clipped": (
        lambda x: jnp.take(x, jnp.asarray([7, 0, 2]), mode="clip"),
        array(5),
    ),
    "gather, unknown": (lambda x: x[jnp.argsort(x)] * x, array(5)),
    "segment sum": (
        lambda x: jax.ops.segment_sum(jnp.sin(x) * x[0], INDEX, 5),
        array(5),
    ),
    "set": (lambda x: x.at[0].set(jnp.sum(x) * x[1]), array(5)),
    "add at": (lambda x: x.at[INDEX].add(x * x), array(5)),
    "stack": (lambda x: jnp.stack([x[0] * x[1], jnp.sin(x[2])]), array(5)),
    "roll": (lambda x: jnp.roll(x, 2) * x, array(5)),
    "concatenate": (
        lambda x: jnp.concatenate([x[:2] * x[2], jnp.sum(x)[None]]),
        array(5),
    ),
    "concatenate, equal columns": (
        lambda x: jnp.concatenate([(2 * x + 3 * x[SWAP])[:1], x[3:]]),
        array(5),
    ),
    "concatenate, a sum": (
        lambda x: jnp.concatenate([jnp.sum(x)[None], x[:1], jnp.ones(2)]),
        array(9),
    ),
    "stack, a sum": (lambda x: jnp.stack([jnp.sum(x), 2 * x[3]]), array(9)),
    "sum of nothing": (
        lambda x: x + jnp.sum(x[:0]) + jnp.sum(x[:0].reshape(0, 5), 0),
        array(5),
    ),
    "running sum of nothing": (
        lambda x: jnp.concatenate([jnp.cumsum(x[:0]), x * x]),
        array(5),
    ),
    "product with nothing": (lambda x: x[:3] + jnp.ones((3, 0)) @ x[:0], array(5)),
    "update with nothing": (
        lambda x: lax.dynamic_update_slice(x * x, x[:0], (3,)),
        array(5),
    ),
    "transpose": (lambda X: jnp.sin(X).T * 2.0, array(3, 4)),
    "sums": (lambda X: jnp.sum(jnp.sin(X), 0)[None] * X, array(3, 4)),
    "products": (lambda X: X @ X.T @ X, array(3, 4)),
    "mean and variance": (lambda x: (x - x.mean()) / jnp.std(x), array(6)),
    "softmax": (jax.nn.softmax, array(5)),
    "arrow": (
        lambda x: jnp.concatenate([jnp.sum(x * x)[None], x[0] * x[1:]]),
        array(40),
    ),
    "diagonal and rank one": (
        lambda x: jnp.sin(x) + x**2 * jnp.tanh(jnp.arange(40.0) @ x),
        array(40),
    ),
    "running sums": (lambda x: jnp.cumsum(x * x), array(5)),
    "convolution": (
        lambda x: jnp.convolve(x * x, jnp.arange(3.0), mode="same"),
        array(7),
    ),
    "max": (lambda X: jnp.max(X, 1), array(3, 4)),
    "sort": (jnp.sort, array(5)),
    "where": (lambda x: jnp.where(MASK, x * x, jnp.sum(x)), array(5)),
    "where, of values": (lambda x: jnp.where(x > 0, x * x, jnp.sin(x)), array(5)),
    "relu": (jax.nn.relu, array(5)),
    "loop": (looped, array(5)),
    "branch": (branched, array(5)),
    "solve": (solved, array(5)),
    "bottleneck": (bottleneck, array(5)),
    "layered": (layered, array(5)),
    "robot": (robot, array(5)),
    "custom rule": (ruled, array(5)),
    "scalar output": (lambda x: jnp.sum(jnp.sin(x)), array(5)),
    "scalar input": (lambda x: jnp.sin(x) * jnp.arange(4.0), array()),
    "rank zero": (lambda x: x * x, array()),
    "rank zero, scaled": (lambda x: jnp.sin(x * x) * 0.5, array()),
    "total of two": (
        lambda p: jnp.sum(jnp.concatenate([p["a"][None], p["b"]])),
        {"a": array(), "b": array(3)},
    ),
    "size one": (lambda x: x * jnp.sin(x), array(1)),
    "size zero": (lambda x: x * x, array(0)),
    "slices": (lambda x: x[1:6:2] * x[::-2][:3], array(7)),
    "dynamic slice": (lambda x: lax.dynamic_slice(x * x, (2,), (3,)), array(7)),
    "dynamic update": (
        lambda x: lax.dynamic_update_slice(x, x[:2] * x[5], (3,)),
        array(7),
    ),
    "repeated call": (lambda x: jax.jit(batched)(jax.jit(batched)(x)), array(6, 4)),
    "checkpoint": (jax.checkpoint(lambda x: jnp.sin(jnp.cos(x)) * x[0]), array(5)),
    "checkpointed product": (
        jax.checkpoint(lambda x: x.reshape(2, 3) @ x[3:]),
        array(6),
    ),
    "trees": (
        lambda p: {"a": W @ p["x"], "b": (p["y"][None] * p["x"][:2], p["y"] ** 2)},
        {"x": array(5), "y": array()},
    ),
}
