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

The transpose of RFFT is an IRFFT of c* / w, as that adds the other half by symmetry.
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


def _weights(like: Array, length: int) -> Array:
    """How many elements of a whole spectrum each of its kept half stands for: 1 or 2.

    The first stands for itself, and so does the last where ``length`` is even.
    """
    last = like.ndim - 1
    sharding = ir.typeof(like).sharding
    number = lax.broadcasted_iota(np.int32, like.shape, last, out_sharding=sharding)
    alone = number == 0
    if length % 2 == 0:
        alone |= number == length // 2
    return lax.select(alone, lax.full_like(like, 1), lax.full_like(like, 2))


def _of_rfft(c: Array, lengths: tuple[int, ...]) -> Array:
    weighted = lax.conj(c) / _weights(c, lengths[-1])
    return math.prod(lengths) * lax.fft(weighted, IRFFT, lengths)


def _of_irfft(c: Array, lengths: tuple[int, ...]) -> Array:
    spectrum = lax.fft(c, RFFT, lengths)
    scale = 1 / math.prod(lengths)
    return lax.conj(scale * _weights(spectrum, lengths[-1]) * spectrum)


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
