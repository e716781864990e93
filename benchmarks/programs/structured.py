"""Jacobians whose structure is plain: diagonals, blocks, a rank-one term, an arrow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.programs.derivative import Derivative, Pattern
from benchmarks.programs.program import Draw, Size

SOURCE = (
    "synthetic, after the structured matrices of Golub, Van Loan, Matrix computations "
    "(2013), 1.2 and 2.1.4"
)


class Sizes(NamedTuple):
    """Entries of the vectors; blocks and their width."""

    entries: int
    blocks: tuple[int, int]


SIZES: dict[Size, Sizes] = {
    "small": Sizes(entries=100, blocks=(8, 6)),
    "full": Sizes(entries=1000, blocks=(64, 32)),
}


def elementwise() -> Callable[..., jax.Array]:
    def fun(x: jax.Array) -> jax.Array:
        return jnp.exp(-x * x) * jnp.sin(x)

    return fun


def diagonal(x: jax.Array) -> jax.Array:
    return jnp.exp(-x * x) * (jnp.cos(x) - 2 * x * jnp.sin(x))


def neighbours() -> Callable[..., jax.Array]:
    def fun(x: jax.Array) -> jax.Array:
        padded = jnp.pad(x, 1)
        return jnp.sin(x) * padded[:-2] + x * padded[2:] ** 2

    return fun


def three_diagonals(x: jax.Array) -> jax.Array:
    padded = jnp.pad(x, 1)
    left, right = padded[:-2], padded[2:]
    middle = jnp.cos(x) * left + right * right
    return jnp.concatenate([middle, jnp.sin(x[1:]), 2 * x[:-1] * x[1:]])


def mapped() -> Callable[..., jax.Array]:
    def fun(x: jax.Array, inner: jax.Array, outer: jax.Array) -> jax.Array:
        return jax.vmap(lambda x: outer @ jnp.tanh(inner @ x))(x)

    return fun


def blocks(x: jax.Array, inner: jax.Array, outer: jax.Array) -> jax.Array:
    y = jnp.tanh(x @ inner.T)
    return ((outer * (1 - y * y)[:, None, :]) @ inner).ravel()


def rank_one() -> Callable[..., jax.Array]:
    def fun(x: jax.Array, a: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.sin(x) + a * jnp.tanh(b @ x)

    return fun


def diagonal_and_rank_one(x: jax.Array, a: jax.Array, b: jax.Array) -> jax.Array:
    y, i = jnp.tanh(b @ x), np.arange(x.size)
    outer = jnp.outer(a * (1 - y * y), b)
    return outer.at[i, i].add(jnp.cos(x), unique_indices=True, indices_are_sorted=True)


def arrow() -> Callable[..., jax.Array]:
    def fun(x: jax.Array) -> jax.Array:
        head = jnp.sum(x * x, keepdims=True)
        return jnp.concatenate([head, jnp.sin(x[1:]) * x[0]])

    return fun


def head_shaft_and_diagonal(x: jax.Array) -> jax.Array:
    return jnp.concatenate([2 * x, jnp.sin(x[1:]), jnp.cos(x[1:]) * x[0]])


def arrow_pattern(n: int) -> Pattern:
    """The first row, the rest of the first column, the rest of the diagonal."""
    every = np.arange(n)
    rest, zero = every[1:], np.zeros(n, int)
    return Pattern.union((zero, every), (rest, zero[1:]), (rest, rest))


def block_pattern(count: int, width: int) -> Pattern:
    """Dense square blocks along the diagonal, block after block."""
    block, row, column = np.indices((count, width, width))
    return Pattern((block * width + row).ravel(), (block * width + column).ravel())


def programs(size: Size) -> list[Derivative]:
    n, (count, width) = SIZES[size]

    def vector() -> tuple[Any, ...]:
        return (Draw().normal(n),)

    def layers() -> tuple[Any, ...]:
        draw = Draw()
        x = draw.normal(count, width)
        return x, draw.weights(width, width), draw.weights(width, width)

    def outer() -> tuple[Any, ...]:
        draw = Draw()
        return draw.normal(n), draw.normal(n), draw.normal(n, scale=n**-0.5)

    return [
        Derivative(
            name="elementwise",
            make=elementwise,
            arguments=vector,
            by_hand=diagonal,
            pattern=lambda: Pattern.banded(n, 0),
            source=SOURCE,
        ),
        Derivative(
            name="tridiagonal",
            make=neighbours,
            arguments=vector,
            by_hand=three_diagonals,
            pattern=lambda: Pattern.banded(n, 0, -1, 1),
            source=SOURCE,
        ),
        Derivative(
            name="independent blocks",
            make=mapped,
            arguments=layers,
            by_hand=blocks,
            pattern=lambda: block_pattern(count, width),
            source=SOURCE,
        ),
        Derivative(
            name="diagonal + rank 1",
            make=rank_one,
            arguments=outer,
            by_hand=diagonal_and_rank_one,
            source=SOURCE,
        ),
        Derivative(
            name="arrow",
            make=arrow,
            arguments=vector,
            by_hand=head_shaft_and_diagonal,
            pattern=lambda: arrow_pattern(n),
            source=SOURCE,
        ),
    ]
