"""Programs by what their gradients keep: a deep net, and loops of cheap operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.programs.program import Draw, Program, Size

CHAIN = (
    "Griewank, Walther, Evaluating derivatives (2008), chapter 12: many cheap "
    "operations between two states"
)
STENCIL = (
    "LeVeque, Finite difference methods for ordinary and partial differential "
    "equations (2007), explicit steps of a reaction with five-point diffusion"
)
DEEP = "He et al., Deep residual learning for image recognition (2016), dense layers"


class Sizes(NamedTuple):
    """Of the chain, of the stencil and of the deep net."""

    chain: tuple[int, int]  # steps, entries
    stencil: tuple[int, int]  # steps, width
    deep: tuple[int, int, int]  # layers, examples, width


SIZES: dict[Size, Sizes] = {
    "small": Sizes(chain=(20, 64), stencil=(20, 16), deep=(6, 8, 16)),
    "full": Sizes(chain=(200, 10240), stencil=(200, 256), deep=(24, 1024, 256)),
}


def chain(steps: int) -> Callable[..., jax.Array]:
    """A loop of thirty elementwise operations a step."""

    def loss(start: jax.Array, rate: jax.Array) -> jax.Array:
        def step(x: jax.Array, _: None) -> tuple[jax.Array, None]:
            for _turn in range(10):
                x = rate * jnp.sin(x) + x
            return x, None

        x, _ = lax.scan(step, start, length=steps)
        return jnp.mean(x**2)

    return loss


def stencil(steps: int) -> Callable[..., jax.Array]:
    def loss(start: jax.Array) -> jax.Array:
        def step(u: jax.Array, _: None) -> tuple[jax.Array, None]:
            around = (jnp.roll(u, k, axis) for k in (1, -1) for axis in (0, 1))
            spread = sum(around, start=-4.0 * u)
            return u + 0.1 * spread * u, None

        u, _ = lax.scan(step, start, length=steps)
        return jnp.mean(u**2)

    return loss


def deep() -> Callable[..., jax.Array]:
    def loss(layers: list[jax.Array], x: jax.Array, target: jax.Array) -> jax.Array:
        for layer in layers:
            x = x + jnp.tanh(x @ layer)
        return jnp.mean((x - target) ** 2)

    return loss


def programs(size: Size) -> list[Program]:
    steps, entries = SIZES[size].chain
    ticks, width = SIZES[size].stencil
    depth, examples, units = SIZES[size].deep

    def net() -> tuple[Any, ...]:
        draw = Draw()
        layers = [draw.weights(units, units) for _ in range(depth)]
        return layers, draw.normal(examples, units), draw.normal(examples, units)

    return [
        Program(
            name="30 elementwise operations a step",
            make=lambda: chain(steps),
            arguments=lambda: (Draw().normal(entries), Draw().uniform(low=0.1)),
            argnums=(0, 1),
            source=CHAIN,
        ),
        Program(
            name="stencil",
            make=lambda: stencil(ticks),
            arguments=lambda: (Draw().uniform(width, width, low=0.1, high=0.9),),
            source=STENCIL,
        ),
        Program(
            name=f"{depth}-layer net without a loop",
            make=deep,
            arguments=net,
            source=DEEP,
        ),
    ]
