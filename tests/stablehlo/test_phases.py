"""Complex eigenvectors in modules have the derivatives of LAPACK's phases."""

from typing import Any

import jax
import numpy as np
import pytest
from jax import lax
from jax import numpy as jnp

import irad
from tests.stablehlo.agreement import check_differences
from tests.stablehlo.exported import exported

RNG = np.random.RandomState(0)


def hermitian(*shape: int) -> Any:
    a = RNG.randn(*shape) + 1j * RNG.randn(*shape)
    return a + a.conj().swapaxes(-1, -2)


@pytest.mark.parametrize("lower", [True, False])
@pytest.mark.parametrize("shape", [(1, 1), (2, 2), (2, 5, 5), (40, 40)], ids=str)
def test_eigenvectors_move_as_differences_say(
    shape: tuple[int, ...], lower: bool
) -> None:
    def vectors(a: Any) -> Any:
        return lax.linalg.eigh(a, lower=lower, symmetrize_input=False)

    x = hermitian(*shape)
    check_differences(exported(vectors, x), [x])


def exponential(a: Any) -> Any:
    """A function of the matrix, which knows no phases."""
    v, w = lax.linalg.eigh(a)
    e = (v * jnp.exp(0.1 * w).astype(v.dtype)) @ v.conj().T
    weights = jnp.cos(jnp.arange(e.size).reshape(e.shape))
    return jnp.sum(jnp.real(e) * weights + jnp.imag(e) * weights[::-1])


BLOCKS = np.zeros((5, 5), complex)
BLOCKS[:2, :2], BLOCKS[2:, 2:] = hermitian(2, 2), hermitian(3, 3)


@pytest.mark.parametrize("x", [hermitian(5, 5), BLOCKS], ids=["full", "blocks"])
def test_what_knows_no_phases_has_the_derivatives_of_the_source(x: Any) -> None:
    """Eigenvectors of a matrix of blocks vanish in the first row."""
    module = exported(exponential, x)
    expected = jax.grad(exponential)(x)
    found = irad.stablehlo.grad(module)(x)[0]
    np.testing.assert_allclose(found, expected, 1e-9, 1e-12)
    t = hermitian(5, 5)
    product = irad.stablehlo.hvp(exported(exponential, hermitian(5, 5)))(x, t)[0]
    expected = jax.jit(lambda x: jax.jvp(jax.grad(exponential), (x,), (t,))[1])(x)
    np.testing.assert_allclose(product, expected, 1e-8, 1e-10)
