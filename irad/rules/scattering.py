"""Scatters by any function ``f(x, u)`` of an element and an update, as other programs.

Where no two updates meet, the elements are gathered, combined and put back at once.
Where they may, one update is made after another, in the order in which XLA makes them
on CPU. Several operands may be scattered together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from jax import lax
from jax.lax import GatherDimensionNumbers, GatherScatterMode, ScatterDimensionNumbers

from irad.linear_map import Array
from irad.rules.reduce import elementwise_reducer

Scalars = Callable[..., Sequence[Array]]


def scattered_by(
    scalars: Scalars,
    xs: Sequence[Array],
    indices: Array,
    updates: Sequence[Array],
    numbers: ScatterDimensionNumbers,
    *,
    unique: bool,
) -> Sequence[Array]:
    """Operands after a scatter by a function of their scalars and the updates'."""
    if unique:
        return _at_once(scalars, xs, indices, updates, numbers)
    steps = _Steps(numbers, xs[0].ndim, updates[0].ndim)
    vectors = steps.vectors(indices)
    windows = [steps.windows(u) for u in updates]

    def step(xs: Sequence[Array], row: Any) -> tuple[Sequence[Array], None]:
        vector, *window = row
        return _at_once(scalars, xs, vector, window, steps.of_one), None

    return lax.scan(step, list(xs), [vectors, *windows])[0]


def _at_once(
    scalars: Scalars,
    xs: Sequence[Array],
    indices: Array,
    updates: Sequence[Array],
    numbers: Any,
) -> list[Array]:
    """One read and one write of each element that an update changes.

    What is out of bounds is read elsewhere and written nowhere.
    """
    single = {*numbers.inserted_window_dims, *numbers.operand_batching_dims}
    sizes = iter([updates[0].shape[d] for d in numbers.update_window_dims])
    inverse = GatherDimensionNumbers(
        offset_dims=numbers.update_window_dims,
        collapsed_slice_dims=numbers.inserted_window_dims,
        start_index_map=numbers.scatter_dims_to_operand_dims,
        operand_batching_dims=numbers.operand_batching_dims,
        start_indices_batching_dims=numbers.scatter_indices_batching_dims,
    )
    slice_sizes = [1 if d in single else next(sizes) for d in range(xs[0].ndim)]
    clip, drop = GatherScatterMode.CLIP, GatherScatterMode.FILL_OR_DROP
    before = [lax.gather(x, indices, inverse, slice_sizes, mode=clip) for x in xs]
    after = elementwise_reducer(scalars, before, updates)
    return [
        lax.scatter(x, indices, y, numbers, unique_indices=True, mode=drop)
        for x, y in zip(xs, after, strict=True)
    ]


@dataclass(frozen=True)
class _Steps:
    """A scatter as scatters of one window each, in the order of its updates."""

    numbers: ScatterDimensionNumbers
    rank: int
    updates_rank: int

    @property
    def of_one(self) -> ScatterDimensionNumbers:
        """The dimension numbers of one step: its update is one window."""
        numbers = self.numbers
        single = (*numbers.inserted_window_dims, *numbers.operand_batching_dims)
        return ScatterDimensionNumbers(
            update_window_dims=tuple(range(self.rank - len(single))),
            inserted_window_dims=tuple(sorted(single)),
            scatter_dims_to_operand_dims=(
                *numbers.scatter_dims_to_operand_dims,
                *numbers.operand_batching_dims,
            ),
        )

    def vectors(self, indices: Array) -> Array:
        """An index vector for each step, with the places along axes of batches."""
        shape = indices.shape[:-1]
        batches = [
            lax.broadcasted_iota(indices.dtype, (*shape, 1), d)
            for d in self.numbers.scatter_indices_batching_dims
        ]
        full = lax.concatenate([indices, *batches], len(shape))
        return lax.reshape(full, (math.prod(shape), full.shape[-1]))

    def windows(self, updates: Array) -> Array:
        """The window of each step."""
        windows = self.numbers.update_window_dims
        steps = [d for d in range(self.updates_rank) if d not in windows]
        moved = lax.transpose(updates, (*steps, *windows))
        count = math.prod(moved.shape[: len(steps)])
        return lax.reshape(moved, (count, *moved.shape[len(steps) :]))
