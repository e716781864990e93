"""Small programs around one operation that is hard to differentiate or to carry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.programs.program import Draw, Program, Size

Make = Callable[[], Callable[..., jax.Array]]
SIZES: dict[Size, int] = {"small": 32, "full": 256}


@dataclass(frozen=True, kw_only=True)
class Operation(Program):
    """A program, and the same written so that JAX can differentiate it, if need be."""

    twin: Make | None = None


def unknown_length() -> Callable[..., jax.Array]:
    def settled(a: jax.Array) -> jax.Array:
        """The fixed point of x -> tanh(a x) + 1 / 2, by as many steps as it takes."""

        def step(carry: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
            x, _ = carry
            return jnp.tanh(a @ x) + 0.5, x

        def moves(carry: tuple[jax.Array, jax.Array]) -> jax.Array:
            x, before = carry
            return jnp.max(jnp.abs(x - before)) > 1e-3

        start = jnp.zeros(len(a), a.dtype)
        return jnp.sum(lax.while_loop(moves, step, (start, start - 1))[0])

    return settled


def masked() -> Callable[..., jax.Array]:
    def settled(a: jax.Array) -> jax.Array:
        def step(carry: Any, _: None) -> tuple[Any, None]:
            x, before = carry
            moves = jnp.max(jnp.abs(x - before)) > 1e-3
            after = jnp.where(moves, jnp.tanh(a @ x) + 0.5, x)
            return (after, jnp.where(moves, x, before)), None

        start = jnp.zeros(len(a), a.dtype)
        (x, _), _ = lax.scan(step, (start, start - 1), length=60)
        return jnp.sum(x)

    return settled


def branch() -> Callable[..., jax.Array]:
    def loss(a: jax.Array) -> jax.Array:
        is_large = jnp.sum(a * a) > len(a)
        return lax.cond(
            is_large, lambda a: jnp.sum(jnp.log1p(a * a)), lambda a: jnp.sum(a**3), a
        )

    return loss


def factor() -> Callable[..., jax.Array]:
    def log_determinant(a: jax.Array) -> jax.Array:
        factor = jnp.linalg.cholesky(a @ a.T + jnp.eye(len(a), dtype=a.dtype))
        return jnp.sum(jnp.log(jnp.diagonal(factor)))

    return log_determinant


def singular() -> Callable[..., jax.Array]:
    def loss(a: jax.Array) -> jax.Array:
        u, s, vt = jnp.linalg.svd(a[:, : len(a) // 2], full_matrices=False)
        return jnp.sum(s) + jnp.sum((u @ vt) ** 3)

    return loss


def ordered() -> Callable[..., jax.Array]:
    def distance(a: jax.Array) -> jax.Array:
        """The squared distance of sorted rows, as of distributions on a line."""
        x = jnp.sort(a, axis=1)
        return jnp.mean((x[1:] - x[:-1]) ** 2)

    return distance


def spectrum() -> Callable[..., jax.Array]:
    def roughness(a: jax.Array) -> jax.Array:
        energy = jnp.abs(jnp.fft.rfft2(a)) ** 2
        return jnp.mean(energy * jnp.arange(energy.shape[1], dtype=a.dtype))

    return roughness


def programs(size: Size) -> list[Program]:
    n = SIZES[size]

    def arguments() -> tuple[Any, ...]:
        return (Draw().normal(n, n, scale=0.5 * n**-0.5),)

    made: dict[str, tuple[Make, Make | None]] = {
        "while": (unknown_length, masked),
        "cond": (branch, None),
        "cholesky": (factor, None),
        "svd": (singular, None),
        "sort": (ordered, None),
        "fft": (spectrum, None),
    }
    return [
        Operation(name=name, make=make, twin=twin, arguments=arguments, source="here")
        for name, (make, twin) in made.items()
    ]
