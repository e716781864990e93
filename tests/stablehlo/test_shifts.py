"""Maxima that cancel: their gradient stops, and no other does."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import Jaxpr, jaxprs_in_params
from jax.scipy.special import logsumexp

import irad
from irad.stablehlo.transforms import prepared

X = np.random.default_rng(0).normal(size=(4, 4))
C = np.random.default_rng(1).normal(size=(4, 4))


def scores(x: jax.Array) -> jax.Array:
    m = jnp.max(x, axis=1, keepdims=True)
    e = jnp.exp(x - m)
    return jnp.sum(C * (e / jnp.sum(e, axis=1, keepdims=True)))


def looped(x: jax.Array) -> jax.Array:
    def step(forward: jax.Array, row: jax.Array) -> tuple[jax.Array, None]:
        return logsumexp(forward[:, None] + x, axis=0) + row, None

    return jnp.sum(lax.scan(step, x[0], x)[0])


CANCEL: dict[str, Callable[..., jax.Array]] = {
    "logsumexp": lambda x: jnp.sum(logsumexp(x, axis=1) * C[0]),
    "logsumexp of all": lambda x: logsumexp(x),
    "with weights": lambda x: jnp.sum(logsumexp(x, axis=0, b=1 + C**2)),
    "softmax": lambda x: jnp.sum(C * jax.nn.softmax(x)),
    "log_softmax": lambda x: jnp.sum(C * jax.nn.log_softmax(x, axis=0)),
    "by hand": scores,
    "in a loop": looped,
}


def not_added(x: jax.Array) -> jax.Array:
    return jnp.sum(jnp.log(jnp.sum(jnp.exp(x - jnp.max(x, axis=1)[:, None]), axis=1)))


def added_twice(x: jax.Array) -> jax.Array:
    return not_added(x) + 2 * jnp.sum(jnp.max(x, axis=1))


def along_the_other_axis(x: jax.Array) -> jax.Array:
    """The shift of a row is added to a column: the matrix is square."""
    m = jnp.max(x, axis=1)
    return jnp.sum((jnp.log(jnp.sum(jnp.exp(x - m[None, :]), axis=1)) + m) ** 2)


def returned_too(x: jax.Array) -> jax.Array:
    m = jnp.max(x)
    return jnp.log(jnp.sum(jnp.exp(x - m))) + m + jnp.sin(m)


def clipped(x: jax.Array) -> jax.Array:
    """What is chosen depends on more than constants."""
    m = jnp.maximum(jnp.max(x, axis=1), x[:, 0] ** 2)
    return jnp.sum(jnp.exp(x - m[:, None]))


STAYS: dict[str, Callable[..., jax.Array]] = {
    "not added": not_added,
    "added twice": added_twice,
    "along the other axis": along_the_other_axis,
    "returned too": returned_too,
    "clipped": clipped,
    "unnormalized": lambda x: jnp.sum(jnp.exp(x - jnp.max(x)) * C),
    "a maximum": lambda x: jnp.max(x) ** 2,
}


def loaded(fun: Callable[..., jax.Array]) -> irad.stablehlo.Module:
    return irad.stablehlo.load(jax.jit(fun).lower(X).as_text())


def stops(jaxpr: Jaxpr) -> int:
    """How many gradients are stopped in a program and the bodies in it."""
    inner = (body for eqn in jaxpr.eqns for body in jaxprs_in_params(eqn.params))
    own = sum(eqn.primitive is lax.stop_gradient_p for eqn in jaxpr.eqns)
    return own + sum(map(stops, inner))


@pytest.mark.parametrize("name", CANCEL)
def test_the_gradient_stops_at_a_maximum_that_cancels(name: str) -> None:
    assert stops(prepared(loaded(CANCEL[name]).jaxpr)) == 1


@pytest.mark.parametrize("name", STAYS)
def test_it_stops_nowhere_else(name: str) -> None:
    assert stops(prepared(loaded(STAYS[name]).jaxpr)) == 0


@pytest.mark.parametrize("name", [*CANCEL, *STAYS])
def test_derivatives_of_both_orders_are_those_of_the_source(name: str) -> None:
    fun = (CANCEL | STAYS)[name]
    module = loaded(fun)
    (gradient,) = irad.stablehlo.grad(module)(X)
    np.testing.assert_allclose(gradient, jax.grad(fun)(X), rtol=1e-12, atol=1e-13)
    (product,) = irad.stablehlo.hvp(module)(X, C)
    expected = jax.jvp(jax.grad(fun), (X,), (C,))[1]
    np.testing.assert_allclose(product, expected, rtol=1e-11, atol=1e-12)
