"""Elementwise operations, and those that change types."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from jax import lax

from irad_passes._compat import Primitive, optimization_barrier_p
from irad_passes._compat.mlir import ShapedArray, only_equation, scalar, stablehlo
from irad_passes.modules import attributes, constants
from irad_passes.modules.converters import Converter, Table
from irad_passes.modules.expansions import told_by
from irad_passes.modules.frames import Atom, Frame
from irad_passes.modules.tables import CHLO, COMPARISONS, ELEMENTWISE, Row

TABLE = Table()


def _row(row: Row) -> Converter:
    @functools.cache
    def template() -> tuple[Primitive, dict[str, Any]]:
        return only_equation(*row)

    def convert(frame: Frame, op: Any) -> Sequence[Atom] | None:
        if "result_accuracy" in op.attributes:
            return None
        primitive, params = template()
        return frame.equation(primitive, frame.operands(op), frame.avals(op), **params)

    return convert


TABLE.update({name: _row(row) for name, row in (ELEMENTWISE | CHLO).items()})


@TABLE.converts("stablehlo.constant", "chlo.constant")
def _constant(frame: Frame, op: Any) -> Sequence[Atom]:
    (aval,) = frame.avals(op)
    entry = constants.splat(op)
    if entry is None:
        return [frame.constant(constants.array(op))]
    frame.shared.expansions.update(dict.fromkeys(told_by(entry)))
    literal = scalar(entry, aval.dtype)
    return [frame.broadcast(literal, aval.shape)]


@TABLE.converts("stablehlo.compare")
def _compare(frame: Frame, op: Any) -> Sequence[Atom] | None:
    primitive = comparison(op)
    if primitive is None:
        return None
    return frame.equation(primitive, frame.operands(op), frame.avals(op))


def comparison(op: Any) -> Primitive | None:
    """The primitive of a comparison; None if lax has none."""
    named = op.attributes
    direction = stablehlo.ComparisonDirectionAttr(named["comparison_direction"]).value
    total = (
        "compare_type" in named
        and stablehlo.ComparisonTypeAttr(named["compare_type"]).value == "TOTALORDER"
    )
    return COMPARISONS.get((direction, total))


@TABLE.converts("stablehlo.optimization_barrier")
def _barrier(frame: Frame, op: Any) -> Sequence[Atom]:
    return frame.equation(optimization_barrier_p, frame.operands(op), frame.avals(op))


@TABLE.converts("stablehlo.select")
def _select(frame: Frame, op: Any) -> Sequence[Atom]:
    which, if_true, if_false = frame.operands(op)
    return frame.equation(lax.select_n_p, [which, if_false, if_true], frame.avals(op))


@TABLE.converts("stablehlo.convert")
def _convert(frame: Frame, op: Any) -> Sequence[Atom]:
    (aval,) = frame.avals(op)
    entry = constants.everywhere(op.results[0])
    if entry is not None:
        frame.shared.expansions.update(dict.fromkeys(told_by(entry)))
    return frame.converted(frame.read(op.operands[0]), aval.dtype)


@TABLE.converts("stablehlo.bitcast_convert")
def _bitcast(frame: Frame, op: Any) -> Sequence[Atom]:
    (aval,) = frame.avals(op)
    return frame.equation(
        lax.bitcast_convert_type_p, frame.operands(op), [aval], new_dtype=aval.dtype
    )


@TABLE.converts("stablehlo.reduce_precision")
def _reduce_precision(frame: Frame, op: Any) -> Sequence[Atom]:
    return frame.equation(
        lax.reduce_precision_p,
        frame.operands(op),
        frame.avals(op),
        exponent_bits=attributes.integer(op, "exponent_bits"),
        mantissa_bits=attributes.integer(op, "mantissa_bits"),
    )


@TABLE.converts("chlo.conj")
def _conj(frame: Frame, op: Any) -> Sequence[Atom]:
    (x,) = frame.operands(op)
    return frame.equation(
        lax.conj_p, [x], frame.avals(op), input_dtype=frame.aval(op.operands[0]).dtype
    )


@TABLE.converts("chlo.constant_like")
def _constant_like(frame: Frame, op: Any) -> Sequence[Atom]:
    (aval,) = frame.avals(op)
    entry = constants.splat(op)
    assert entry is not None
    return [frame.broadcast(scalar(entry, aval.dtype), aval.shape)]


@TABLE.converts("stablehlo.iota")
def _iota(frame: Frame, op: Any) -> Sequence[Atom]:
    (aval,) = frame.avals(op)
    return frame.equation(
        lax.iota_p,
        [],
        [ShapedArray(aval.shape, aval.dtype)],
        dtype=aval.dtype,
        shape=aval.shape,
        dimension=attributes.integer(op, "iota_dimension"),
        sharding=None,
    )
