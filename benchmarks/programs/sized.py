"""Programs of any size: so many equations, steps, rows of a Jacobian, or examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.programs import chains, grids, perceptron
from benchmarks.programs.program import Draw, Program, Size

STEPS = (
    "Elman, Finding structure in time, Cognitive Science 14 (1990): a recurrent net, "
    "its state summed over the steps"
)
STATES = 16


@dataclass(frozen=True)
class Family:
    """What grows, the program of a size, and the sizes."""

    name: str
    program: Callable[[int], Program]
    sizes: dict[Size, tuple[int, ...]]


def recurrent() -> Callable[..., jax.Array]:
    def loss(w: jax.Array, start: jax.Array, xs: jax.Array) -> jax.Array:
        def step(s: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
            s = jnp.tanh(w @ s + x)
            return s, jnp.sum(s)

        _, sums = lax.scan(step, start, xs)
        return jnp.mean(sums)

    return loss


def steps(n: int) -> Program:
    """A recurrent net over ``n`` steps."""

    def arguments() -> tuple[Any, ...]:
        draw = Draw()
        w = 0.9 * draw.rotation(STATES)
        return w, draw.normal(STATES), draw.normal(n, STATES)

    return Program(
        name=f"steps, {n:,}",
        make=recurrent,
        arguments=arguments,
        argnums=(0, 1),
        source=STEPS,
    )


FAMILIES = (
    Family(
        "equations",
        lambda n: chains.chain(chains.lax_chain, n, "equations"),
        {
            "small": (10, 100, 1000),
            "full": (10, 100, 1000, 10_000, 100_000),
        },
    ),
    Family(
        "steps",
        steps,
        {
            "small": (10, 100, 1000, 10_000),
            "full": (10, 100, 1000, 10_000, 100_000),
        },
    ),
    Family(
        "rows",
        lambda n: grids.line(n, f"{n:,}"),
        {
            "small": (10, 100, 1000),
            "full": (10, 100, 1000, 10_000, 100_000),
        },
    ),
    Family(
        "batch",
        perceptron.of_batch,
        {
            "small": (1, 16, 256),
            "full": (1, 16, 256, 4096, 65_536),
        },
    ),
)
