"""Patterns of gather, scatter and dynamic slices, whether indices are known or not.

Both gather and scatter move windows between an operand and a batch of starts. The
places in the operand of all elements of all windows decide the pattern. Along an axis
whose starts are not known, any place is possible: the axis is shrunk to one place that
stands for all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax.lax import GatherScatterMode

from irad.compression.pattern import NOTHING, Array, Pattern, size, stacked
from irad.compression.site import (
    Patterns,
    Site,
    mixed,
    numbers_of,
    reduced,
    spread,
    united,
)


@dataclass(frozen=True)
class Windows:
    """Windows in an operand, laid out as a gather's result or a scatter's updates.

    ``layout`` is the shape of that array and ``offset_dims`` its axes within a window;
    ``window_dims`` are the operand's axes that these run along, in order. ``starts`` is
    the array of starts, its last axis over ``indexed`` axes of the operand, or None.
    """

    operand: tuple[int, ...]
    layout: tuple[int, ...]
    offset_dims: tuple[int, ...]
    window_dims: tuple[int, ...]
    indexed: tuple[int, ...]
    batching: tuple[tuple[int, int], ...]
    sizes: tuple[int, ...]
    starts: Array | None
    starts_shape: tuple[int, ...]
    clips: bool

    @property
    def shrunk(self) -> tuple[int, ...]:
        """The operand's shape, one place along each axis whose starts are unknown."""
        return tuple(
            min(n, 1) if self.starts is None and d in self.indexed else n
            for d, n in enumerate(self.operand)
        )

    def places(self) -> Array:
        """The place in the shrunk operand of each element; ``NOTHING`` if outside."""
        where = np.zeros(self.layout, np.int64)
        inside = np.ones(self.layout, np.bool_)
        shape = self.shrunk
        strides = [size(shape[d + 1 :]) for d in range(len(shape))]
        for d, n in enumerate(self.operand):
            if self.starts is None and d in self.indexed:
                continue
            at, fits = self._along(d, n)
            where += at * strides[d]
            inside &= fits
        return np.where(inside, where, NOTHING)

    def _along(self, d: int, n: int) -> tuple[Array, Array]:
        """Positions along an axis of the operand, and which windows lie inside it."""
        at: Array = np.zeros((1,) * len(self.layout), np.int64)
        fits: Array = np.ones((1,) * len(self.layout), np.bool_)
        if d in self.window_dims:
            axis = self.offset_dims[self.window_dims.index(d)]
            at = at + _axis(self.layout[axis], axis, len(self.layout))
        for own, other in self.batching:
            if own == d:
                axis = self._batch_axes()[other]
                at = at + _axis(self.layout[axis], axis, len(self.layout))
        if d in self.indexed and self.starts is not None:
            start = self.starts[..., self.indexed.index(d)].astype(np.int64)
            last = n - self.sizes[d]
            if self.clips:
                start = np.clip(start, 0, last)
            shape = [1] * len(self.layout)
            for axis, m in zip(self._batch_axes(), start.shape, strict=True):
                shape[axis] = m
            start = start.reshape(shape)
            fits = (start >= 0) & (start <= last)
            at = at + start
        return at, fits

    def _batch_axes(self) -> list[int]:
        return [d for d in range(len(self.layout)) if d not in self.offset_dims]


def _axis(n: int, axis: int, rank: int) -> Array:
    """Positions along one axis of an array of a rank."""
    return np.arange(n).reshape([n if d == axis else 1 for d in range(rank)])


def gather(site: Site) -> Patterns:
    """Each element is one of the operand's, or one of those along unknown axes."""
    p, shape = site.patterns[0], site.shape(0)
    mode, numbers = site.params["mode"], site.params["dimension_numbers"]
    if p is None or mode is GatherScatterMode.ONE_HOT:
        return mixed(site)
    sizes = tuple(site.params["slice_sizes"])
    dropped = {*numbers.collapsed_slice_dims, *numbers.operand_batching_dims}
    windows = Windows(
        shape,
        site.out_shape,
        tuple(numbers.offset_dims),
        tuple(d for d in range(len(shape)) if d not in dropped),
        tuple(numbers.start_index_map),
        _pairs(numbers.operand_batching_dims, numbers.start_indices_batching_dims),
        sizes,
        site.value(1),
        site.shape(1),
        clips=mode is not GatherScatterMode.FILL_OR_DROP,
    )
    p = _along_all(p, shape, windows.shrunk)
    return [p.take(windows.places())]


def _along_all(p: Pattern, shape: Sequence[int], shrunk: Sequence[int]) -> Pattern:
    """The pattern of sums along the axes that are shrunk to one place."""
    return reduced(p, shape, [d for d, n in enumerate(shape) if n != shrunk[d]])


def _pairs(a: Sequence[int], b: Sequence[int]) -> tuple[tuple[int, int], ...]:
    return tuple(zip(a, b, strict=True))


