"""Reductions along axes."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax

from irad_passes._compat import Literal, Primitive
from irad_passes._compat.mlir import ClosedJaxpr, ShapedArray, only_equation
from irad_passes.modules.attributes import integer, integers
from irad_passes.modules.converters import Table
from irad_passes.modules.frames import Atom, Frame, dtype_of
from irad_passes.modules.idioms import body_of_lowered
from irad_passes.modules.regions import (
    computes_same,
    operations_of_body,
    scalar_program,
)
from irad_passes.modules.tables import ELEMENTWISE, MONOIDS

TABLE = Table()

_ROUND = frozenset({lax.reduce_sum_p, lax.reduce_prod_p})
"""Reductions of which it matters, in floating point, where they start."""


@TABLE.converts("stablehlo.reduce")
def _reduce(frame: Frame, op: Any) -> Sequence[Atom] | None:
    avals = frame.avals(op)
    operands = frame.promoted(frame.operands(op), [*avals, *avals])
    xs, starts = operands[: len(avals)], operands[len(avals) :]
    axes = integers(op, "dimensions")
    names = operations_of_body(op.regions[0])
    if all(map(_is_monoid, names, starts)):
        of_each = zip(names, xs, starts, avals, strict=True)
        return [_monoid(frame, *each, axes) for each in of_each]
    body = scalar_program(frame, op.regions[0])
    if body is None:
        return None
    extremum = _arg_extremum(frame, op, body, starts)
    if extremum is not None:
        index = avals[1]
        (found,) = frame.equation(
            extremum, xs[:1], [index], axes=axes, index_dtype=index.dtype
        )
        return [xs[0], found]  # nobody reads the extremum itself
    return frame.equation(
        lax.reduce_p,
        operands,
        avals,
        computation=None,
        jaxpr=body,
        dimensions=axes,
    )


def _is_monoid(name: str, start: Atom) -> bool:
    """Whether a reduction is one of lax, which may be combined with its start."""
    primitive = MONOIDS.get(name)
    if primitive is None:
        return False
    may_round = primitive in _ROUND and not np.issubdtype(dtype_of(start), np.integer)
    return not may_round or is_neutral(primitive, start)


def _monoid(
    frame: Frame, name: str, x: Atom, start: Atom, aval: Any, axes: tuple[int, ...]
) -> Atom:
    primitive = MONOIDS[name]
    params: dict[str, Any] = {"axes": axes}
    if primitive is lax.reduce_sum_p:
        params["out_sharding"] = None
    (reduced,) = frame.equation(primitive, [x], [aval], **params)
    if is_neutral(primitive, start):
        return reduced
    combine, params = only_equation(*ELEMENTWISE[name])
    starts = frame.broadcast(start, aval.shape)
    (combined,) = frame.equation(combine, [starts, reduced], [aval], **params)
    return combined


def is_neutral(primitive: Primitive, start: Atom) -> bool:
    """Whether ``start`` is what a reduction of lax starts from, to the bit."""
    if not isinstance(start, Literal):
        return False
    dtype = dtype_of(start)
    neutral = neutral_element(primitive, dtype)
    return np.asarray(start.val, dtype).tobytes() == neutral.tobytes()


# Arguments of extrema -----------------------------------------------------------------


def _arg_extremum(
    frame: Frame, op: Any, body: ClosedJaxpr, starts: Sequence[Atom]
) -> Primitive | None:
    """``argmax`` or ``argmin``, if a reduction is one whose extremum nobody reads."""
    if len(starts) != 2 or list(op.results[0].uses) or not _counts_along(op):
        return None
    value, index = (aval.dtype for aval in body.in_avals[:2])
    if not is_neutral(lax.reduce_sum_p, starts[1]):
        return None
    for primitive, extremum in _ARGUMENTS.items():
        if is_neutral(extremum, starts[0]):
            usual = _usual_argument(frame.shared.convert, primitive, value, index)
            return primitive if computes_same(body, usual) else None
    return None


_ARGUMENTS: dict[Primitive, Primitive] = {
    lax.argmax_p: lax.reduce_max_p,
    lax.argmin_p: lax.reduce_min_p,
}
"""Arguments of extrema, and the reductions that start where they do."""


def _counts_along(op: Any) -> bool:
    """Whether the second operand of a reduction numbers the elements it reduces."""
    owner = op.operands[1].owner
    if getattr(owner, "name", "") != "stablehlo.iota":
        return False
    return integers(op, "dimensions") == (integer(owner, "iota_dimension"),)


@functools.lru_cache(64)
def _usual_argument(
    convert: Any, primitive: Primitive, value: np.dtype[Any], index: np.dtype[Any]
) -> ClosedJaxpr:
    """The body that ``lax.argmax`` or ``lax.argmin`` lowers to."""
    params = {"axes": (0,), "index_dtype": index}
    function = functools.partial(primitive.bind, **params)
    aval = ShapedArray((2,), value)
    return body_of_lowered(convert, function, [aval], "stablehlo.reduce")


def neutral_element(primitive: Primitive, dtype: Any) -> Any:
    """What a reduction of lax starts from."""
    if primitive in (lax.reduce_sum_p, lax.reduce_or_p, lax.reduce_xor_p):
        return np.zeros((), dtype)
    if primitive is lax.reduce_prod_p:
        return np.ones((), dtype)
    if primitive is lax.reduce_and_p:
        return np.invert(np.zeros((), dtype))
    lowest = primitive is lax.reduce_max_p
    if np.issubdtype(dtype, np.bool_):
        return np.asarray(not lowest)
    if np.issubdtype(dtype, np.integer):
        bounds = np.iinfo(dtype)
        return np.asarray(bounds.min if lowest else bounds.max, dtype)
    return np.asarray(-np.inf if lowest else np.inf, dtype)
