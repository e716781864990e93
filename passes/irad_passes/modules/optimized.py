"""Operations that HLO has and StableHLO lacks, those of optimized programs above all.

XLA's converter leaves them in a dialect of their own, whose operations no later program
needs: each becomes what it computes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax

from irad_passes._compat.mlir import ShapedArray
from irad_passes.modules import elementwise, sorting
from irad_passes.modules.attributes import flag, integers
from irad_passes.modules.converters import Table
from irad_passes.modules.frames import Atom, Frame, dtype_of, shape_of

TABLE = Table()


@TABLE.converts("mhlo.fusion")
def _fusion(frame: Frame, op: Any) -> Sequence[Atom]:
    """The operations that one kernel runs."""
    (block,) = op.regions[0].blocks
    for value, operand in zip(block.arguments, op.operands, strict=True):
        frame.define(value, frame.read(operand))
    return frame.raise_block(block)


@TABLE.converts("mhlo.copy")
def _copy(frame: Frame, op: Any) -> Sequence[Atom]:
    return frame.operands(op)


TABLE["mhlo.erf"] = elementwise.TABLE["chlo.erf"]


@TABLE.converts("mhlo.topk")
def _top_k(frame: Frame, op: Any) -> Sequence[Atom] | None:
    return sorting.TABLE["chlo.top_k"](frame, op) if flag(op, "largest") else None


@TABLE.converts("mhlo.bitcast")
def _bitcast(frame: Frame, op: Any) -> Sequence[Atom] | None:
    """The same memory read as another type: a layout lists axes, fastest first.

    The operand is brought into the order of its memory, read as what stands there, and
    brought from that order into the result's.
    """
    (aval,) = frame.avals(op)
    (x,) = frame.operands(op)
    if dtype_of(x).itemsize != aval.dtype.itemsize:
        return None
    if dtype_of(x) != aval.dtype:
        same = ShapedArray(shape_of(x), aval.dtype)
        (x,) = frame.equation(
            lax.bitcast_convert_type_p, [x], [same], new_dtype=aval.dtype
        )
    slowest_first = integers(op, "source_layout")[::-1]
    made = integers(op, "result_layout")[::-1]
    stored = tuple(aval.shape[d] for d in made)
    y = frame.reshaped(_transposed(frame, x, slowest_first), stored)
    return [_transposed(frame, y, tuple(map(int, np.argsort(made))))]


def _transposed(frame: Frame, x: Atom, permutation: tuple[int, ...]) -> Atom:
    if permutation == tuple(range(len(permutation))):
        return x
    shape = tuple(shape_of(x)[d] for d in permutation)
    (y,) = frame.equation(
        lax.transpose_p,
        [x],
        [ShapedArray(shape, dtype_of(x))],
        permutation=permutation,
    )
    return y
