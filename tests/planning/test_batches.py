"""Sums of few elements, which a batch of tangents turns into sums of slices."""

from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import Jaxpr, JaxprEqn, jaxprs_in_params

import irad

X = np.random.default_rng(0).normal(size=(200, 3))
AXES = (0, 1)


def summing(axis: int) -> Callable[[jax.Array], jax.Array]:
    """A loop, whose Jacobian is pushed as a whole."""

    def step(x: jax.Array, _: None) -> tuple[jax.Array, None]:
        return x + 0.1 * jnp.sum(jnp.sin(x), axis=axis, keepdims=True), None

    return lambda x: lax.scan(step, x, None, length=3)[0][:2, 0]


def sums(jaxpr: Jaxpr) -> Iterator[JaxprEqn]:
    for eqn in jaxpr.eqns:
        if eqn.primitive is lax.reduce_sum_p:
            yield eqn
        for inner in jaxprs_in_params(eqn.params):
            yield from sums(inner)


def of_batches(axis: int) -> list[JaxprEqn]:
    """The sums of all tangents at once."""
    J = irad.jacobian(summing(axis), order="forward")
    found = sums(jax.make_jaxpr(J)(X).jaxpr)
    return [eqn for eqn in found if eqn.invars[0].aval.shape == (X.size, *X.shape)]


def test_batches_of_few_are_sums_of_slices() -> None:
    assert not of_batches(axis=1)


def test_batches_of_many_are_sums() -> None:
    assert of_batches(axis=0)


@pytest.mark.parametrize("axis", AXES)
def test_values_and_jacobians_are_jaxs(axis: int) -> None:
    fun = summing(axis)
    value, J = jax.jit(irad.value_and_jacobian(fun, order="forward"))(X)
    np.testing.assert_array_equal(value, jax.jit(fun)(X))
    np.testing.assert_allclose(J, jax.jacfwd(fun)(X), rtol=1e-12, atol=1e-14)
