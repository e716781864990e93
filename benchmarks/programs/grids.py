"""Discretized differential equations: Burgers on a line, Bratu on a square."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.programs.derivative import Derivative, Pattern
from benchmarks.programs.program import Draw, Size

BURGERS = (
    "Burgers, A mathematical model illustrating the theory of turbulence (1948), by "
    "central differences with zero boundary values"
)
BRATU = (
    "Averick, Carter, More, Xue, The MINPACK-2 test problem collection (1992), solid "
    "fuel ignition, by the 5-point stencil with zero boundary values"
)
VISCOSITY, HEAT = 0.01, 5.0


class Sizes(NamedTuple):
    """Points of the lines, and points along a side of the squares."""

    lines: tuple[int, ...]
    squares: tuple[int, ...]


SIZES: dict[Size, Sizes] = {
    "small": Sizes(lines=(100, 200), squares=(8, 12)),
    "full": Sizes(lines=(1000, 10_000), squares=(30, 100)),
}


def burgers() -> Callable[..., jax.Array]:
    def fun(u: jax.Array) -> jax.Array:
        h = 1 / (u.size + 1)
        padded = jnp.pad(u, 1)
        left, right = padded[:-2], padded[2:]
        flow = u * (right - left) / (2 * h)
        return VISCOSITY * (right - 2 * u + left) / h**2 - flow

    return fun


def burgers_by_hand(u: jax.Array) -> jax.Array:
    """The diagonal, the one below, the one above."""
    n = 1 / (2 / (u.size + 1))
    spread = VISCOSITY * (2 * n) ** 2
    padded, convection = jnp.pad(u, 1), n * u
    middle = n * (padded[:-2] - padded[2:]) - 2 * spread
    return jnp.concatenate([middle, spread + convection[1:], spread - convection[:-1]])


def bratu() -> Callable[..., jax.Array]:
    def fun(u: jax.Array) -> jax.Array:
        h = 1 / (u.shape[0] + 1)
        padded = jnp.pad(u, 1)
        around = padded[:-2, 1:-1] + padded[2:, 1:-1]
        beside = padded[1:-1, :-2] + padded[1:-1, 2:]
        return 4 * u - around - beside - HEAT * h**2 * jnp.exp(u)

    return fun


def flattened() -> Callable[..., jax.Array]:
    inner = bratu()

    def fun(u: jax.Array) -> jax.Array:
        side = round(u.size**0.5)
        return inner(u.reshape(side, side)).ravel()

    return fun


def bratu_by_hand(u: jax.Array) -> jax.Array:
    """The diagonal, then -1 for each pair of neighbours, in both orders."""
    side = round(u.size**0.5)
    middle = 4 - HEAT / (side + 1) ** 2 * jnp.exp(u.ravel())
    return jnp.concatenate([middle, jnp.full(4 * side * (side - 1), -1, u.dtype)])


def stencil(side: int) -> Pattern:
    """The point itself, then its neighbours in the four directions."""
    points = np.arange(side * side).reshape(side, side)
    upper, lower = points[:-1].ravel(), points[1:].ravel()
    left, right = points[:, :-1].ravel(), points[:, 1:].ravel()
    pairs = [(upper, lower), (lower, upper), (left, right), (right, left)]
    return Pattern.union((points.ravel(), points.ravel()), *pairs)


def line(n: int, ordinal: str) -> Derivative:
    return Derivative(
        name=f"Burgers, {ordinal}",
        make=burgers,
        arguments=lambda: (Draw().normal(n),),
        by_hand=burgers_by_hand,
        pattern=lambda: Pattern.banded(n, 0, -1, 1),
        source=BURGERS,
    )


def square(side: int, ordinal: str, *, is_flat: bool) -> Derivative:
    def arguments() -> tuple[Any, ...]:
        u = Draw().normal(side, side)
        return (u.ravel(),) if is_flat else (u,)

    return Derivative(
        name=f"Bratu, {'flattened, ' if is_flat else ''}{ordinal}",
        make=flattened if is_flat else bratu,
        arguments=arguments,
        by_hand=bratu_by_hand,
        pattern=lambda: stencil(side),
        source=BRATU,
    )


def programs(size: Size) -> list[Derivative]:
    lines, squares = SIZES[size]
    ordinals = ("coarse", "fine")
    return [
        *(line(n, name) for n, name in zip(lines, ordinals, strict=True)),
        *(
            square(side, name, is_flat=is_flat)
            for side, name in zip(squares, ordinals, strict=True)
            for is_flat in (False, True)
        ),
    ]
