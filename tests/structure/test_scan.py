"""Loops of known length: the laws, and what is kept and what is not."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest
from jax import lax
from jax.extend.core import jaxprs_in_params

import irad
from tests.kinds import of_kinds
from tests.laws import Case, check_laws

X = jnp.array([0.3, -0.7, 0.5])
W = jnp.array([[0.2, -0.4, 0.1], [0.5, 0.3, -0.2], [0.1, 0.6, 0.4]])
XS = jnp.linspace(-1.0, 1.0, 12).reshape(4, 3)


def _recurrent(w, s, xs, **options):
    def step(s, x):
        s = jnp.tanh(w @ s + x)
        return s, jnp.sum(s * x)

    return lax.scan(step, s, xs, **options)


def _indexed(s):
    def step(i, s):
        return s * jnp.sin(s + i) + lax.dynamic_index_in_dim(XS, i, keepdims=False)

    return lax.fori_loop(0, 4, step, s)


def _nested(w, s):
    def outer(s, x):
        def inner(s, _):
            return jnp.sin(w @ s), None

        s, _ = lax.scan(inner, s + x, length=2)
        return s, s

    return lax.scan(outer, s, XS)


def _becomes_active(s, xs):
    """The second carry starts without a tangent and gets one."""

    def step(carry, x):
        a, b, n = carry
        return (jnp.sin(a) * x.sum(), b + a, n + 1), b

    (_, b, _), ys = lax.scan(step, (s, jnp.zeros_like(s), 0), xs)
    return b, ys


def _overwritten(s, xs):
    """A carry whose tangent is lost at every step."""

    def step(carry, x):
        a, b = carry
        return (a * jnp.cos(b), jnp.ones_like(b)), a * b

    return lax.scan(step, (s, s), xs)


CASES = [
    Case("recurrent", _recurrent, (W, X, XS)),
    Case("reverse", lambda *a: _recurrent(*a, reverse=True), (W, X, XS)),
    Case("unroll", lambda *a: _recurrent(*a, unroll=2), (W, X, XS)),
    Case("no steps", _recurrent, (W, X, XS[:0])),
    Case("only the constant", lambda w: _recurrent(w, X, XS), (W,)),
    Case("only the slices", lambda xs: _recurrent(W, X, xs)[1], (XS,)),
    Case("loop index in the body", _indexed, (X,)),
    Case("nested", _nested, (W, X)),
    Case("a carry becomes active", _becomes_active, (X, XS)),
    Case("a carry loses its tangent", _overwritten, (X, XS)),
    Case("map", lambda xs: lax.map(lambda x: jnp.sin(x) * x.sum(), xs), (XS,)),
    *of_kinds("recurrent", [Case("recurrent", _recurrent, (W, X, XS))]),
    Case(
        "associative scan",
        lambda xs: lax.associative_scan(lambda a, b: jnp.sin(a) * b, xs),
        (XS,),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws(case):
    check_laws(case)


def _primitives(jaxpr, name):
    found = [eqn for eqn in jaxpr.eqns if eqn.primitive.name == name]
    for eqn in jaxpr.eqns:
        for inner in jaxprs_in_params(eqn.params):
            found += _primitives(inner, name)
    return found


def test_the_loop_stays_rolled_and_is_differentiated_once():
    jaxpr = jax.make_jaxpr(irad.grad(lambda w: _recurrent(w, X, XS)[0].sum()))(W)
    assert len(_primitives(jaxpr.jaxpr, "scan")) == 2


def test_slices_and_constants_are_not_stacked_again():
    def loss(xs):
        def step(s, x):
            return s + jnp.sum(jnp.sin(x) * W), None

        return lax.scan(step, 0.0, xs)[0]

    forward = jax.make_jaxpr(lambda xs: irad.vjp(loss, xs)[0])(XS)
    assert len(_primitives(forward.jaxpr, "scan")[0].outvars) <= 2


def test_an_inactive_loop_is_not_differentiated():
    def fun(x):
        n = lax.while_loop(lambda n: n < 5, lambda n: n + 1, 0)
        return x * n

    assert irad.grad(fun)(2.0) == jax.grad(fun)(2.0)


def test_what_a_bwd_does_it_does_when_it_runs():
    """Also if it depends on nothing that is known only then."""
    seen = []

    @jax.custom_vjp
    def fun(x):
        return jnp.sin(x)

    def bwd(x, c):
        jax.debug.callback(lambda x: seen.append(float(x)), x, ordered=True)
        return (c * jnp.cos(x),)

    fun.defvjp(lambda x: (jnp.sin(x), x), bwd)

    def loop(x):
        return lax.scan(lambda s, r: (fun(s) + r, s), x, jnp.arange(3.0))

    for module in (jax, irad):
        (y, states), pull = module.vjp(loop, jnp.asarray(1.0))
        jax.effects_barrier()
        assert not seen
        (c,) = pull((jnp.ones_like(y), jnp.ones_like(states)))
        jax.effects_barrier()
        assert seen == states.tolist()[::-1]
        seen.clear()
    assert jnp.allclose(c, jax.grad(lambda x: sum(map(jnp.sum, loop(x))))(1.0))
