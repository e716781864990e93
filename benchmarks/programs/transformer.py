"""Stack of attention blocks, written out layer by layer and scanned over layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.programs.program import Draw, Program, Size

SOURCE = (
    "Vaswani et al., Attention is all you need (2017), arXiv:1706.03762; "
    "normalization before each part as in arXiv:2002.04745"
)

Block: TypeAlias = dict[str, jax.Array]


class Sizes(NamedTuple):
    """Layers, sequences at once, their length, and the width in heads."""

    layers: int
    batch: int
    length: int
    heads: int
    width: int


SIZES: dict[Size, Sizes] = {
    "small": Sizes(layers=8, batch=2, length=8, heads=2, width=16),
    "full": Sizes(layers=8, batch=4, length=64, heads=4, width=128),
}


def normalize(x: jax.Array, scale: jax.Array) -> jax.Array:
    """Layer normalization over the last axis."""
    centred = x - jnp.mean(x, axis=-1, keepdims=True)
    variance = jnp.mean(centred * centred, axis=-1, keepdims=True)
    return centred * lax.rsqrt(variance + 1e-5) * scale


def attend(block: Block, x: jax.Array, heads: int) -> jax.Array:
    """Self-attention in which each position sees those before it and itself."""
    batch, length, width = x.shape
    queries, keys, values = (
        part.reshape(batch, length, heads, width // heads)
        for part in jnp.split(x @ block["qkv"], 3, axis=-1)
    )
    scores = jnp.einsum("bqhd,bkhd->bhqk", queries, keys) * (width // heads) ** -0.5
    seen = jnp.tril(jnp.ones((length, length), bool))
    weights = jax.nn.softmax(jnp.where(seen, scores, -1e9), axis=-1)
    mixed = jnp.einsum("bhqk,bkhd->bqhd", weights, values)
    return mixed.reshape(batch, length, width) @ block["mix"]


def apply(block: Block, x: jax.Array, heads: int) -> jax.Array:
    """One block: attention and a two-layer perceptron, each beside an identity."""
    x = x + attend(block, normalize(x, block["before"]), heads)
    hidden = jax.nn.gelu(normalize(x, block["between"]) @ block["up"])
    return x + hidden @ block["down"]


def unrolled(heads: int) -> Callable[..., jax.Array]:
    def loss(blocks: list[Block], x: jax.Array, target: jax.Array) -> jax.Array:
        for block in blocks:
            x = apply(block, x, heads)
        return jnp.mean((x - target) ** 2)

    return loss


def scanned(heads: int) -> Callable[..., jax.Array]:
    def loss(blocks: Block, x: jax.Array, target: jax.Array) -> jax.Array:
        def step(x: jax.Array, block: Block) -> tuple[jax.Array, None]:
            return apply(block, x, heads), None

        x, _ = lax.scan(step, x, blocks)
        return jnp.mean((x - target) ** 2)

    return loss


def parameters(sizes: Sizes, draw: Draw) -> list[Block]:
    """The weights of each block."""
    n = sizes.width
    return [
        {
            "qkv": draw.weights(n, 3 * n),
            "mix": draw.weights(n, n),
            "up": draw.weights(n, 4 * n),
            "down": draw.weights(4 * n, n),
            "before": draw.uniform(n, low=0.5, high=1.5),
            "between": draw.uniform(n, low=0.5, high=1.5),
        }
        for _ in range(sizes.layers)
    ]


def programs(size: Size) -> list[Program]:
    sizes = SIZES[size]
    shape = (sizes.batch, sizes.length, sizes.width)

    def layers() -> tuple[Any, ...]:
        draw = Draw()
        return parameters(sizes, draw), draw.normal(*shape), draw.normal(*shape)

    def stacked() -> tuple[Any, ...]:
        blocks, x, target = layers()
        return jax.tree.map(lambda *leaves: jnp.stack(leaves), *blocks), x, target

    return [
        Program(
            name=f"transformer, {sizes.layers} layers unrolled",
            make=lambda: unrolled(sizes.heads),
            arguments=layers,
            source=SOURCE,
        ),
        Program(
            name=f"transformer, {sizes.layers} layers scanned",
            make=lambda: scanned(sizes.heads),
            arguments=stacked,
            source=SOURCE,
        ),
    ]
