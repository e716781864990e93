"""Rules of the primitives that move elements about: reshape, slice, pad, concatenate.

All are linear, and a transpose puts each element of the cotangent back where it came
from: repeated elements are summed, dropped ones get zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax

from irad._compat import ir
from irad.linear_map import Apply, Array, Joint
from irad.rules.registry import joint, linear
from irad.sums import summed


def _reshaped(c: Array, J: Apply) -> Array:
    """Reshapes back; ``dimensions`` is a permutation of the operand's axes before."""
    x, order = J.domain, J.params["dimensions"]
    if order is None:
        return lax.reshape(c, x.shape, out_sharding=x.sharding)
    spec = x.sharding.spec.update(partitions=tuple(x.sharding.spec[d] for d in order))
    permuted = lax.reshape(
        c, [x.shape[d] for d in order], out_sharding=x.sharding.update(spec=spec)
    )
    return lax.transpose(permuted, np.argsort(order))


def _summed(c: Array, J: Apply) -> Array:
    """Sums over the axes that ``broadcast_in_dim`` added or stretched from size 1."""
    x = J.domain
    spec = x.sharding.spec
    places = J.params["broadcast_dimensions"]
    units = [i for i, n in enumerate(x.shape) if n == 1 and spec[i] is None]
    kept = [i for i in range(len(x.shape)) if i not in units]
    axes = sorted(set(range(c.ndim)) - {places[i] for i in kept})
    if not axes:
        return c
    total = summed(
        c,
        axes,
        out_sharding=x.sharding.update(
            spec=spec.update(partitions=tuple(spec[i] for i in kept))
        ),
    )
    return lax.expand_dims(total, units) if units else total


def _sum_of_tiles(c: Array, J: Apply) -> Array:
    """Sums the ``reps`` copies along each axis."""
    x = J.domain
    pairs = zip(J.params["reps"], x.shape, strict=True)
    spec = tuple(part for of in x.sharding.spec for part in (None, of))
    tiles = lax.reshape(
        c,
        [n for pair in pairs for n in pair],
        out_sharding=x.sharding.update(spec=spec),
    )
    return lax.reduce_sum(tiles, range(0, tiles.ndim, 2))


def _padded(c: Array, J: Apply) -> Array:
    """Puts a slice back in its place, zeros around and between."""
    start = J.params["start_indices"]
    stride = J.params["strides"] or (1,) * len(start)
    config = [
        (lo, n - lo - (max((m - 1) * s + 1, 0)), s - 1)
        for lo, s, m, n in zip(start, stride, c.shape, J.domain.shape, strict=True)
    ]
    return lax.pad(c, _zero(c), config)


def _unpadded(c: Array, J: Joint) -> Sequence[Array]:
    """The elements of the operand, and the sum of all others for the padding value."""
    config = J.params["padding_config"]
    cut = [(-lo, -hi, 0) for lo, hi, _ in config]
    inner = lax.pad(c, _zero(c), cut) if any(map(any, cut)) else c
    strides = [gap + 1 for _, _, gap in config]
    c_x = lax.slice(inner, [0] * c.ndim, inner.shape, strides)
    every = range(c.ndim)
    return c_x, lax.sub(lax.reduce_sum(c, every), lax.reduce_sum(c_x, every))


def _split(c: Array, J: Joint) -> Sequence[Array]:
    axis = J.params["dimension"]
    sizes = [x.shape[axis] for x in J.domains if x is not None]
    return lax.split(c, sizes, axis)


def _concatenated(c: Sequence[Array | None], J: Joint) -> Sequence[Array]:
    axis, sizes = J.params["axis"], J.params["sizes"]
    (x,) = J.domains
    shapes = [[*x.shape[:axis], n, *x.shape[axis + 1 :]] for n in sizes]
    return [lax.concatenate(_filled(c, shapes), axis)]


def _stacked(c: Sequence[Array | None], J: Joint) -> Sequence[Array]:
    axis = J.params["axis"]
    (x,) = J.domains
    shape = [*x.shape[:axis], *x.shape[axis + 1 :]]
    return [lax.stack(_filled(c, [shape] * len(c)), axis=axis)]


def _filled(c: Sequence[Array | None], shapes: Sequence[Sequence[int]]) -> list[Array]:
    """The cotangents of all results, zeros for those that have none."""
    one = next(c_j for c_j in c if c_j is not None)
    return [
        c_j
        if c_j is not None
        else lax.full_like(one, 0, shape=tuple(shape), sharding=ir.typeof(one).sharding)
        for c_j, shape in zip(c, shapes, strict=True)
    ]


def _zero(c: Array) -> Any:
    return np.zeros((), c.dtype)


linear(lax.reshape_p, _reshaped)
linear(
    lax.transpose_p,
    lambda c, J: lax.transpose(c, np.argsort(J.params["permutation"])),
)
linear(lax.broadcast_in_dim_p, _summed)
linear(lax.squeeze_p, lambda c, J: lax.expand_dims(c, J.params["dimensions"]))
linear(lax.rev_p, lambda c, J: lax.rev(c, J.params["dimensions"]))
linear(lax.tile_p, _sum_of_tiles)
linear(lax.slice_p, _padded)
joint(lax.pad_p, _unpadded)
joint(lax.concatenate_p, _split)
joint(lax.stack_p, lambda c, J: lax.unstack(c, axis=J.params["axis"]))
joint(lax.split_p, _concatenated)
joint(lax.unstack_p, _stacked)
