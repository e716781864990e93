"""Structure through equations that move elements: columns move as entries do."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from jax import lax
from jax import numpy as jnp

from irad.ellpack.propagation import Equation, Propagation, rule
from irad.ellpack.shapes import check, reshaped, spread
from irad.ellpack.terms import Array, Slot, Term, Terms

Given = list[Terms | None]
DENSE = 8
"""From this many entries on, a dense term stays dense where zeros are put beside it."""


@rule(lax.reshape_p, lax.squeeze_p)
def _reshape(walk: Propagation, eqn: Equation, given: Given) -> list[Terms] | None:
    if eqn.params.get("dimensions") and eqn.primitive is lax.reshape_p:
        return None
    old, new = eqn.invars[0].aval.shape, eqn.outvars[0].aval.shape
    return [walk.moved(given[0] or (), lambda xp, x: reshaped(xp, x, old, new))]


@rule(lax.transpose_p)
def _transpose(walk: Propagation, eqn: Equation, given: Given) -> list[Terms]:
    order = (0, *(d + 1 for d in eqn.params["permutation"]))
    return [walk.moved(given[0] or (), lambda xp, x: xp.transpose(x, order))]


@rule(lax.broadcast_in_dim_p)
def _broadcast(walk: Propagation, eqn: Equation, given: Given) -> list[Terms]:
    rank = len(eqn.params["shape"])
    places = eqn.params["broadcast_dimensions"]

    def move(xp: Any, x: Array) -> Array:
        full = [1] * rank
        for axis, place in enumerate(places):
            full[place] = x.shape[axis + 1]
        return x.reshape(x.shape[0], *full)

    return [walk.moved(given[0] or (), move)]


@rule(lax.rev_p)
def _reverse(walk: Propagation, eqn: Equation, given: Given) -> list[Terms]:
    axes = [d + 1 for d in eqn.params["dimensions"]]
    return [walk.moved(given[0] or (), lambda xp, x: xp.flip(x, axes))]


@rule(lax.slice_p)
def _slice(walk: Propagation, eqn: Equation, given: Given) -> list[Terms]:
    starts, stops = eqn.params["start_indices"], eqn.params["limit_indices"]
    strides = eqn.params["strides"] or (1,) * len(starts)
    return [sliced(walk, given[0] or (), starts, stops, strides)]


def sliced(
    walk: Propagation,
    terms: Terms,
    starts: Sequence[int],
    stops: Sequence[int],
    strides: Sequence[int],
) -> Terms:
    """A slice of a variable, with the terms that have an entry in it."""
    cut = [slice(*map(int, s)) for s in zip(starts, stops, strides, strict=True)]

    def move(xp: Any, x: Array) -> Array:
        pairs = zip(x.shape[1:], cut, strict=True)
        return x[(slice(None), *(slice(None) if n == 1 else s for n, s in pairs))]

    return _present(walk.moved(terms, move))


def _present(terms: Terms) -> Terms:
    """The terms that have any entry."""
    return tuple(t for t in terms if t.columns.index.size == 0 or t.columns.is_present)


@rule(lax.split_p)
def _split(walk: Propagation, eqn: Equation, given: Given) -> list[Terms]:
    axis, shape = eqn.params["axis"], eqn.invars[0].aval.shape
    bounds = pairwise(accumulate(eqn.params["sizes"], initial=0))
    found = []
    for a, b in bounds:
        starts = [a if d == axis else 0 for d in range(len(shape))]
        stops = [b if d == axis else n for d, n in enumerate(shape)]
        found.append(sliced(walk, given[0] or (), starts, stops, [1] * len(shape)))
    return found


@rule(lax.pad_p)
def _pad(walk: Propagation, eqn: Equation, given: Given) -> list[Terms] | None:
    if given[1]:
        return None
    shape, config = eqn.invars[0].aval.shape, eqn.params["padding_config"]
    config = [(int(low), int(high), int(inner)) for low, high, inner in config]
    padded = [d for d, row in enumerate(config) if row != (0, 0, 0)]
    terms = tuple(padded_term(walk, t, shape, config, padded) for t in given[0] or ())
    return [_present(terms)]


def padded_term(
    walk: Propagation,
    term: Term,
    shape: tuple[int, ...],
    config: Sequence[tuple[int, int, int]],
    padded: Sequence[int],
) -> Term:
    """A term with no entries in what was padded; a dense one with zeros there."""
    index, value = term.columns.index, term.value
    constant = all(index.shape[d + 1] == 1 for d in padded)
    if constant and isinstance(value, Slot) and term.k >= DENSE:
        return Term(term.columns, _padded_value(walk, value, shape, config, padded))
    full = spread(np, index, shape, padded)
    columns = walk.columns(pad_array(np, full, config, -1))
    if not isinstance(value, Slot):
        return Term(columns, value)
    axes = [d for d in padded if value.shape[d + 1] != 1]
    is_zero = len(axes) == len(padded) and (
        term.is_zero_outside or not term.columns.has_gaps
    )
    return Term(columns, _padded_value(walk, value, shape, config, axes), is_zero)


def _padded_value(
    walk: Propagation,
    value: Slot,
    shape: tuple[int, ...],
    config: Sequence[tuple[int, int, int]],
    axes: Sequence[int],
) -> Slot:
    """Entries with zeros in what was padded along some axes."""
    if not axes:
        return value
    chosen = [row if d in axes else (0, 0, 0) for d, row in enumerate(config)]

    def pad(xp: Any, x: Array) -> Array:
        return pad_array(xp, spread(xp, x, shape, axes), chosen, 0)

    result = pad(np, np.broadcast_to(np.int8(0), value.shape)).shape
    return walk.tape.moved(lambda v: pad(jnp, v), value, result)


def pad_array(
    xp: Any, x: Array, config: Sequence[tuple[int, int, int]], fill: int
) -> Array:
    """``lax.pad`` of all axes but the first: negative and interior padding too."""
    if xp is jnp:
        rows = [(0, 0, 0), *config]
        return lax.pad(x, jnp.asarray(fill, x.dtype), rows)
    for d, (low, high, inner) in enumerate(config):
        axis, n = d + 1, x.shape[d + 1]
        if (low, high, inner) == (0, 0, 0):
            continue
        spaced = n + max(n - 1, 0) * inner
        total = low + high + spaced
        shape = (*x.shape[:axis], total, *x.shape[axis + 1 :])
        padded = np.full(shape, fill, x.dtype)
        places = low + np.arange(n) * (inner + 1)
        inside = (places >= 0) & (places < total)
        where = (slice(None),) * axis
        padded[(*where, places[inside])] = x[(*where, inside)]
        x = padded
    return x


@rule(lax.concatenate_p)
def _concatenate(walk: Propagation, eqn: Equation, given: Given) -> list[Terms]:
    shapes = [x.aval.shape for x in eqn.invars]
    axis = eqn.params["dimension"]
    return [joined(walk, given, shapes, axis, eqn.outvars[0].aval.dtype)]


@rule(lax.stack_p)
def _stack(walk: Propagation, eqn: Equation, given: Given) -> list[Terms]:
    axis, shape = eqn.params["axis"], eqn.invars[0].aval.shape
    slim = (*shape[:axis], 1, *shape[axis:])
    pieces: Given = [
        walk.moved(t or (), lambda xp, x: reshaped(xp, x, shape, slim)) for t in given
    ]
    dtype = eqn.outvars[0].aval.dtype
    return [joined(walk, pieces, [slim] * len(pieces), axis, dtype)]


@rule(lax.unstack_p)
def _unstack(walk: Propagation, eqn: Equation, given: Given) -> list[Terms]:
    axis, shape = eqn.params["axis"], eqn.invars[0].aval.shape
    slim = (*shape[:axis], 1, *shape[axis + 1 :])
    gone = (*shape[:axis], *shape[axis + 1 :])
    found = []
    for i in range(shape[axis]):
        starts = [i if d == axis else 0 for d in range(len(shape))]
        stops = [i + 1 if d == axis else n for d, n in enumerate(shape)]
        piece = sliced(walk, given[0] or (), starts, stops, [1] * len(shape))
        found.append(walk.moved(piece, lambda xp, x: reshaped(xp, x, slim, gone)))
    return found


def joined(
    walk: Propagation,
    given: Given,
    shapes: Sequence[tuple[int, ...]],
    axis: int,
    dtype: Any,
) -> Terms:
    """Variables joined along an axis: their terms side by side.

    What moved elements may have left some of a variable's terms with equal columns.
    """
    pieces = [walk.distinct(terms or ()) for terms in given]
    if _is_wasteful(pieces, shapes, axis):
        return tuple(
            _placed(walk, t, i, shapes, axis, dtype)
            for i, terms in enumerate(pieces)
            for t in terms
        )
    return tuple(_joined_term(walk, row, shapes, axis, dtype) for row in _rows(pieces))


WASTE, WIDE = 4, 16
"""Terms side by side are kept apart if there are so many times the entries otherwise,
and so many in an element."""


def _is_wasteful(
    pieces: Sequence[Terms], shapes: Sequence[tuple[int, ...]], axis: int
) -> bool:
    """Whether a few elements have far more entries than the others."""
    widths = [sum(t.k for t in terms) for terms in pieces]
    lengths = [shape[axis] for shape in shapes]
    needed = sum(k * n for k, n in zip(widths, lengths, strict=True))
    most = max(widths)
    return most >= WIDE and most * sum(lengths) > WASTE * needed


def _placed(
    walk: Propagation,
    term: Term,
    i: int,
    shapes: Sequence[tuple[int, ...]],
    axis: int,
    dtype: Any,
) -> Term:
    """A term of one of the pieces alone; entries of a single element stay its own."""
    value = term.value
    if isinstance(value, Slot) and value.shape[axis + 1] != 1:
        row: list[Term | None] = [None] * len(shapes)
        row[i] = term
        return _joined_term(walk, row, shapes, axis, dtype)
    lengths = [shape[axis] for shape in shapes]
    before, after = sum(lengths[:i]), sum(lengths[i + 1 :])
    index = spread(np, term.columns.index, shapes[i], [axis])
    beside = [(0, 0)] * index.ndim
    beside[axis + 1] = (before, after)
    columns = walk.columns(np.pad(index, beside, constant_values=-1))
    return Term(columns, value)


def _rows(pieces: Sequence[Terms]) -> list[list[Term | None]]:
    """Which terms are joined: those with equal columns, if most pieces have them.

    Terms that stay in step can still be summed along the axis afterwards.
    """
    ranked = [sorted(terms, key=_rank) for terms in pieces]
    longest = max(map(len, ranked))
    distinct = {id(t.columns): t for terms in ranked for t in terms}
    if len(distinct) <= 2 * longest:
        by_columns = [{id(t.columns): t for t in terms} for terms in ranked]
        order = sorted(distinct.values(), key=_rank)
        return [[terms.get(id(t.columns)) for terms in by_columns] for t in order]
    return [
        [terms[j] if j < len(terms) else None for terms in ranked]
        for j in range(longest)
    ]


def _rank(term: Term) -> tuple[int, int]:
    """The widest first, then by the first column."""
    return -term.k, int(term.columns.index.max(initial=-1))


def _joined_term(
    walk: Propagation,
    row: Sequence[Term | None],
    shapes: Sequence[tuple[int, ...]],
    axis: int,
    dtype: Any,
) -> Term:
    present = [t for t in row if t is not None]
    k = max(t.k for t in present)
    rank = len(shapes[0])
    columns = _joined_columns(walk, row, shapes, axis, k)
    constants = {t.value for t in present if not isinstance(t.value, Slot)}
    if len(constants) == 1 and not any(isinstance(t.value, Slot) for t in present):
        return Term(columns, constants.pop())
    sizes = [1] * (rank + 1)
    for t in present:
        if isinstance(t.value, Slot):
            sizes = [max(a, b) for a, b in zip(sizes, t.value.shape, strict=True)]
    sizes[0] = max(sizes[0], 1)

    def target(shape: tuple[int, ...]) -> tuple[int, ...]:
        full = list(sizes)
        full[axis + 1] = shape[axis]
        return tuple(full)

    def join(*values: Array) -> Array:
        rest = iter(values)
        pieces = []
        for t, shape in zip(row, shapes, strict=True):
            if t is None:
                pieces.append(jnp.zeros(target(shape), dtype))
            elif isinstance(t.value, Slot):
                v = next(rest)
                pieces.append(_as_wide(v, target(shape)))
            else:
                pieces.append(jnp.full(target(shape), t.value, dtype))
        return jnp.concatenate(pieces, axis + 1)

    slots = [t.value for t in present if isinstance(t.value, Slot)]
    length = sum(shape[axis] for shape in shapes)
    result = list(sizes)
    result[axis + 1] = length
    return Term(columns, walk.tape.step(join, slots, [], result, flops=0))


def _as_wide(v: Array, shape: tuple[int, ...]) -> Array:
    """Entries broadcast to a shape; the first axis is filled up with zeros."""
    missing = shape[0] - v.shape[0] if v.shape[0] > 1 else 0
    if missing:
        v = jnp.pad(v, [(0, missing)] + [(0, 0)] * (v.ndim - 1))
    return jnp.broadcast_to(v, shape)


def _joined_columns(
    walk: Propagation,
    row: Sequence[Term | None],
    shapes: Sequence[tuple[int, ...]],
    axis: int,
    k: int,
) -> Any:
    """The columns of a joined term; where zeros are computed, a dense one stays so."""
    first = next(t for t in row if t is not None)
    if (
        all(t is not None and t.columns is first.columns for t in row)
        and first.columns.index.shape[axis + 1] == 1
    ) or (
        first.k >= DENSE
        and any(t is not None and isinstance(t.value, Slot) for t in row)
        and first.columns.is_uniform
        and all(t is None or t.columns is first.columns for t in row)
    ):
        return first.columns
    sizes = [1] * len(shapes[0])
    for t in row:
        if t is not None:
            index = t.columns.index.shape[1:]
            sizes = [max(a, b) for a, b in zip(sizes, index, strict=True)]
    pieces = []
    length = sum(shape[axis] for shape in shapes)
    check(k * length * int(np.prod(sizes, dtype=np.int64)) // sizes[axis])
    for t, shape in zip(row, shapes, strict=True):
        full = list(sizes)
        full[axis] = shape[axis]
        piece = np.full((k, *full), -1, np.int32)
        if t is not None:
            piece[: t.k] = t.columns.index
        pieces.append(piece)
    return walk.columns(np.concatenate(pieces, axis + 1))
