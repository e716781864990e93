"""The laws for Fourier transforms."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from tests.kinds import infinite
from tests.laws import Case, check_laws

RNG = np.random.default_rng(11)


def some(*shape: int, dtype: str = "float64") -> Any:
    """Normally distributed numbers."""
    values = RNG.standard_normal(shape)
    if "complex" in dtype:
        values = values + 1j * RNG.standard_normal(shape)
    return jnp.asarray(values, dtype)


def spectrum(*shape: int) -> Any:
    return some(*shape, dtype="complex128")


LAX = [
    Case("fft", lambda x: lax.fft(x, "FFT", (4,)), (spectrum(2, 4),)),
    Case("ifft", lambda x: lax.fft(x, "IFFT", (5,)), (spectrum(5),)),
    Case("fft, two axes", lambda x: lax.fft(x, "FFT", (2, 3)), (spectrum(2, 2, 3),)),
    Case("rfft, even", lambda x: lax.fft(x, "RFFT", (4,)), (some(2, 4),)),
    Case("rfft, odd", lambda x: lax.fft(x, "RFFT", (5,)), (some(5),)),
    Case("rfft, two axes", lambda x: lax.fft(x, "RFFT", (3, 4)), (some(2, 3, 4),)),
    Case("irfft, even", lambda x: lax.fft(x, "IRFFT", (6,)), (spectrum(2, 4),)),
    Case("irfft, odd", lambda x: lax.fft(x, "IRFFT", (5,)), (spectrum(3),)),
    Case("irfft, two axes", lambda x: lax.fft(x, "IRFFT", (3, 4)), (spectrum(3, 3),)),
    Case(
        "sizes 1 and 2",
        lambda x: [lax.fft(x[:n], "RFFT", (n,)) for n in (1, 2)],
        (some(2),),
    ),
    Case(
        "spectra of sizes 1 and 2",
        lambda x: [lax.fft(x[:k], "IRFFT", (n,)) for k, n in ((1, 1), (2, 2))],
        (spectrum(2),),
    ),
    Case(
        "float32",
        lambda x: lax.fft(lax.fft(x, "RFFT", (6,)) ** 2, "IRFFT", (6,)),
        (some(6, dtype="float32"),),
    ),
    Case("complex64", lambda x: lax.fft(x, "FFT", (4,)), (some(4, dtype="complex64"),)),
    Case(
        "infinite",
        lambda x, y: [
            lax.fft(x, "RFFT", (4,)),
            lax.fft(y, "FFT", (3,)),
            lax.fft(y, "IRFFT", (4,)),
        ],
        (some(4), spectrum(3)),
        cotangents=infinite,
        second=False,
    ),
    Case("nothing to transform", lambda x: lax.fft(x, "RFFT", (4,)), (some(0, 4),)),
]
PUBLIC = [
    Case(
        "complex, with every norm and other lengths",
        lambda x: (
            jnp.fft.fft(x, n=3, norm="ortho"),
            jnp.fft.ifft(x, n=7, norm="forward"),
            jnp.fft.fft(x, axis=0),
            jnp.fft.fftshift(jnp.fft.ifft2(x)),
            jnp.fft.fftn(x, axes=(0,)),
        ),
        (spectrum(2, 5),),
    ),
    Case(
        "real, with other lengths",
        lambda x: (
            jnp.fft.rfft(x, n=3, norm="ortho"),
            jnp.fft.rfft(x, n=8),
            jnp.fft.rfft2(x),
            jnp.fft.rfftn(x, axes=(0,)),
            jnp.fft.ihfft(x),
        ),
        (some(2, 5),),
    ),
    Case(
        "to real, with other lengths",
        lambda x: (
            jnp.fft.irfft(x, n=3, norm="ortho"),
            jnp.fft.irfft(x, n=9),
            jnp.fft.irfft2(x),
            jnp.fft.irfftn(x, axes=(0,)),
            jnp.fft.hfft(x),
        ),
        (spectrum(2, 4),),
    ),
    Case(
        "a convolution by transforms",
        lambda x, y: jnp.fft.irfft(jnp.fft.rfft(x) * jnp.fft.rfft(y), n=5),
        (some(5), some(5)),
    ),
]


@pytest.mark.parametrize("case", [*LAX, *PUBLIC], ids=str)
def test_laws(case: Case) -> None:
    check_laws(case)
