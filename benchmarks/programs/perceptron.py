"""Multilayer perceptron with softmax cross-entropy."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from benchmarks.programs.program import Draw, Program, Size

SOURCE = (
    "Rumelhart, Hinton, Williams, Learning representations by back-propagating "
    "errors, Nature 323 (1986)"
)


class Sizes(NamedTuple):
    """Examples at once, and the width of each layer."""

    batch: int
    widths: tuple[int, ...]


SIZES: dict[Size, Sizes] = {
    "small": Sizes(batch=32, widths=(64, 64, 64, 10)),
    "full": Sizes(batch=256, widths=(784, 512, 512, 512, 10)),
}


def make() -> Callable[..., jax.Array]:
    def loss(
        layers: list[dict[str, jax.Array]], x: jax.Array, labels: jax.Array
    ) -> jax.Array:
        for layer in layers[:-1]:
            x = jax.nn.relu(x @ layer["w"] + layer["b"])
        logits = x @ layers[-1]["w"] + layers[-1]["b"]
        chosen = jax.nn.log_softmax(logits) * jax.nn.one_hot(labels, logits.shape[-1])
        return -jnp.mean(jnp.sum(chosen, axis=-1))

    return loss


def program(sizes: Sizes, name: str = "MLP") -> Program:
    """A classifier of so many examples and such layers."""

    def arguments() -> tuple[Any, ...]:
        draw = Draw()
        layers = [
            {"w": draw.weights(m, n), "b": draw.normal(n, scale=0.1)}
            for m, n in pairwise(sizes.widths)
        ]
        x = draw.normal(sizes.batch, sizes.widths[0])
        return layers, x, draw.labels(sizes.batch, classes=sizes.widths[-1])

    return Program(name=name, make=make, arguments=arguments, source=SOURCE)


def of_batch(n: int) -> Program:
    """The small net for ``n`` examples."""
    return program(SIZES["small"]._replace(batch=n), f"batch, {n:,}")


def deep(layers: int) -> Program:
    """A narrow net, which takes longer to make than to run."""
    widths = (32,) * (layers + 1)
    return program(Sizes(batch=16, widths=widths), f"MLP, {layers} layers")


def programs(size: Size) -> list[Program]:
    return [program(SIZES[size])]
