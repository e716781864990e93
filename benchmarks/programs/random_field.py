"""Linear-chain conditional random field: the forward algorithm in logarithms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import logsumexp

from benchmarks.programs.program import Draw, Program, Size

SOURCE = "Lafferty, McCallum, Pereira, Conditional random fields, ICML (2001)"


class Sizes(NamedTuple):
    """Positions, sequences at once, tags."""

    steps: int
    batch: int
    tags: int


SIZES: dict[Size, Sizes] = {
    "small": Sizes(steps=20, batch=4, tags=5),
    "full": Sizes(steps=200, batch=16, tags=24),
}


def make() -> Callable[..., jax.Array]:
    def loss(
        transitions: jax.Array, emissions: jax.Array, tags: jax.Array
    ) -> jax.Array:
        def step(alpha: jax.Array, emission: jax.Array) -> tuple[jax.Array, None]:
            return logsumexp(alpha[:, :, None] + transitions, axis=1) + emission, None

        alpha, _ = lax.scan(step, emissions[0], emissions[1:])
        chosen = jnp.take_along_axis(emissions, tags[:, :, None], axis=2)
        moves = transitions[tags[:-1], tags[1:]]
        score = jnp.sum(chosen) + jnp.sum(moves)
        return (jnp.sum(logsumexp(alpha, axis=1)) - score) / emissions.shape[1]

    return loss


def programs(size: Size) -> list[Program]:
    steps, batch, tags = SIZES[size]

    def arguments() -> tuple[Any, ...]:
        draw = Draw()
        transitions, emissions = (
            draw.normal(tags, tags),
            draw.normal(steps, batch, tags),
        )
        return transitions, emissions, draw.labels(steps, batch, classes=tags)

    return [
        Program(
            name="CRF, forward algorithm",
            make=make,
            arguments=arguments,
            argnums=(0, 1),
            source=SOURCE,
        )
    ]
