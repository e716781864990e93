"""QR factors in a module: made of reflectors, and recognized.

A module has the routines that a factorization is made of: one gives reflectors below
the diagonal and R on and above it, another multiplies reflectors to Q. The primitive
``qr_p`` stands for both; its derivative is that of Q and R.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax import lax
from jax.lax import linalg

from irad_passes._compat.mlir import ShapedArray, scalar
from irad_passes.modules.attributes import integers, text
from irad_passes.modules.frames import Atom
from irad_passes.modules.routines import Call
from irad_passes.modules.triangles import is_upper_triangle
from irad_passes.modules.uses import readers

_PRODUCTS = ("orgqr_ffi", "ungqr_ffi", "orgqr", "ungqr")
"""How the targets end that multiply reflectors."""


@dataclass(frozen=True, eq=False)
class _Named:
    """A value of a module that is a factor, of the full factorization or the thin."""

    value: Any
    is_q: bool
    is_full: bool


def name_factors(call: Call, x: Atom, *, pivoting: bool) -> list[Atom]:
    """Lets the factors of a matrix, wherever a module takes them out, be ``qr_p``'s.

    ``call`` gives the matrix with reflectors. Returns the order of the columns if that
    is found, counted from one.
    """
    aval: Any = x.aval
    m, n = aval.shape[-2:]
    found = [named for value in call.values[0] for named in _factors(value, m, n)]
    order: list[Atom] = []
    for full in (False, True):
        wanted = [named for named in found if named.is_full == full]
        if wanted:
            order = _name(call, x, wanted, full=full, pivoting=pivoting)
    return order


def _name(
    call: Call, x: Atom, wanted: Sequence[_Named], *, full: bool, pivoting: bool
) -> list[Atom]:
    frame = call.frame
    aval: Any = x.aval
    *batch, m, n = aval.shape
    k = m if full else min(m, n)
    columns = ShapedArray((*batch, n), np.dtype(np.int32))
    q, r, *pivots = frame.equation(
        linalg.qr_p,
        [x],
        [
            ShapedArray((*batch, m, k), aval.dtype),
            ShapedArray((*batch, k, n), aval.dtype),
            *([columns] if pivoting else ()),
        ],
        pivoting=pivoting,
        full_matrices=full,
        use_magma=None,
    )
    for named in wanted:
        frame.define_early(named.value, q if named.is_q else r)
    if not pivots:
        return []
    one = frame.broadcast(scalar(1, np.int32), columns.shape)
    return frame.equation(lax.add_p, [*pivots, one], [columns])


def _factors(value: Any, m: int, n: int) -> Iterator[_Named]:
    """The factors that are taken out of the matrix with reflectors."""
    for op in readers(value):
        if _is_product(op, value):
            yield _Named(op.results[0], True, is_full=False)
        elif is_upper_triangle(op, value):
            yield _Named(op.results[0], False, is_full=m > n)
        elif op.name == "stablehlo.pad" and _is_made_square(op, m, n):
            for product in _products(op.results[0]):
                yield _Named(product.results[0], True, is_full=True)
        elif op.name == "stablehlo.slice" and _is_leading_block(op, min(m, n), n):
            for part in readers(op.results[0]):
                if is_upper_triangle(part, op.results[0]):
                    yield _Named(part.results[0], False, is_full=False)
        elif op.name == "stablehlo.slice" and _is_leading_block(op, m, min(m, n)):
            for product in _products(op.results[0]):
                yield _Named(product.results[0], True, is_full=False)


def _products(value: Any) -> Iterator[Any]:
    return (op for op in readers(value) if _is_product(op, value))


def _is_product(op: Any, value: Any) -> bool:
    """Whether an operation multiplies the reflectors below a matrix's diagonal."""
    if op.name != "stablehlo.custom_call" or len(op.results) != 1:
        return False
    target = text(op, "call_target_name")
    is_one = target.endswith(_PRODUCTS) or target.startswith("ProductOfElementary")
    return is_one and value in list(op.operands)


def _is_made_square(op: Any, m: int, n: int) -> bool:
    low, high = integers(op, "edge_padding_low"), integers(op, "edge_padding_high")
    inside = integers(op, "interior_padding")
    return not any(low) and not any(inside) and high[-1] == m - n and not any(high[:-1])


def _is_leading_block(op: Any, rows: int, columns: int) -> bool:
    *batch, _, _ = op.operands[0].type.shape
    return (
        not any(integers(op, "start_indices"))
        and all(stride == 1 for stride in integers(op, "strides"))
        and integers(op, "limit_indices") == (*batch, rows, columns)
    )
