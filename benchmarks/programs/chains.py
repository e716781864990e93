"""Chains of a given number of equations, which show what one equation costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.programs.program import Draw, Program, Size

SOURCE = "synthetic: nothing but n equations, one after the other"
PERCEPTRON = "synthetic: a perceptron as deep as n equations need, four a layer"
COUNTS: dict[Size, tuple[int, ...]] = {"small": (1000,), "full": (1000, 10_000)}


def lax_chain(n: int) -> Callable[..., jax.Array]:
    def loss(x: jax.Array, w: jax.Array, b: jax.Array) -> jax.Array:
        steps = (
            lax.sin,
            lambda x: lax.mul(x, w),
            lax.tanh,
            lambda x: lax.add(x, b),
        )
        for i in range(n - 1):
            x = steps[i % len(steps)](x)
        return lax.reduce_sum(x, (0,))

    return loss


def numpy_chain(n: int) -> Callable[..., jax.Array]:
    def loss(x: jax.Array, w: jax.Array, b: jax.Array) -> jax.Array:
        steps = (
            jnp.sin,
            lambda x: x * w,
            jnp.tanh,
            lambda x: x - b,
            lambda x: x + 1e-5,
        )
        for i in range(n - 1):
            x = steps[i % len(steps)](x)
        return jnp.sum(x)

    return loss


def perceptron() -> Callable[..., jax.Array]:
    def loss(layers: list[tuple[jax.Array, jax.Array]], x: jax.Array) -> jax.Array:
        for w, b in layers:
            x = jnp.tanh(x @ w + b)
        return jnp.sum(x)

    return loss


def chain(
    make: Callable[[int], Callable[..., jax.Array]], n: int, name: str
) -> Program:
    """A chain of ``n`` equations on eight entries, at slopes whose product stays."""

    def arguments() -> tuple[Any, ...]:
        draw = Draw()
        x, w = draw.normal(8), 1 + draw.normal(8, scale=1e-4)
        return x, w, draw.normal(8, scale=1e-5)

    return Program(
        name=f"{name}, {n:,}",
        make=lambda: make(n),
        arguments=arguments,
        argnums=(0, 1, 2),
        source=SOURCE,
    )


def deep(n: int) -> Program:
    """A perceptron of ``n`` equations: dot, broadcast, add, tanh in each layer."""

    def arguments() -> tuple[Any, ...]:
        draw = Draw()
        layers = [(draw.rotation(8), draw.normal(8, scale=1e-3)) for _ in range(n // 4)]
        return layers, draw.normal(4, 8)

    return Program(
        name=f"MLP jnp, {n:,}", make=perceptron, arguments=arguments, source=PERCEPTRON
    )


def programs(size: Size) -> list[Program]:
    return [
        *(chain(lax_chain, n, "chain lax") for n in COUNTS[size]),
        *(chain(numpy_chain, n, "chain jnp") for n in COUNTS[size]),
        *(deep(n) for n in COUNTS[size]),
    ]
