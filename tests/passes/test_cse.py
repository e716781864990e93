"""Which equations cse takes for the same, and which it does not."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import DropVar, Jaxpr, Literal
from jax.extend.core import primitives as p

from irad_passes import cse, dce
from irad_passes.keys import atom_key, param_key
from tests.passes.laws import count
from tests.passes.programs import one, x3


def trace(function: Callable[..., Any], *args: Any) -> Jaxpr:
    return jax.make_jaxpr(function)(*args).jaxpr


def call_twice(x: Any) -> Any:
    f = jax.jit(lambda a: jnp.sin(a) * 2.0)
    return f(x) + f(x)


def loop_twice(x: Any) -> Any:
    def body(c: Any, r: Any) -> Any:
        return c * r, c

    return lax.scan(body, one, x), lax.scan(body, one, x)


def draw_twice(key: Any) -> Any:
    return jax.random.bits(key, (3,)) + jax.random.bits(key, (3,))


def chained(x: Any) -> Any:
    a = jnp.sin(jnp.cos(x) + 1.0)
    return a + jnp.sin(jnp.cos(x) + 1.0)


@pytest.mark.parametrize(
    ("function", "before", "after"),
    [(call_twice, 3, 2), (loop_twice, 2, 1), (draw_twice, 3, 2), (chained, 7, 4)],
)
def test_equal_computations_are_done_once(
    function: Callable[..., Any], before: int, after: int
) -> None:
    jaxpr = trace(function, jax.random.key(1) if function is draw_twice else x3)
    assert len(jaxpr.eqns) == before
    assert len(cse(jaxpr).eqns) == after


def barriers(x: Any) -> Any:
    return lax.optimization_barrier(x) + lax.optimization_barrier(x)


def rematerialized(x: Any) -> Any:
    f = jax.checkpoint(jnp.sin)
    return f(x) + f(x)


def zeros(x: Any) -> Any:
    return x * np.float64(0.0) + x * np.float64(-0.0)


def fills(x: Any) -> Any:
    i = jnp.asarray([5])
    take = [x.at[i].get(mode="fill", fill_value=fill) for fill in (0.0, -0.0)]
    return take[0] + take[1]


def printing(x: Any) -> Any:
    jax.debug.print("{}", x)
    jax.debug.print("{}", x)
    return x


def uniform(x: Any) -> Any:
    a, b = (lax.rng_uniform(0.0, 1.0, (3,)) for _ in range(2))
    return a + b


def uniform_inside(x: Any) -> Any:
    f = jax.jit(lambda: lax.rng_uniform(0.0, 1.0, (3,)))
    return f() + f()


@pytest.mark.parametrize(
    ("function", "primitive", "number"),
    [
        (barriers, "optimization_barrier", 2),
        (rematerialized, "remat2", 2),
        (zeros, "mul", 2),
        (fills, "gather", 2),
        (printing, "debug_print", 2),
        (uniform, "rng_uniform", 2),
        (uniform_inside, "jit", 2),
    ],
)
def test_what_may_differ_stays_twice(
    function: Callable[..., Any], primitive: str, number: int
) -> None:
    new = cse(trace(function, x3))
    assert sum(e.primitive.name == primitive for e in new.eqns) == number


def test_literals_are_compared_by_type_and_bits() -> None:
    values: list[Any] = [0.0, -0.0, 1, 0, True, False, 1j, math.nan, -math.nan]
    values += [np.float32(1), np.float64(1), np.int8(1), jnp.bfloat16(1.0)]
    literals = [
        Literal(x, ShapedArray((), np.asarray(x).dtype, weak))
        for x in values
        for weak in ((False, True) if isinstance(x, float) else (False,))
    ]
    keys = [atom_key(x) for x in literals]
    assert len(set(keys)) == len(keys)
    assert keys == [atom_key(Literal(np.asarray(x.val), x.aval)) for x in literals]


def test_parameters_are_compared_by_type_and_bits() -> None:
    values: list[Any] = [0, False, 0.0, -0.0, 0j, -0.0j, None, "0", (), [], {}]
    values += [(0.0,), (-0.0,), {"a": 0}, {"a": False}, np.float32(0.0), np.int32(0)]
    keys = [param_key(x) for x in values]
    assert len(set(keys)) == len(keys)
    assert param_key({"a": 1, "b": 2}) == param_key({"b": 2, "a": 1})


def test_parameters_without_a_hash_are_not_compared() -> None:
    jaxpr = trace(lambda x: (jnp.sin(x), jnp.sin(x)), x3)
    table = {"table": np.ones(3)}
    eqns = [e.replace(params={**e.params, **table}) for e in jaxpr.eqns]
    jaxpr = jaxpr.replace(eqns=eqns)
    assert cse(jaxpr) is jaxpr


def test_equations_of_different_contexts_are_different() -> None:
    def function(x: Any) -> Any:
        with jax.threefry_partitionable(False):
            a = jnp.sin(x)
        with jax.threefry_partitionable(True):
            return a + jnp.sin(x)

    jaxpr = trace(function, x3)
    assert cse(jaxpr) is jaxpr


def test_a_dropped_result_stands_for_no_value() -> None:
    jaxpr = trace(lambda x: (lax.top_k(x, 2), lax.top_k(x, 2)), x3)
    first, second = (e for e in jaxpr.eqns if e.primitive is p.top_k_p)
    values, places = first.outvars
    dropped = first.replace(outvars=[values, DropVar(places.aval)])
    rest = [e for e in jaxpr.eqns if e not in (first, second)]
    jaxpr = jaxpr.replace(eqns=[dropped, second, *rest], outvars=second.outvars)
    assert cse(jaxpr) is jaxpr
    kept = jaxpr.replace(eqns=[second, dropped, *rest], outvars=[values])
    assert count(cse(kept), p.top_k_p) == 1


def test_results_of_different_types_are_different() -> None:
    jaxpr = trace(lambda x: (jnp.sin(x), jnp.sin(x)), np.float64(1.0))
    first, second = jaxpr.eqns
    (y,) = second.outvars
    weak = type(y)(ShapedArray((), np.dtype(np.float64), weak_type=True))
    second = second.replace(outvars=[weak])
    jaxpr = jaxpr.replace(eqns=[first, second], outvars=[*first.outvars, weak])
    assert cse(jaxpr) is jaxpr


def test_equal_outputs_become_one_variable() -> None:
    new = cse(trace(lambda x: (jnp.sin(x), jnp.sin(x)), x3))
    assert new.outvars[0] is new.outvars[1]
    assert dce(new) is new
