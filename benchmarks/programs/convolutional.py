"""Convolutional network with max-pooling and a dense head."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.programs.program import Draw, Program, Size

SOURCE = (
    "LeCun, Bottou, Bengio, Haffner, Gradient-based learning applied to document "
    "recognition, Proc. IEEE 86 (1998); max-pooling and rectifiers as since 2010"
)


class Sizes(NamedTuple):
    """Images at once, their width, and the channels of each convolution."""

    batch: int
    width: int
    channels: tuple[int, ...]
    classes: int


SIZES: dict[Size, Sizes] = {
    "small": Sizes(batch=4, width=16, channels=(1, 8, 16), classes=10),
    "full": Sizes(batch=32, width=32, channels=(3, 32, 64), classes=10),
}


def convolve(x: jax.Array, kernel: jax.Array) -> jax.Array:
    """A 3 x 3 convolution that keeps the width."""
    return lax.conv_general_dilated(
        x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )


def halve(x: jax.Array) -> jax.Array:
    """The maxima over 2 x 2 windows."""
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def make() -> Callable[..., jax.Array]:
    def loss(params: dict[str, Any], images: jax.Array, labels: jax.Array) -> jax.Array:
        x = images
        for kernel, bias in zip(params["kernels"], params["biases"], strict=True):
            x = halve(jax.nn.relu(convolve(x, kernel) + bias))
        logits = x.reshape(x.shape[0], -1) @ params["head"]
        chosen = jax.nn.log_softmax(logits) * jax.nn.one_hot(labels, logits.shape[-1])
        return -jnp.mean(jnp.sum(chosen, axis=-1))

    return loss


def programs(size: Size) -> list[Program]:
    sizes = SIZES[size]
    *inputs, last = sizes.channels
    outputs = sizes.channels[1:]
    flat = (sizes.width // 2 ** len(outputs)) ** 2 * last

    def arguments() -> tuple[Any, ...]:
        draw = Draw()
        params = {
            "kernels": [
                draw.normal(3, 3, m, n, scale=(9 * m) ** -0.5)
                for m, n in zip(inputs, outputs, strict=True)
            ],
            "biases": [draw.normal(n, scale=0.1) for n in outputs],
            "head": draw.weights(flat, sizes.classes),
        }
        images = draw.normal(sizes.batch, sizes.width, sizes.width, inputs[0])
        return params, images, draw.labels(sizes.batch, classes=sizes.classes)

    name = "CNN, max-pool"
    return [Program(name=name, make=make, arguments=arguments, source=SOURCE)]
