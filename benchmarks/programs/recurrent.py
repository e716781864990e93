"""Recurrent nets over a sequence: long short-term memory and gated recurrent unit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.programs.program import Draw, Program, Size

LSTM = (
    "Hochreiter, Schmidhuber, Long short-term memory, Neural Computation 9 (1997), "
    "with forget gates (Gers, Schmidhuber, Cummins 2000)"
)
GRU = "Cho et al., Learning phrase representations (2014), arXiv:1406.1078"


class Sizes(NamedTuple):
    """Steps, sequences at once, inputs and hidden units."""

    steps: int
    batch: int
    inputs: int
    hidden: int


SIZES: dict[Size, Sizes] = {
    "small": Sizes(steps=20, batch=4, inputs=8, hidden=16),
    "full": Sizes(steps=200, batch=32, inputs=64, hidden=128),
}


def lstm() -> Callable[..., jax.Array]:
    def loss(
        params: dict[str, jax.Array], xs: jax.Array, target: jax.Array
    ) -> jax.Array:
        def step(
            carry: tuple[jax.Array, jax.Array], x: jax.Array
        ) -> tuple[tuple[jax.Array, jax.Array], None]:
            h, memory = carry
            gates = x @ params["input"] + h @ params["hidden"] + params["bias"]
            write, forget, read, new = jnp.split(gates, 4, axis=-1)
            kept = jax.nn.sigmoid(forget + 1.0) * memory
            memory = kept + jax.nn.sigmoid(write) * jnp.tanh(new)
            return (jax.nn.sigmoid(read) * jnp.tanh(memory), memory), None

        zeros = jnp.zeros((xs.shape[1], params["hidden"].shape[0]), xs.dtype)
        (h, _), _ = lax.scan(step, (zeros, zeros), xs)
        return jnp.mean((h - target) ** 2)

    return loss


def gru() -> Callable[..., jax.Array]:
    def loss(
        params: dict[str, jax.Array], xs: jax.Array, target: jax.Array
    ) -> jax.Array:
        def step(h: jax.Array, x: jax.Array) -> tuple[jax.Array, None]:
            reset_in, update_in, new_in = jnp.split(
                x @ params["input"] + params["bias"], 3, axis=-1
            )
            reset_h, update_h, new_h = jnp.split(h @ params["hidden"], 3, axis=-1)
            reset = jax.nn.sigmoid(reset_in + reset_h)
            update = jax.nn.sigmoid(update_in + update_h)
            new = jnp.tanh(new_in + reset * new_h)
            return (1.0 - update) * new + update * h, None

        zeros = jnp.zeros((xs.shape[1], params["hidden"].shape[0]), xs.dtype)
        h, _ = lax.scan(step, zeros, xs)
        return jnp.mean((h - target) ** 2)

    return loss


def programs(size: Size) -> list[Program]:
    sizes = SIZES[size]

    def arguments(gates: int) -> tuple[Any, ...]:
        draw = Draw()
        params = {
            "input": draw.weights(sizes.inputs, gates * sizes.hidden),
            "hidden": draw.weights(sizes.hidden, gates * sizes.hidden),
            "bias": draw.normal(gates * sizes.hidden, scale=0.1),
        }
        xs = draw.normal(sizes.steps, sizes.batch, sizes.inputs)
        return params, xs, draw.normal(sizes.batch, sizes.hidden)

    return [
        Program(name="LSTM", make=lstm, arguments=lambda: arguments(4), source=LSTM),
        Program(name="GRU", make=gru, arguments=lambda: arguments(3), source=GRU),
    ]
