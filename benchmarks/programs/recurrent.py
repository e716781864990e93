"""Recurrent nets over a sequence: long short-term memories, a gated recurrent unit."""

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
DIAGONAL = (
    "ADBench (Microsoft, 2019): next characters by a stack of long short-term memories "
    "whose weights are diagonal"
)
GRU = "Cho et al., Learning phrase representations (2014), arXiv:1406.1078"


class Sizes(NamedTuple):
    """Steps, sequences at once, inputs and hidden units; layers and characters."""

    steps: int
    batch: int
    inputs: int
    hidden: int
    stack: tuple[int, int]


SIZES: dict[Size, Sizes] = {
    "small": Sizes(steps=20, batch=4, inputs=8, hidden=16, stack=(2, 14)),
    "full": Sizes(steps=200, batch=32, inputs=64, hidden=128, stack=(4, 128)),
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


def diagonal() -> Callable[..., jax.Array]:
    def loss(layers: jax.Array, ends: dict[str, jax.Array], xs: jax.Array) -> jax.Array:
        def cell(
            x: jax.Array, layer: tuple[jax.Array, jax.Array, jax.Array]
        ) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
            (weights, biases), h, memory = layer
            forget = jax.nn.sigmoid(x * weights[0] + biases[0])
            write = jax.nn.sigmoid(h * weights[1] + biases[1])
            read = jax.nn.sigmoid(x * weights[2] + biases[2])
            memory = memory * forget + write * jnp.tanh(h * weights[3] + biases[3])
            h = read * jnp.tanh(memory)
            return h, (h, memory)

        def step(
            states: tuple[jax.Array, jax.Array], x: jax.Array
        ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
            top, states = lax.scan(cell, x * ends["in"], (layers, *states))
            guess = top * ends["out"] + ends["bias"]
            return states, guess - jnp.log(jnp.sum(jnp.exp(guess)) + 2)

        zeros = jnp.zeros((layers.shape[0], xs.shape[1]), xs.dtype)
        _, guesses = lax.scan(step, (zeros, zeros), xs[:-1])
        return -jnp.mean(jnp.sum(xs[1:] * guesses, axis=1))

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

    def characters() -> tuple[Any, ...]:
        draw = Draw()
        layers, width = sizes.stack
        ends = {name: draw.normal(width) for name in ("in", "out", "bias")}
        text = jax.nn.one_hot(draw.labels(sizes.steps, classes=width), width)
        return draw.normal(layers, 2, 4, width), ends, text.astype(jnp.float32)

    return [
        Program(name="LSTM", make=lstm, arguments=lambda: arguments(4), source=LSTM),
        Program(name="GRU", make=gru, arguments=lambda: arguments(3), source=GRU),
        Program(
            name="stack of diagonal LSTMs",
            make=diagonal,
            arguments=characters,
            argnums=(0, 1),
            source=DIAGONAL,
        ),
    ]
