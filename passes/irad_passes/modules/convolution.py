"""Convolutions and Fourier transforms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax import lax

from irad_passes._compat.mlir import stablehlo
from irad_passes.errors import ModuleError
from irad_passes.modules.attributes import integer, integers, pairs, precision
from irad_passes.modules.converters import Table
from irad_passes.modules.frames import Atom, Frame

TABLE = Table()


@TABLE.converts("stablehlo.convolution")
def _convolution(frame: Frame, op: Any) -> Sequence[Atom] | None:
    numbers = _dimensions(op.attributes["dimension_numbers"])
    spatial = len(numbers.rhs_spec) - 2
    ones = (1,) * spatial
    x, kernel = frame.operands(op)
    (aval,) = frame.avals(op)
    types = [frame.aval(value).dtype for value in op.operands]
    if types[0] != types[1]:
        return None
    return frame.equation(
        lax.conv_general_dilated_p,
        [x, _turned(frame, op, kernel, numbers.rhs_spec[2:])],
        [aval],
        window_strides=integers(op, "window_strides", ones),
        padding=pairs(op, "padding", spatial),
        lhs_dilation=integers(op, "lhs_dilation", ones),
        rhs_dilation=integers(op, "rhs_dilation", ones),
        dimension_numbers=numbers,
        feature_group_count=integer(op, "feature_group_count"),
        batch_group_count=integer(op, "batch_group_count"),
        precision=precision(op),
        preferred_element_type=None if aval.dtype == types[0] else aval.dtype,
        out_sharding=None,
    )


def _dimensions(attribute: Any) -> lax.ConvDimensionNumbers:
    numbers = stablehlo.ConvDimensionNumbers(attribute)
    return lax.ConvDimensionNumbers(
        (
            numbers.input_batch_dimension,
            numbers.input_feature_dimension,
            *numbers.input_spatial_dimensions,
        ),
        (
            numbers.kernel_output_feature_dimension,
            numbers.kernel_input_feature_dimension,
            *numbers.kernel_spatial_dimensions,
        ),
        (
            numbers.output_batch_dimension,
            numbers.output_feature_dimension,
            *numbers.output_spatial_dimensions,
        ),
    )


def _turned(frame: Frame, op: Any, kernel: Atom, axes: Sequence[int]) -> Atom:
    """The kernel, turned around along the axes on which its window is reversed."""
    reversal = integers(op, "window_reversal", (0,) * len(axes))
    turned = tuple(
        d for d, is_reversed in zip(axes, reversal, strict=True) if is_reversed
    )
    if not turned:
        return kernel
    aval = frame.aval(op.operands[1])
    (made,) = frame.equation(lax.rev_p, [kernel], [aval], dimensions=turned)
    return made


@TABLE.converts("stablehlo.fft")
def _fft(frame: Frame, op: Any) -> Sequence[Atom]:
    kind = stablehlo.FftTypeAttr(op.attributes["fft_type"]).value
    lengths = integers(op, "fft_length")
    real = frame.avals(op)[0] if kind == "IRFFT" else frame.aval(op.operands[0])
    if real.shape[len(real.shape) - len(lengths) :] != lengths:
        raise ModuleError(f"a transform of lengths {lengths} of axes {real.shape}")
    return frame.equation(
        lax.fft_p,
        frame.operands(op),
        frame.avals(op),
        fft_type=lax.FftType[kind],
        fft_lengths=lengths,
    )
