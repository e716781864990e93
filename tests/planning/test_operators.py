"""Operators multiply by what is there, and by nothing else."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import irad

pytestmark = pytest.mark.usefixtures("standard_promotion")


def test_an_operator_multiplies_what_is_there_only() -> None:
    x = jnp.arange(10.0)
    fun = lambda x: jnp.where(x > 3.5, jnp.sqrt(x - 4), x[0])  # noqa: E731
    known = lambda x: jnp.where(jnp.arange(10) > 3, jnp.sqrt(x - 3), x[0])  # noqa: E731
    for f in (fun, known):
        J = irad.jacobian(f, order="forward", format="operator")(x)
        np.testing.assert_allclose(J @ (x + 1), jax.jvp(f, (x,), (x + 1,))[1])


def test_a_division_by_zero_is_not_a_product_with_it() -> None:
    x = jnp.arange(1.0, 4.0)
    J = irad.jacobian(lambda x: x / 0.0, format="operator")(x)
    np.testing.assert_array_equal(J.diagonal(), [jnp.inf] * 3)