def scatter(site: Site) -> Patterns:
    """Each place keeps what it held and adds the updates that go there, or may."""
    return [_scattered(site, keeps=True)]


def scatter_over(site: Site) -> Patterns:
    """Each place has the updates that go there; where none surely does, what it held.

    Which of several updates of one place is kept is not said, so all count.
    """
    return [_scattered(site, keeps=False)]


def _scattered(site: Site, *, keeps: bool) -> Pattern:
    operand, _, updates = site.patterns
    shape = site.shape(0)
    numbers = site.params["dimension_numbers"]
    windows = _updated_windows(site, numbers)
    places = windows.places().ravel()
    parts = []
    if operand is not None:
        held = np.arange(size(shape))
        if not keeps and windows.starts is not None:
            held[places[places >= 0]] = NOTHING
        parts.append(operand.take(held))
    if updates is not None:
        inside = np.flatnonzero(places >= 0)
        shrunk = windows.shrunk
        moved = updates.gathered(places[inside], inside, size(shrunk))
        parts.append(spread(moved, shrunk, shape))
    return united(parts)


def _updated_windows(site: Site, numbers: Any) -> Windows:
    shape, layout = site.shape(0), site.shape(2)
    dropped = {*numbers.inserted_window_dims, *numbers.operand_batching_dims}
    window_dims = tuple(d for d in range(len(shape)) if d not in dropped)
    offset_dims = tuple(numbers.update_window_dims)
    sizes = [1] * len(shape)
    for d, axis in zip(window_dims, offset_dims, strict=True):
        sizes[d] = layout[axis]
    return Windows(
        shape,
        layout,
        offset_dims,
        window_dims,
        tuple(numbers.scatter_dims_to_operand_dims),
        _pairs(numbers.operand_batching_dims, numbers.scatter_indices_batching_dims),
        tuple(sizes),
        site.value(1),
        site.shape(1),
        clips=site.params["mode"] is GatherScatterMode.CLIP,
    )


# Dynamic slices -----------------------------------------------------------------------


def _starts(site: Site, first: int, shape: Sequence[int]) -> list[int | None]:
    """The clamped start along each axis, None where it is not known.

    A block as long as the axis starts at 0, whatever the index.
    """
    block = site.shape(1) if first == 2 else tuple(site.params["slice_sizes"])
    starts: list[int | None] = []
    for d, (n, m) in enumerate(zip(shape, block, strict=True)):
        value = np.zeros((), np.int64) if n == m else site.value(first + d)
        starts.append(None if value is None else int(np.clip(value, 0, n - m)))
    return starts


def dynamic_slice(site: Site) -> Patterns:
    """A block of the operand; along axes of unknown start any of its elements."""
    p, shape = site.patterns[0], site.shape(0)
    assert p is not None, site.eqn
    starts = _starts(site, 1, shape)
    unknown = [d for d, start in enumerate(starts) if start is None]
    p = reduced(p, shape, unknown)
    rest = [1 if d in unknown else n for d, n in enumerate(shape)]
    cut = tuple(
        slice(None) if start is None else slice(start, start + m)
        for start, m in zip(starts, site.out_shape, strict=True)
    )
    return [p.take(np.broadcast_to(numbers_of(rest)[cut], site.out_shape))]


def dynamic_update_slice(site: Site) -> Patterns:
    """The operand with a block replaced; where its place is unknown, both count."""
    operand, update = site.patterns[:2]
    shape, block = site.shape(0), site.shape(1)
    starts = _starts(site, 2, shape)
    unknown = [d for d, start in enumerate(starts) if start is None]
    rest = [1 if d in unknown else n for d, n in enumerate(block)]
    inside = tuple(
        slice(None) if start is None else slice(start, start + m)
        for start, m in zip(starts, block, strict=True)
    )
    held, put = numbers_of(shape), np.full(shape, NOTHING, np.int32)
    put[inside] = numbers_of(rest)
    if not unknown:
        held[inside] = NOTHING
    parts = [] if operand is None else [operand.take(held)]
    if update is not None:
        parts.append(reduced(update, block, unknown).take(put))
    return [united(parts)]


# Choices ------------------------------------------------------------------------------


def select_n(site: Site) -> Patterns:
    """An element of the chosen case; of any case where the choice is not known."""
    which, shape = site.value(0), site.out_shape
    cases = [(i, p) for i, p in site.active() if i > 0]
    if which is None:
        return [united([p for _, p in cases])]
    which = np.broadcast_to(which, shape).astype(np.int64).ravel()
    start, index = 0, np.full(size(shape), NOTHING, np.int64)
    own = np.arange(size(shape))
    for i, p in cases:
        index = np.where(which == i - 1, start + own, index)
        start += len(p.rows)
    return [stacked([p for _, p in cases]).take(index)]
