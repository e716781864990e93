"""Moving elements of arrays whose unchanging axes have size 1, on host and device.

Each function takes ``np`` or ``jnp`` and an array with the axes (k, *shape) of a term,
any of which may have size 1 in place of its full size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from irad.errors import IradError

Array = Any
Shape = tuple[int, ...]

LARGEST = 1 << 25


class TooWideError(IradError):
    """The entries of some Jacobian are too many to be kept in terms."""


def check(entries: int) -> None:
    """TooWideError where so many entries cannot be kept in terms."""
    if entries > LARGEST:
        raise TooWideError("a Jacobian has too many entries to be kept in terms")


def spread(xp: Any, x: Array, shape: Sequence[int], axes: Sequence[int]) -> Array:
    """``x`` with ``axes`` of the variable's ``shape`` at their full size."""
    full = list(x.shape)
    for axis in axes:
        full[axis + 1] = shape[axis]
    if tuple(full) == x.shape:
        return x
    if xp is np:
        check(math.prod(full))
    return xp.broadcast_to(x, tuple(full))


def spread_all(xp: Any, x: Array, shape: Sequence[int]) -> Array:
    """``x`` with all axes of the variable's ``shape`` at their full size."""
    return spread(xp, x, shape, range(len(shape)))


def reshaped(xp: Any, x: Array, old: Shape, new: Shape) -> Array:
    """``x`` for a variable reshaped from ``old`` to ``new``.

    Axes that are merged or split together stay size 1 if all of them are.
    """
    mixed: list[int] = []
    result: list[int] = [x.shape[0]]
    for before, after in _groups(old, new):
        if all(x.shape[i + 1] == 1 for i in before):
            result += [1] * len(after)
        else:
            mixed += before
            result += [new[i] for i in after]
    return spread(xp, x, old, mixed).reshape(tuple(result))


def _groups(old: Shape, new: Shape) -> Iterator[tuple[list[int], list[int]]]:
    """Runs of axes of equal product, the shortest that there are."""
    if 0 in old:
        yield list(range(len(old))), list(range(len(new)))
        return
    i = j = 0
    while i < len(old) or j < len(new):
        before, after, m, n = [], [], 1, 1
        if i < len(old):
            before, m, i = [i], old[i], i + 1
        if j < len(new):
            after, n, j = [j], new[j], j + 1
        while m != n:
            if m < n:
                before.append(i)
                m, i = m * old[i], i + 1
            else:
                after.append(j)
                n, j = n * new[j], j + 1
        yield before, after


def taken(xp: Any, x: Array, old: Shape, source: np.ndarray) -> Array:
    """``x`` for a variable whose element ``e`` is element ``source[e]`` of the old one.

    ``source`` holds flat positions; what stands at -1 is not specified.
    """
    if all(n == 1 for n in x.shape[1:]):
        return x.reshape(x.shape[0], *[1] * source.ndim)
    flat = spread_all(xp, x, old).reshape(x.shape[0], -1)
    positions = np.maximum(source, 0).reshape(-1)
    pieces = [_run(flat, a, b, step) for a, b, step in _runs(positions)]
    if len(pieces) == 1:
        found = pieces[0]
    elif pieces:
        found = xp.concatenate(pieces, axis=1)
    else:
        found = flat[:, positions]
    return found.reshape(x.shape[0], *source.shape)


_MANY_RUNS = 8


def _runs(positions: np.ndarray) -> list[tuple[int, int, int]]:
    """Positions as few arithmetic runs (first, last, step), else nothing."""
    if positions.size < 2:
        return [(int(p), int(p), 1) for p in positions]
    steps = np.diff(positions)
    breaks = np.flatnonzero(np.diff(steps) != 0)
    if len(breaks) > 2 * _MANY_RUNS:
        return []
    runs, start = [], 0
    while start < positions.size:
        if start == positions.size - 1:
            runs.append((int(positions[start]), int(positions[start]), 1))
            break
        step = steps[start]
        differing = np.flatnonzero(steps[start:] != step)
        stop = start + int(differing[0]) if len(differing) else positions.size - 1
        if step <= 0:
            return []
        runs.append((int(positions[start]), int(positions[stop]), int(step)))
        start = stop + 1
    return runs if len(runs) <= _MANY_RUNS else []


def is_gathered(shape: Shape, source: np.ndarray) -> bool:
    """Whether ``taken`` reads entries of such a shape one by one."""
    if all(n == 1 for n in shape[1:]):
        return False
    return not _runs(np.maximum(source, 0).reshape(-1))


def _run(flat: Array, first: int, last: int, step: int) -> Array:
    return flat[:, first : last + 1 : step]


def masked(index: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Columns where ``mask`` holds, and none elsewhere."""
    check(math.prod(np.broadcast_shapes(index.shape, mask.shape)))
    return np.where(mask, index, -1)


def is_constant_along(index: np.ndarray, axis: int) -> bool:
    """Whether the columns do not change along an axis of the array."""
    if index.shape[axis] == 1:
        return True
    first = np.take(index, [0], axis)
    return bool((index == first).all())


def squeezed(index: np.ndarray) -> np.ndarray:
    """Columns with every axis of size 1 along which they do not change."""
    for axis in range(1, index.ndim):
        if index.shape[axis] > 1 and is_constant_along(index, axis):
            index = np.take(index, [0], axis)
    return np.ascontiguousarray(index)
