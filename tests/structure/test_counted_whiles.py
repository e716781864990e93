"""The gradient of a ``while`` that counts its steps is that of the scan it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import jaxpr_as_fun
from jax.extend.core import primitives as p

import irad
from benchmarks.programs import differential, recurrent
from benchmarks.programs.program import Program
from irad.cost import cost_of, tidied
from tests.passes.laws import count
from tests.passes.lowering import with_whiles

X = jnp.array([0.3, -0.7, 0.5])
W = jnp.array([[0.2, -0.4, 0.1], [0.5, 0.3, -0.2], [0.1, 0.6, 0.4]])


def rolled(n: int, w: Any, x: Any) -> Any:
    """A loop with a counter that a condition compares with a number."""

    def body(c: Any) -> Any:
        i, s, y = c
        s = jnp.tanh(w @ s) + x[i] * i
        return i + 1, s, y.at[i].set(jnp.sum(s))

    start = (0, x, jnp.zeros(max(n, 1)))
    _, s, y = lax.while_loop(lambda c: c[0] < n, body, start)
    return jnp.sum(s) * (1.0 + jnp.sum(y))


def scanned(n: int, w: Any, x: Any) -> Any:
    """The same loop as a scan."""

    def step(s: Any, row: Any) -> Any:
        i, x_i = row
        s = jnp.tanh(w @ s) + x_i * i
        return s, jnp.sum(s)

    s, y = lax.scan(step, x, (jnp.arange(float(n)), x[:n]))
    return jnp.sum(s) * (1.0 + jnp.sum(y))


def gradient(ad: Any, fun: Callable[..., Any], n: int) -> Any:
    return ad.grad(lambda w, x: fun(n, w, x), (0, 1))(W, X)


def tangent(ad: Any, fun: Callable[..., Any], n: int) -> Any:
    return ad.jvp(lambda w, x: fun(n, w, x), (W, X), (W.T, X * X))


def linearized(ad: Any, fun: Callable[..., Any], n: int) -> Any:
    y, push = ad.linearize(lambda w, x: fun(n, w, x), W, X)
    return y, push(W.T, X * X)


def pulled(ad: Any, fun: Callable[..., Any], n: int) -> Any:
    y, pull = ad.vjp(lambda w, x: fun(n, w, x), W, X)
    return y, pull(0.7)


def second(ad: Any, fun: Callable[..., Any], n: int) -> Any:
    return ad.hessian(lambda x: fun(n, W, x))(X)


def by_rows(ad: Any, fun: Callable[..., Any], n: int) -> Any:
    return ad.jacrev(lambda x: fun(n, W, x) * x)(X)


DERIVATIVES = [gradient, tangent, linearized, pulled, second, by_rows]
CASES = [(each, 3) for each in DERIVATIVES]
CASES += [(each, n) for each in (gradient, tangent) for n in (0, 1)]


@pytest.mark.parametrize(("derivative", "n"), CASES)
def test_derivatives_are_those_of_the_scan(derivative: Any, n: int) -> None:
    found, expected = derivative(irad, rolled, n), derivative(jax, scanned, n)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-14)


def test_planned_jacobians_are_those_of_the_scan() -> None:
    found = irad.jacobian(lambda x: rolled(3, W, x) * x)(X)
    expected = jax.jacobian(lambda x: scanned(3, W, x) * x)(X)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_attached_derivatives_are_those_of_the_scan() -> None:
    attached = irad.attach(lambda x: rolled(3, W, x))
    expected = jax.grad(lambda x: scanned(3, W, x))(X)
    np.testing.assert_allclose(jax.grad(attached)(X), expected, rtol=1e-12)


def test_a_number_that_changes_from_call_to_call_may_be_where_a_loop_starts() -> None:
    def powers(first: int, x: Any) -> Any:
        def body(c: Any) -> Any:
            return c[0] + 1, jnp.sin(c[1])

        return lax.while_loop(lambda c: c[0] < 5, body, (first, x))[1]

    def composed(first: int, x: Any) -> Any:
        for _ in range(first, 5):
            x = jnp.sin(x)
        return x

    for first in (2, 4, 0, 7, 2):
        found = irad.grad(powers, 1)(first, 0.7)
        np.testing.assert_allclose(found, jax.grad(composed, 1)(first, 0.7), rtol=1e-13)


LOOPS = [
    program
    for program in (*recurrent.programs("small"), *differential.programs("small"))
    if program.name in ("LSTM", "GRU", "nonlinear heat")
]


@pytest.mark.parametrize("program", LOOPS, ids=lambda program: program.name)
@pytest.mark.usefixtures("float32", "standard_promotion")
def test_it_keeps_and_computes_what_the_gradient_of_the_scan_does(
    program: Program,
) -> None:
    fun, args = program.make(), program.arguments()
    lowered = jaxpr_as_fun(with_whiles(jax.make_jaxpr(fun)(*args)))

    def as_whiles(*args: Any) -> Any:
        return lowered(*jax.tree.leaves(args))[0]

    def account(fun: Callable[..., Any]) -> tuple[Any, ...]:
        made = jax.jit(irad.grad(fun, program.argnums))
        jaxpr = jax.make_jaxpr(made)(*args).jaxpr
        compiled = made.lower(*args).compile()
        temporaries = compiled.memory_analysis().temp_size_in_bytes
        return cost_of(tidied(jaxpr)), count(jaxpr, p.while_p), temporaries

    assert account(as_whiles) == account(fun)
