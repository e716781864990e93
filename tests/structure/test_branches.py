"""Branches and loops of unknown length: the laws, and the errors."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import irad
from tests.kinds import EVERY, of_kinds, together
from tests.laws import Case, check_laws

X = jnp.array([0.3, -0.7, 0.5])
W = jnp.array([[0.2, -0.4, 0.1], [0.5, 0.3, -0.2], [0.1, 0.6, 0.4]])


def _branch(first):
    def fun(x, w):
        def yes(x, w):
            return jnp.sin(w @ x), x.sum()

        def no(x, w):
            return x * x, jnp.exp(x[0]) * w[0, 0]

        return lax.cond(first, yes, no, x, w)

    return fun


def _switch(i):
    def fun(x, w):
        return lax.switch(
            i, [lambda x: w @ x, lambda x: jnp.ones_like(x), lambda x: jnp.tanh(x)], x
        )

    return fun


def _in_scan(x, w):
    def step(s, n):
        s = lax.cond(n % 2 == 0, lambda s: jnp.sin(w @ s), lambda s: s * 2.0, s)
        return s, s[0]

    return lax.scan(step, x, jnp.arange(5))


def _doubling(x, w):
    def step(carry):
        n, s = carry
        return n + 1, jnp.sin(w @ s) + 1.0

    return lax.while_loop(lambda c: c[0] < 4, step, (0, x))[1]


CASES = [
    Case("true branch", _branch(True), (X, W)),
    Case("false branch", _branch(False), (X, W)),
    Case("traced predicate", lambda x, w: _branch(x[0] > 0)(x, w), (X, W)),
    Case("first of three", lambda x, w: _switch(jnp.int32(x[0] > 9))(x, w), (X, W)),
    Case("constant branch", lambda x, w: _switch(jnp.int32(x[0] > 0))(x, w), (X, W)),
    Case("cond in scan", _in_scan, (X, W)),
    Case("only the closure", lambda w: _branch(w[0, 0] > 0)(X, w), (W,)),
    *of_kinds("branch", [Case("branch", _branch(False), (X, W))]),
    Case("while", _doubling, (X, W), modes=("fwd",)),
    *(
        together(
            f"while {dtype}", [Case("while", _doubling, (X, W))], dtype, modes=("fwd",)
        )
        for dtype in EVERY
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws(case):
    check_laws(case)


def test_reverse_mode_of_a_while_names_the_line_and_the_next_step():
    with pytest.raises(ValueError, match=r"test_branches\.py.*lax\.scan"):
        irad.grad(lambda x: _doubling(x, W).sum())(X)


def test_a_while_that_carries_no_tangent_is_no_error():
    def fun(x):
        n = lax.while_loop(lambda n: n < jnp.floor(x), lambda n: n + 1.0, 0.0)
        return x * lax.stop_gradient(n)

    assert irad.grad(fun)(2.5) == jax.grad(fun)(2.5)


def test_residual_slots_are_shared_between_branches():
    def fun(x):
        return lax.cond(x[0] > 0, jnp.sin, jnp.cos, x).sum()

    jaxpr = jax.make_jaxpr(irad.grad(fun))(X).jaxpr.eqns[-1].params["jaxpr"]
    conds = [eqn for eqn in jaxpr.eqns if eqn.primitive.name == "cond"]
    assert len(conds[0].outvars) == 1
