"""What operations compute that irad carries as they are: for their derivative alone."""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
from jax import lax

from irad.stablehlo.rules import rule

# Normalization of batches -------------------------------------------------------------


def _other_axes(x: Any, feature_index: int) -> tuple[int, ...]:
    return tuple(i for i in range(x.ndim) if i != feature_index)


def _along(v: Any, x: Any, feature_index: int) -> Any:
    """A number for each feature, in every place of that feature in ``x``."""
    return lax.broadcast_in_dim(v, x.shape, (feature_index,))


@rule("stablehlo.batch_norm_inference")
def _inference(
    x: Any,
    scale: Any,
    offset: Any,
    mean: Any,
    variance: Any,
    *,
    epsilon: float,
    feature_index: int,
) -> Any:
    mean, scale, offset, deviation = (
        _along(v, x, feature_index)
        for v in (mean, scale, offset, lax.sqrt(variance + epsilon))
    )
    return scale * ((x - mean) / deviation) + offset


@rule("stablehlo.batch_norm_training")
def _training(
    x: Any, scale: Any, offset: Any, *, epsilon: float, feature_index: int
) -> tuple[Any, Any, Any]:
    axes = _other_axes(x, feature_index)
    mean = jnp.mean(x, axes)
    variance = jnp.mean((x - _along(mean, x, feature_index)) ** 2, axes)
    y = _inference(
        x, scale, offset, mean, variance, epsilon=epsilon, feature_index=feature_index
    )
    return y, mean, variance


@rule("stablehlo.batch_norm_grad")
def _gradient(
    x: Any,
    scale: Any,
    mean: Any,
    variance: Any,
    c: Any,
    *,
    epsilon: float,
    feature_index: int,
) -> tuple[Any, Any, Any]:
    axes = _other_axes(x, feature_index)
    count = math.prod(x.shape[i] for i in axes)
    centered = x - _along(mean, x, feature_index)
    deviation = lax.sqrt(variance + epsilon)
    total, moment = jnp.sum(c, axes), jnp.sum(c * centered, axes)
    slope = _along(moment / (variance + epsilon), x, feature_index)
    rest = c * count - _along(total, x, feature_index) - centered * slope
    factor = _along(scale / deviation / count, x, feature_index)
    return factor * rest, moment / deviation, total


# Others -------------------------------------------------------------------------------


@rule("stablehlo.einsum")
def _einsum(x: Any, y: Any, *, einsum_config: str) -> Any:
    return jnp.einsum(einsum_config, x, y)


for _annotation in ("Sharding", "annotate_device_placement", "LayoutConstraint"):
    rule(_annotation)(lambda x: x)
