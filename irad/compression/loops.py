"""Patterns of loops, from the pattern of one step.

A step takes (constants, carry, slices) to (carry', slices of ys), and its own pattern
has a column for each element of these. A short loop is followed step by step. In any
other the carry is replaced by one that covers it at all steps: the least fixed point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from irad.compression.pattern import (
    Array,
    Pattern,
    identity,
    stacked,
    zero,
)

STEPS = 2048
"""A loop of more steps is not followed step by step."""

ENTRIES = 15_000_000
"""Nor is one whose steps have more entries than this in all."""

ROUNDS = 8
"""So many steps are tried before the fixed point is found by squaring."""


@dataclass(frozen=True)
class Loop:
    """A loop of a step whose elements ``step`` relates; ``length`` may be unknown.

    ``consts``, ``carry`` and ``xs`` say how many elements of each a step takes; its
    results are as many of the carry, then the slices of ys.
    """

    step: Pattern
    consts: int
    carry: int
    xs: int
    length: int | None

    @property
    def carried(self) -> Pattern:
        """The part of a step that gives the carry."""
        return self.step.take(np.arange(self.carry))

    @property
    def sliced(self) -> Pattern:
        """The part of a step that gives the slices of ys."""
        return self.step.take(np.arange(self.carry, len(self.step.rows)))


def run_loop(
    loop: Loop, consts: Pattern, carry: Pattern, xs: Pattern
) -> tuple[Pattern, Pattern]:
    """The patterns of the last carry and of all ys, one step after the other.

    ``xs`` has the slices of all steps in the order in which the loop takes them.
    """
    if loop.carry and loop.length is not None and loop.length <= STEPS:
        followed = _followed(loop, loop.length, consts, carry, xs)
        if followed is not None:
            return followed
    if loop.carry:
        carry = _fixed_point(loop, consts, carry, xs)
    return carry, _all_slices(loop, stacked([consts, carry, xs]))


def _followed(
    loop: Loop, length: int, consts: Pattern, carry: Pattern, xs: Pattern
) -> tuple[Pattern, Pattern] | None:
    """The loop step by step; None where that takes too many entries."""
    slices, entries = [zero(0, consts.shape[1])], 0
    own, put = np.arange(loop.carry), np.arange(loop.carry, len(loop.step.rows))
    for stride, steps in _strides(loop, length):
        for t in range(steps):
            x = Pattern(xs.rows[t * loop.xs : (t + 1) * loop.xs], xs.sets)
            results = stacked([consts, carry, x]).composed(stride)
            slices.append(results.take(put))
            entries += results.sets.nnz
            if entries > ENTRIES:
                return None
            before, carry = carry, results.take(own)
            if not loop.xs and _same(before, carry):
                slices.extend(slices[-1:] * (steps - 1 - t))
                break
    return carry, stacked(slices).merged()


def _strides(loop: Loop, length: int) -> list[tuple[Pattern, int]]:
    """The patterns of one step or of several at once, and how often each is taken.

    Several steps are one where nothing enters or leaves the loop in between.
    """
    if loop.xs or len(loop.step.rows) > loop.carry:
        return [(loop.step, length)]
    stride, k = loop.step, 1
    total = loop.consts + loop.carry
    while 4 * k * k <= length:
        stride = stacked([identity(loop.consts, 0, total), stride]).composed(stride)
        k *= 2
    return [(loop.step, length % k), (stride, length // k)]


def _same(a: Pattern, b: Pattern) -> bool:
    return (
        np.array_equal(a.rows, b.rows)
        and np.array_equal(a.sets.indptr, b.sets.indptr)
        and np.array_equal(a.sets.indices, b.sets.indices)
    )


def _fixed_point(loop: Loop, consts: Pattern, carry: Pattern, xs: Pattern) -> Pattern:
    """A carry that covers the carry before and after every step."""
    step, n = loop.carried, consts.shape[1]
    # Where there are no slices or no steps, nothing is taken of them.
    steps = len(xs.rows) // loop.xs if loop.xs else 0
    elements = np.arange(steps * loop.xs)
    x = xs.gathered(elements % max(loop.xs, 1), elements, loop.xs)
    for _ in range(ROUNDS):
        grown = carry.union(stacked([consts, carry, x]).composed(step))
        if grown.nnz == carry.nnz:
            return carry
        carry = grown
    inflow = stacked([consts, zero(loop.carry, n), x]).composed(step)
    return carry.union(inflow).composed(_closure(_within(loop, step)))


def _within(loop: Loop, step: Pattern) -> Pattern:
    """How a step's carry depends on the carry before."""
    chosen = step.sets[:, loop.consts : loop.consts + loop.carry]
    return Pattern(step.rows, chosen)


def _closure(step: Pattern) -> Pattern:
    """The dependence over any number of steps, by squaring."""
    reach = identity(len(step.rows), 0, len(step.rows)).union(step)
    while True:
        squared = reach.union(reach.composed(reach))
        if squared.nnz == reach.nnz:
            return reach
        reach = squared


def _all_slices(loop: Loop, values: Pattern) -> Pattern:
    """The ys of all steps at once; ``values`` are constants, carry and all slices."""
    step, fixed = loop.sliced, loop.consts + loop.carry
    length = loop.length or 0
    k = step.sets.shape[0]
    classes = np.repeat(np.arange(k), np.diff(step.sets.indptr))
    t = np.arange(length)[:, None]
    columns = step.sets.indices
    elements = np.where(columns < fixed, columns, columns + t * loop.xs)
    results = np.broadcast_to(classes + t * k, elements.shape)
    return values.gathered(results, elements, length * k).take(step.rows + t * k)


def interleaved(sizes: list[int], order: Array) -> Array:
    """The elements of stacked values ``[length, size]``, all of one step together.

    The values lie one after the other; the steps are taken in ``order``.
    """
    length = len(order)
    starts = np.cumsum([0, *(length * m for m in sizes)])
    per_step = [
        start + order[:, None] * m + np.arange(m)
        for start, m in zip(starts, sizes, strict=False)
    ]
    empty = np.zeros((length, 0), np.int64)
    return np.concatenate([empty, *per_step], axis=1).astype(np.int64)
