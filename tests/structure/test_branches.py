"""Branches: the laws, and what is kept."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import irad
from tests.kinds import of_kinds
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


CASES = [
    Case("true branch", _branch(True), (X, W)),
    Case("false branch", _branch(False), (X, W)),
    Case("traced predicate", lambda x, w: _branch(x[0] > 0)(x, w), (X, W)),
    Case("first of three", lambda x, w: _switch(jnp.int32(x[0] > 9))(x, w), (X, W)),
    Case("constant branch", lambda x, w: _switch(jnp.int32(x[0] > 0))(x, w), (X, W)),
    Case("cond in scan", _in_scan, (X, W)),
    Case("only the closure", lambda w: _branch(w[0, 0] > 0)(X, w), (W,)),
    *of_kinds("branch", [Case("branch", _branch(False), (X, W))]),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws(case):
    check_laws(case)


def test_residual_slots_are_shared_between_branches():
    def fun(x):
        return lax.cond(x[0] > 0, jnp.sin, jnp.cos, x).sum()

    jaxpr = jax.make_jaxpr(irad.grad(fun))(X).jaxpr.eqns[-1].params["jaxpr"]
    conds = [eqn for eqn in jaxpr.eqns if eqn.primitive.name == "cond"]
    assert len(conds[0].outvars) == 1
