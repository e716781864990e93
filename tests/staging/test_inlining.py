"""Calls that are written out while a function is captured: the program is JAX's own."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import irad
from irad.capture import capture

X = jnp.linspace(-1.0, 1.0, 6).reshape(2, 3)


@functools.partial(jax.jit, inline=True)
def _scaled(x):
    with jax.named_scope("scaled"):
        return jnp.where(x > 0, 2.0 * x, jnp.exp(x))


@functools.partial(jax.jit, inline=True)
def _with_an_array(x):
    return x * np.arange(3.0)


@functools.partial(jax.jit, inline=True)
def _with_an_effect(x):
    jax.debug.print("{}", x.sum())
    return jnp.sin(x)


@functools.partial(jax.jit, inline=True)
def _handed_on(x, y):
    return y, 3.0, jnp.zeros(2), x


def _mixed_operands(x):
    return jnp.add(1, x) + jnp.add(x, np.float64(2.0)) + jnp.logaddexp(x, 0.5 * x)


def _results_handed_on(x):
    y, number, zeros, again = _handed_on(x, np.ones(3))
    return jnp.sum(again * y) * number + zeros.sum()


def _converted(x):
    # A conversion of a number is folded while it is recorded.
    return jax.jit(lambda y: y * jnp.asarray(3, y.dtype), inline=True)(x)


FUNCTIONS = [
    lambda x: jnp.var(jnp.clip(x, -0.5, 0.5), axis=0),
    lambda x: jnp.einsum("ij,kj->ik", x, jnp.swapaxes(x, 0, 1).T),
    lambda x: _scaled(_scaled(x)),
    _with_an_array,
    _with_an_effect,
    _mixed_operands,
    _results_handed_on,
    _converted,
]


def _captured(fun):
    def call(leaves):
        return fun(*leaves)

    return capture(fun, [X], call, purpose="test")


@pytest.mark.parametrize("fun", FUNCTIONS)
def test_the_recorded_program_is_jaxs(fun):
    ours = _captured(fun)
    theirs = jax.make_jaxpr(fun)(X)
    assert [str(e.primitive) for e in ours.jaxpr.eqns] == [
        str(e.primitive) for e in theirs.jaxpr.eqns
    ]
    ours_out, theirs_out = (
        jax.core.eval_jaxpr(jaxpr, consts, *inputs)
        for jaxpr, consts, inputs in (
            (ours.jaxpr, [], ours.inputs),
            (theirs.jaxpr, theirs.consts, [X]),
        )
    )
    jax.tree.map(np.testing.assert_array_equal, ours_out, theirs_out)


def test_equations_keep_the_names_around_them():
    ours, theirs = _captured(_scaled).jaxpr, jax.make_jaxpr(_scaled)(X).jaxpr
    names = [[str(e.source_info.name_stack) for e in j.eqns] for j in (ours, theirs)]
    assert "scaled" in names[0]
    assert names[0] == names[1]


def test_a_number_asked_for_behind_a_written_out_call_is_known():
    def f(x):
        return jnp.sum(x**2) if jnp.clip(x, 0.0, 1.0).sum() > 0.5 else jnp.sum(x)

    np.testing.assert_array_equal(irad.grad(f)(X), 2 * X)
    np.testing.assert_array_equal(irad.grad(f)(X - 2), jnp.ones_like(X))
