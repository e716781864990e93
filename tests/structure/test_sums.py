"""Sums over the steps of a loop: what a step reads by index, it adds to in place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from irad.instruments.work import work

X = jnp.linspace(0.1, 0.9, 120).reshape(60, 2)


def looped(read: Callable[[Any, Any], Any], n: int = 60) -> Callable[[Any], Any]:
    """A loop whose steps read an array by their number."""

    def fun(x: Any) -> Any:
        return lax.fori_loop(0, n, lambda i, s: jnp.sin(s + jnp.sum(read(x, i))), 0.0)

    return fun


READS = {
    "a row": lambda x, i: x[i],
    "a square": lambda x, i: x[i] ** 2,
    "two rows": lambda x, i: x[i] * x[i - 1],
    "a row twice": lambda x, i: x[i] + jnp.cos(x[i]),
    "gathered rows": lambda x, i: x[jnp.array([0, 1]) + i],
    "rows of both kinds": lambda x, i: x[i] * x[jnp.array([2, 1]) * i].sum(0),
    "a window that is moved in": lambda x, i: lax.dynamic_slice(x, (i, 0), (5, 2)),
    "a column": lambda x, i: jnp.sin(lax.dynamic_slice(x, (0, i), (60, 1))),
}


@pytest.mark.parametrize("name", READS)
def test_gradients_are_those_of_jax(name: str) -> None:
    fun = looped(READS[name])
    np.testing.assert_allclose(irad.grad(fun)(X), jax.grad(fun)(X), rtol=1e-12)


def test_a_row_and_the_whole_are_both_added() -> None:
    fun = looped(lambda x, i: x[i] * jnp.sum(jnp.sin(x)))
    np.testing.assert_allclose(irad.grad(fun)(X), jax.grad(fun)(X), rtol=1e-12)


def test_hessians_are_those_of_jax() -> None:
    fun, x = looped(READS["two rows"], 6), X[:6]
    np.testing.assert_allclose(
        irad.hessian(fun)(x), jax.hessian(fun)(x), rtol=1e-11, atol=1e-14
    )


def in_bodies(jaxpr: Any) -> Iterator[tuple[str, Any]]:
    """The equations of loop bodies: their names, and the types of their results."""
    for eqn in jaxpr.eqns:
        for inner in subjaxprs_of(eqn):
            if eqn.primitive.name == "scan":
                yield from ((e.primitive.name, e.outvars[0].aval) for e in inner.eqns)
            yield from in_bodies(inner)


def subjaxprs_of(eqn: Any) -> Iterator[Any]:
    """The programs in an equation."""
    for value in eqn.params.values():
        if hasattr(value, "jaxpr"):
            yield value.jaxpr


@pytest.mark.parametrize("name", [name for name in READS if name != "a column"])
def test_no_step_makes_an_array_of_full_size_but_by_an_update(name: str) -> None:
    jaxpr = jax.make_jaxpr(irad.grad(looped(READS[name])))(X).jaxpr
    whole = {p for p, aval in in_bodies(jaxpr) if aval.shape == X.shape}
    assert whole <= {"dynamic_update_slice", "scatter-add"}


def test_the_traffic_of_a_gradient_is_linear_in_the_length() -> None:
    def moved(n: int) -> int:
        x = jnp.ones((n, 2))
        gradient = jax.jit(irad.grad(looped(READS["two rows"], n)))
        return work(gradient.lower(x).compile().as_text()).bytes

    assert moved(2000) < 11 * moved(200)
