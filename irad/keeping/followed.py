"""Values as they are followed through a program: copies, stacks of rows, numbers."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import lax

from irad._compat.ir import JaxprEqn, Literal
from irad_passes.keys import atom_key

MOST_ROWS = 4096
"""Arrays of more rows than that are not followed row by row."""
MOST_NUMBERS = 1 << 16
"""Nor are arrays of more integers followed as numbers."""


@dataclass(eq=False)
class Copy:
    """A value in memory: which one it is, and when it was made and last read.

    ``moves`` says that making it takes no arithmetic.
    """

    number: int
    name: str
    bytes: int
    moves: bool
    start: int = 0
    stop: int = 0


@dataclass(frozen=True, eq=False)
class Known:
    """Integers or bools that do not depend on the inputs: counters, indices, tables."""

    value: Any

    @staticmethod
    def is_so(v: Any) -> bool:
        """Whether values of a type are followed as numbers."""
        kind = getattr(getattr(v.aval, "dtype", None), "kind", "none")
        return kind in "biu" and v.aval.size <= MOST_NUMBERS


# A value is a copy, a stack of rows, or known.
Stack = tuple[Any, ...]
Held = Copy | Stack | Known | Literal


def copies_in(held: Sequence[Held]) -> Iterator[Copy]:
    """The copies among values, and in the rows of stacks."""
    for x in held:
        if isinstance(x, Copy):
            yield x
        elif isinstance(x, tuple):
            yield from copies_in(x)


def key_of(x: Held) -> Hashable:
    """What a value is known by."""
    if isinstance(x, Copy):
        return x.number
    if isinstance(x, Known):
        value = np.asarray(x.value)
        return (str(value.dtype), value.shape, value.tobytes())
    return tuple(map(key_of, x)) if isinstance(x, tuple) else atom_key(x)


def evaluated(eqn: JaxprEqn, x: Sequence[Held]) -> list[Held] | None:
    """The numbers that an equation makes of numbers, or None."""
    values = [v.value for v in x if isinstance(v, Known)]
    if len(values) < len(x) or not all(map(Known.is_so, eqn.outvars)):
        return None
    with jax.ensure_compile_time_eval():
        outs: Any = eqn.primitive.bind(*values, **eqn.params)
    return [Known(y) for y in (outs if eqn.primitive.multiple_results else [outs])]


def restacked(eqn: JaxprEqn, x: Sequence[Any]) -> Held | None:
    """What an equation makes that only puts rows together or apart, or None."""
    move = _MOVES.get(eqn.primitive)
    if move is None or not x:
        return None
    return move(eqn.params, x, _shape(eqn.invars[0]), _shape(eqn.outvars[0]))


_Shape = tuple[int, ...]


def _joined(params: Any, x: Sequence[Any], _: _Shape, after: _Shape) -> Held | None:
    if params["dimension"] or not all(isinstance(stack, tuple) for stack in x):
        return None
    return tuple(row for stack in x for row in stack)


def _sliced(
    params: Any, x: Sequence[Any], before: _Shape, after: _Shape
) -> Held | None:
    stack = x[0]
    if not isinstance(stack, tuple) or before[1:] != after[1:] or params["strides"]:
        return None
    return stack[params["start_indices"][0] : params["limit_indices"][0]]


def _reshaped(
    params: Any, x: Sequence[Any], before: _Shape, after: _Shape
) -> Held | None:
    """Rows in groups, groups of rows as one stack, one row as a stack or taken out."""
    stack = x[0]
    if after == (1, *before):
        return (stack,)
    if not isinstance(stack, tuple) or params.get("dimensions"):
        return None
    if before == (1, *after):
        return stack[0]
    if before[1:] == after[2:]:
        k = after[1]
        return tuple(stack[i * k : (i + 1) * k] for i in range(after[0]))
    if before[2:] == after[1:] and all(isinstance(group, tuple) for group in stack):
        return tuple(row for group in stack for row in group)
    return None


def _squeezed(_: Any, x: Sequence[Any], before: _Shape, after: _Shape) -> Held | None:
    return x[0][0] if isinstance(x[0], tuple) and before == (1, *after) else None


def _repeated(
    params: Any, x: Sequence[Any], before: _Shape, after: _Shape
) -> Held | None:
    """One value in each of a few slots."""
    places = tuple(range(1, len(after)))
    fits = after[1:] == before and params["broadcast_dimensions"] == places
    if not fits or after[0] > MOST_ROWS or isinstance(x[0], Literal):
        return None
    return (x[0],) * after[0]


def _taken(_: Any, x: Sequence[Any], before: _Shape, after: _Shape) -> Held | None:
    stack, *starts = x
    first = _start(stack, starts, before, after)
    return None if first is None else stack[first : first + after[0]]


def _put(_: Any, x: Sequence[Any], before: _Shape, after: _Shape) -> Held | None:
    stack, rows, *starts = x
    if not isinstance(rows, tuple):
        return None
    first = _start(stack, starts, before, (len(rows), *before[1:]))
    if first is None:
        return None
    return (*stack[:first], *rows, *stack[first + len(rows) :])


def _start(
    stack: Any, starts: Sequence[Any], before: _Shape, part: _Shape
) -> int | None:
    """Where a part of the rows of a stack begins, if that is known."""
    if not isinstance(stack, tuple) or before[1:] != part[1:]:
        return None
    if not isinstance(starts[0], Known):
        return None
    return int(np.clip(starts[0].value, 0, before[0] - part[0]))


BY_INDEX = (lax.dynamic_slice_p, lax.dynamic_update_slice_p)
_MOVES = {
    lax.broadcast_in_dim_p: _repeated,
    lax.concatenate_p: _joined,
    lax.dynamic_slice_p: _taken,
    lax.dynamic_update_slice_p: _put,
    lax.reshape_p: _reshaped,
    lax.slice_p: _sliced,
    lax.squeeze_p: _squeezed,
}


def _shape(v: Any) -> tuple[int, ...]:
    return v.aval.shape
