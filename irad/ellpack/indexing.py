"""Structure through gathers and scatters whose indices are known on the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax
from jax import numpy as jnp
from jax.lax import GatherScatterMode as Mode

from irad.ellpack.moving import sliced
from irad.ellpack.propagation import Equation, Propagation, rule
from irad.ellpack.shapes import is_gathered, masked, taken
from irad.ellpack.terms import Columns, Slot, Term, Terms, width

Given = list[Terms | None]
MOST_ADDED = 64
"""So many entries may a scattered sum give an element before it is made dense."""


def positions(
    indices: np.ndarray,
    operand: Sequence[int],
    window: Sequence[int],
    *,
    sizes: Sequence[int],
    indexed: Sequence[int],
    dropped: Sequence[int],
    batching: Sequence[int],
    index_batching: Sequence[int],
    mode: Any,
) -> np.ndarray:
    """The flat position in the operand of every element gathered, -1 outside.

    ``window`` are the axes of the result that run over a slice of ``sizes``, its axes
    ``dropped`` and ``batching`` apart; the others run over the indices.
    """
    batch_shape = indices.shape[:-1]
    kept = [d for d in range(len(operand)) if d not in dropped and d not in batching]
    rank = len(batch_shape) + len(window)
    batch_axes = [a for a in range(rank) if a not in window]
    flat = np.zeros([1] * rank, np.int64)
    inside = np.ones([1] * rank, bool)
    for d, n in enumerate(operand):
        start = np.zeros([1] * rank, np.int64)
        if d in indexed:
            start = indices[..., list(indexed).index(d)].astype(np.int64)
            if mode in (Mode.CLIP, Mode.ONE_HOT):
                start = np.clip(start, 0, n - sizes[d])
            fits = (start >= 0) & (start <= n - sizes[d])
            inside = inside & _along(fits, batch_axes, rank)
            start = _along(start, batch_axes, rank)
        elif d in batching:
            axis = index_batching[list(batching).index(d)]
            lengths = [1] * len(batch_shape)
            lengths[axis] = n
            start = _along(np.arange(n).reshape(lengths), batch_axes, rank)
        if d in kept:
            lengths = [1] * rank
            lengths[window[kept.index(d)]] = sizes[d]
            start = start + np.arange(sizes[d]).reshape(lengths)
        flat = flat * n + start
    return np.where(inside, flat, -1).astype(np.int64)


def _along(x: np.ndarray, axes: Sequence[int], rank: int) -> np.ndarray:
    """An array over the indices, as one over the result."""
    full = [1] * rank
    for axis, n in zip(axes, x.shape, strict=True):
        full[axis] = n
    return x.reshape(full)


@rule(lax.gather_p)
def _gather(walk: Propagation, eqn: Equation, given: Given) -> list[Terms] | None:
    indices = walk.known_value(eqn.invars[1])
    if indices is None or given[0] is None or _fills(eqn.params):
        return None
    d = eqn.params["dimension_numbers"]
    shape = eqn.invars[0].aval.shape
    source = positions(
        indices,
        shape,
        d.offset_dims,
        sizes=eqn.params["slice_sizes"],
        indexed=d.start_index_map,
        dropped=d.collapsed_slice_dims,
        batching=d.operand_batching_dims,
        index_batching=d.start_indices_batching_dims,
        mode=eqn.params["mode"],
    )
    source = np.broadcast_to(source, eqn.outvars[0].aval.shape)
    return [tuple(taken_term(walk, t, shape, source) for t in given[0])]


def _fills(params: dict[str, Any]) -> bool:
    """Whether what is outside is filled with something else than zero."""
    return params["mode"] is Mode.FILL_OR_DROP and params["fill_value"] not in (None, 0)


def taken_term(
    walk: Propagation, term: Term, shape: tuple[int, ...], source: np.ndarray
) -> Term:
    """A term whose element ``e`` is element ``source[e]``; none where that is -1."""
    index = taken(np, term.columns.index, shape, source)
    if (source < 0).any():
        index = masked(index, source[None] >= 0)
    value = term.value
    if isinstance(value, Slot):
        probe = np.broadcast_to(np.int8(0), value.shape)
        result = taken(np, probe, shape, source).shape
        moved = int(np.prod(result, dtype=np.int64))
        gathered = moved if is_gathered(value.shape, source) else 0
        value = walk.tape.linear(
            lambda v: taken(jnp, v, shape, source),
            value,
            [],
            result,
            flops=0,
            gathered=gathered,
            is_move=True,
        )
    return Term(walk.columns(index), value)


@rule(lax.scatter_p, lax.scatter_add_p)
def _scatter(walk: Propagation, eqn: Equation, given: Given) -> list[Terms] | None:
    indices = walk.known_value(eqn.invars[1])
    if indices is None or given[1] is not None:
        return None
    target = _written(eqn, indices)
    shape, update = eqn.outvars[0].aval.shape, eqn.invars[2].aval.shape
    groups = _injective(target.reshape(-1), int(np.prod(shape, dtype=np.int64)))
    adds = eqn.primitive is lax.scatter_add_p
    if len(groups) > 1 and (
        not adds or len(groups) * width(given[2] or ()) > MOST_ADDED
    ):
        return None
    terms = list(given[0] or ())
    if not adds and groups:
        free = (groups[0] < 0).reshape(1, *shape)
        terms = [
            Term(walk.columns(masked(t.columns.index, free)), t.value) for t in terms
        ]
    for source in groups:
        for t in given[2] or ():
            terms.append(taken_term(walk, t, update, source.reshape(shape)))
    return [walk.merged(terms)]


def _written(eqn: Equation, indices: np.ndarray) -> np.ndarray:
    """The flat position that every element of the updates goes to, -1 for none."""
    d = eqn.params["dimension_numbers"]
    shape, update = eqn.invars[0].aval.shape, eqn.invars[2].aval.shape
    sizes = [1] * len(shape)
    kept = [
        a
        for a in range(len(shape))
        if a not in d.inserted_window_dims and a not in d.operand_batching_dims
    ]
    for a, axis in zip(kept, d.update_window_dims, strict=True):
        sizes[a] = update[axis]
    found = positions(
        indices,
        shape,
        d.update_window_dims,
        sizes=sizes,
        indexed=d.scatter_dims_to_operand_dims,
        dropped=d.inserted_window_dims,
        batching=d.operand_batching_dims,
        index_batching=d.scatter_indices_batching_dims,
        mode=eqn.params["mode"],
    )
    return np.broadcast_to(found, update)


def _injective(target: np.ndarray, size: int) -> list[np.ndarray]:
    """Where every element comes from: as many maps as one is written to at most."""
    order = np.argsort(target, kind="stable")
    order = order[target[order] >= 0]
    goal = target[order]
    starts = np.flatnonzero(np.diff(goal, prepend=-1))
    rank = np.arange(goal.size) - np.repeat(
        starts, np.diff(np.append(starts, goal.size))
    )
    maps = []
    for r in range(int(rank.max(initial=-1)) + 1):
        source = np.full(size, -1, np.int64)
        source[goal[rank == r]] = order[rank == r]
        maps.append(source)
    return maps


def _known_starts(walk: Propagation, operands: Sequence[Any]) -> list[int] | None:
    """The start of a slice along each axis, if all are known."""
    found = [walk.known_value(x) for x in operands]
    known = [int(x) for x in found if x is not None]
    return known if len(known) == len(found) else None


@rule(lax.dynamic_slice_p)
def _dynamic_slice(
    walk: Propagation, eqn: Equation, given: Given
) -> list[Terms] | None:
    starts = _known_starts(walk, eqn.invars[1:])
    if starts is None:
        return None
    shape, sizes = eqn.invars[0].aval.shape, eqn.params["slice_sizes"]
    begin = [
        int(np.clip(s, 0, n - m)) for s, n, m in zip(starts, shape, sizes, strict=True)
    ]
    stop = [b + m for b, m in zip(begin, sizes, strict=True)]
    return [sliced(walk, given[0] or (), begin, stop, [1] * len(shape))]


@rule(lax.dynamic_update_slice_p)
def _dynamic_update_slice(
    walk: Propagation, eqn: Equation, given: Given
) -> list[Terms] | None:
    starts = _known_starts(walk, eqn.invars[2:])
    if starts is None:
        return None
    shape, update = (x.aval.shape for x in eqn.invars[:2])
    source = np.full(shape, -1, np.int64)
    inside = tuple(
        slice(b := int(np.clip(s, 0, n - m)), b + m)
        for s, n, m in zip(starts, shape, update, strict=True)
    )
    size = int(np.prod(update, dtype=np.int64))
    source[inside] = np.arange(size).reshape(update)
    kept = [
        Term(_without(walk, t.columns, source >= 0), t.value) for t in given[0] or ()
    ]
    added = [taken_term(walk, t, update, source) for t in given[1] or ()]
    return [walk.merged([*kept, *added])]


def _without(walk: Propagation, columns: Columns, where: np.ndarray) -> Columns:
    return walk.columns(masked(columns.index, ~where[None]))
