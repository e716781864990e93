"""Models written again for PyTorch, as its users write them, on the same arguments.

Values are held against those of JAX's programs.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.programs.program import Size
from benchmarks.programs.transformer import SIZES, Sizes


def perceptron(layers: Any, x: Any, labels: Any) -> Any:
    functional = importlib.import_module("torch.nn.functional")
    for layer in layers[:-1]:
        x = functional.relu(x @ layer["w"] + layer["b"])
    logits = x @ layers[-1]["w"] + layers[-1]["b"]
    return functional.cross_entropy(logits, labels.long())


def lstm(params: Any, xs: Any, target: Any) -> Any:
    torch = importlib.import_module("torch")
    h = memory = xs.new_zeros(xs.shape[1], params["hidden"].shape[0])
    for x in xs:
        gates = x @ params["input"] + h @ params["hidden"] + params["bias"]
        write, forget, read, new = gates.chunk(4, dim=-1)
        kept = torch.sigmoid(forget + 1.0) * memory
        memory = kept + torch.sigmoid(write) * torch.tanh(new)
        h = torch.sigmoid(read) * torch.tanh(memory)
    return ((h - target) ** 2).mean()


def transformer(sizes: Sizes, blocks: Any, x: Any, target: Any) -> Any:
    functional = importlib.import_module("torch.nn.functional")

    def heads(part: Any) -> Any:
        return part.unflatten(-1, (sizes.heads, -1)).transpose(1, 2)

    for block in blocks:
        normal = functional.layer_norm(x, (sizes.width,), block["before"])
        parts = map(heads, (normal @ block["qkv"]).chunk(3, dim=-1))
        seen = functional.scaled_dot_product_attention(*parts, is_causal=True)
        x = x + seen.transpose(1, 2).flatten(-2) @ block["mix"]
        normal = functional.layer_norm(x, (sizes.width,), block["between"])
        hidden = functional.gelu(normal @ block["up"], approximate="tanh")
        x = x + hidden @ block["down"]
    return ((x - target) ** 2).mean()


def models(size: Size) -> dict[str, Callable[..., Any]]:
    """Losses by the names of the programs that they are written after."""
    layers = SIZES[size]
    return {
        "MLP": perceptron,
        "LSTM": lstm,
        f"transformer, {layers.layers} layers unrolled": partial(transformer, layers),
    }
