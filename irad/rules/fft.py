"""The rule of the discrete Fourier transforms.

With N the number of points, F the symmetric matrix of exp(-2 pi i j k / N) and * the
complex conjugate, each is linear (the real ones over the reals) and its transpose is a
transform too:

======  ======================  ===============================================
kind    y                       transpose
======  ======================  ===============================================
FFT     F x                     F c
IFFT    F* x / N                F* c / N
RFFT    half of F x, x real     Re of F c, where c is 0 in the other half
IRFFT   Re of F* x / N, x       w (F c)* / N in the kept half: what stands for
        from its half           two elements (w = 2) is paired with both
======  ======================  ===============================================

The transpose of RFFT is an IRFFT of N c* / w, as that adds the other half by symmetry
and divides by N.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from jax import lax

from irad._compat import ir
from irad.linear_map import Apply, Array
from irad.rules.registry import linear

RFFT, IRFFT = lax.FftType.RFFT, lax.FftType.IRFFT


def _conjugate(half: Array, length: int, alone: float, paired: float) -> Array:
    """The conjugate of the kept half of a spectrum, its elements scaled.

    The first stands for itself ``alone``, and so does the last where ``length`` is
    even; every other is ``paired`` with one of the other half.
    """
    last = half.ndim - 1
    sharding = ir.typeof(half).sharding
    number = lax.broadcasted_iota(np.int32, half.shape, last, out_sharding=sharding)
    is_alone = number == 0
    if length % 2 == 0:
        is_alone |= number == length // 2
    scales = lax.full_like(half, alone), lax.full_like(half, paired)
    return lax.select(is_alone, *scales) * lax.conj(half)


def _of_rfft(c: Array, lengths: tuple[int, ...]) -> Array:
    points = math.prod(lengths)
    return lax.fft(_conjugate(c, lengths[-1], points, points / 2), IRFFT, lengths)


def _of_irfft(c: Array, lengths: tuple[int, ...]) -> Array:
    points = math.prod(lengths)
    spectrum = lax.fft(c, RFFT, lengths)
    return _conjugate(spectrum, lengths[-1], 1 / points, 2 / points)


TRANSPOSES: dict[lax.FftType, Callable[[Array, tuple[int, ...]], Array]] = {
    lax.FftType.FFT: lambda c, lengths: lax.fft(c, lax.FftType.FFT, lengths),
    lax.FftType.IFFT: lambda c, lengths: lax.fft(c, lax.FftType.IFFT, lengths),
    RFFT: _of_rfft,
    IRFFT: _of_irfft,
}


def _transpose(c: Array, J: Apply) -> Array:
    """The cotangent by the table above."""
    return TRANSPOSES[J.params["fft_type"]](c, J.params["fft_lengths"])


linear(lax.fft_p, _transpose)
