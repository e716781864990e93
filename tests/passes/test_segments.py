"""Loops and programs cut into segments compute what they did."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, check_jaxpr, jaxpr_as_fun
from jax.extend.core import primitives as p

from irad_passes import cut_scan, nested, segmented

W = jnp.linspace(-0.7, 0.6, 9).reshape(3, 3)


def traced(length: int, *, reverse: bool) -> tuple[ClosedJaxpr, tuple[Any, ...]]:
    def loop(s, xs):
        def step(carry, x):
            h, i = carry
            h = jnp.tanh(h @ W) + x
            return (h, i + 1), jnp.sum(h) * i

        return lax.scan(step, (s, 0), xs, reverse=reverse)

    arguments = jnp.ones(3), jnp.linspace(-1.0, 1.0, 3 * length).reshape(length, 3)
    return jax.make_jaxpr(loop)(*arguments), arguments


def cut(jaxpr: Jaxpr, lengths: Sequence[int]) -> Jaxpr:
    """The jaxpr with its scans cut."""
    eqns = [
        new
        for eqn in jaxpr.eqns
        for new in (cut_scan(eqn, lengths) if eqn.primitive is p.scan_p else [eqn])
    ]
    return jaxpr.replace(eqns=eqns)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [0, 1, 2, 7, 12])
def test_a_cut_loop_takes_the_same_steps(length: int, reverse: bool) -> None:
    closed, arguments = traced(length, reverse=reverse)
    expected = jaxpr_as_fun(closed)(*arguments)
    for lengths in ([4], [5, 2], [6, 3, 2]):
        made = cut(closed.jaxpr, lengths)
        check_jaxpr(made)
        found = jaxpr_as_fun(ClosedJaxpr(made, closed.consts))(*arguments)
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12)


def test_steps_left_over_are_cut_too() -> None:
    closed, _ = traced(24, reverse=False)
    made = cut(closed.jaxpr, [10, 2])
    loops = [eqn.params["length"] for eqn in made.eqns if eqn.primitive is p.scan_p]
    assert loops == [2, 2]


def test_a_short_loop_and_one_with_effects_stay() -> None:
    closed, _ = traced(3, reverse=False)
    assert cut(closed.jaxpr, [3, 5]).eqns == closed.jaxpr.eqns

    def noisy(c, _):
        jax.debug.print("{}", c)
        return c, None

    closed = jax.make_jaxpr(lambda x: lax.scan(noisy, x, length=9))(1.0)
    assert cut(closed.jaxpr, [3]).eqns == closed.jaxpr.eqns


def chain(x):
    for _ in range(6):
        x = jnp.sin(x) * x
    return x


def test_segments_compute_the_same_and_hold_all_equations_between_the_starts() -> None:
    closed = jax.make_jaxpr(chain)(jnp.ones(3))
    made = segmented(closed.jaxpr, [0, 4, 8])
    check_jaxpr(made)
    kinds = [eqn.primitive for eqn in made.eqns]
    assert kinds[:2] == [p.remat_p, p.remat_p]
    assert len(kinds) == 2 + len(closed.jaxpr.eqns) - 8
    x = jnp.linspace(0.1, 1.0, 3)
    (found,) = jaxpr_as_fun(ClosedJaxpr(made, []))(x)
    np.testing.assert_array_equal(found, chain(x))


def test_a_nested_segment_holds_the_one_before_it_and_computes_the_same() -> None:
    def chain(x):
        for _ in range(6):
            x = jnp.sin(x) * 2 + x
        return x

    closed = jax.make_jaxpr(chain)(jnp.ones(3))
    made = nested(closed.jaxpr, [0, 6, 12, 15])
    check_jaxpr(made)
    sizes, jaxpr = [], made
    while "jaxpr" in jaxpr.eqns[0].params:
        sizes.append(len(jaxpr.eqns))
        jaxpr = jaxpr.eqns[0].params["jaxpr"]
    assert [*sizes, len(jaxpr.eqns)] == [4, 4, 7, 6]
    found = jaxpr_as_fun(ClosedJaxpr(made, closed.consts))(jnp.arange(3.0))
    np.testing.assert_allclose(found[0], chain(jnp.arange(3.0)), rtol=1e-14)


def test_an_equation_with_effects_splits_a_segment_and_stays_in_order() -> None:
    def loud(x):
        y = jnp.sin(x) * 2
        jax.debug.callback(lambda v: None, y)
        return jnp.cos(y) * x

    closed = jax.make_jaxpr(loud)(1.0)
    made = segmented(closed.jaxpr, [0, len(closed.jaxpr.eqns)])
    check_jaxpr(made)
    assert [bool(eqn.effects) for eqn in made.eqns] == [False, True, False]
