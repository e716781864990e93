"""Prices of what a loop keeps: by whether the stack fits the cache."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Jaxpr, jaxprs_in_params

import irad
from irad.checkpointing.prices import loop_price
from irad.cost import MACHINES

X = jnp.linspace(0.1, 1.0, 64)
FEW, MANY = 20, 20_000


def counted(jaxpr: Jaxpr) -> Counter[str]:
    """How often each primitive stands in a program, bodies included."""
    found = Counter(eqn.primitive.name for eqn in jaxpr.eqns)
    for eqn in jaxpr.eqns:
        for body in jaxprs_in_params(eqn.params):
            found += counted(body)
    return found


def looped(step: Callable[[Any], Any], steps: int) -> Callable[[Any], Any]:
    return lambda x: lax.scan(lambda s, _: (step(s), None), x, length=steps)[0]


def exponentials(step: Callable[[Any], Any], steps: int) -> int:
    """How often they stand in the gradient of a loop."""
    fun = looped(step, steps)
    made = jax.make_jaxpr(irad.grad(lambda x: jnp.sum(fun(x))))(X)
    return counted(made.jaxpr)["exp"]


def product(s: Any) -> Any:
    """Its partials are twice as many as what it starts from."""
    return jnp.sin(s) * jnp.exp(s[::-1])


def checkpointed(s: Any) -> Any:
    return jax.checkpoint(looped(product, FEW))(s)


def test_in_the_cache_a_number_is_cheaper_than_arithmetic_and_beyond_it_is_dearer():
    machine = MACHINES["cpu"]
    assert 4 * machine.keeping(10**6) < 1 / machine.flops
    assert 4 * machine.keeping(10**8) > machine.transcendental


def test_a_loop_that_runs_again_and_again_stacks_for_less():
    machine = MACHINES["cpu"]
    assert 4 * machine.keeping(10**8, reused=True) < machine.keeping(10**8)


def test_to_join_arrays_is_not_free():
    def fun(x: Any) -> Any:
        return lax.concatenate([x, x], 0), lax.rev(x, (0,))

    price = loop_price(MACHINES["cpu"], 0.0)
    joined, reversed_ = map(price.computed, jax.make_jaxpr(fun)(X).jaxpr.eqns)
    assert 1000 * reversed_ < joined


def test_a_loop_computes_again_what_would_not_fit_the_cache():
    assert exponentials(product, FEW) == 1
    assert exponentials(product, MANY) == 2


def test_a_loop_in_a_loop_stacks_as_often_as_the_outer_one_runs():
    inner = looped(product, FEW)
    assert exponentials(inner, FEW) == 1
    assert exponentials(inner, MANY) == 2


def test_the_stacks_of_a_segment_are_gone_before_the_next_step():
    segment = jax.checkpoint(looped(product, FEW))
    assert exponentials(segment, FEW) == exponentials(segment, MANY) == 2
