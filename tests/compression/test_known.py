"""What is known of a program's integers and masks, and what that rests on."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from irad.compression.known import known_values
from tests.compression.programs import captured

x = jnp.linspace(0.5, 1.5, 6)
INDEX, OTHER = jnp.array([4, 1, 2]), jnp.array([0, 5])
WEIGHTS = jnp.array([1.0, -1.0, 2.0])


def known(fun: Any, *xs: Any) -> tuple[list[Any], int]:
    """The values of a program's outputs where known, and how many were read."""
    jaxpr, values = captured(fun, *xs)
    found = known_values(jaxpr, values, jaxpr.outvars)
    return [found.values.get(v) for v in jaxpr.outvars], len(found.read)


def test_index_arithmetic_on_constants_is_evaluated():
    (value,), read = known(lambda x: jnp.where(INDEX < 2, INDEX + 6, INDEX), x)
    np.testing.assert_array_equal(value, [4, 7, 2])
    assert read == 1


def test_only_what_is_wanted_is_read():
    (a, b), read = known(lambda x: (INDEX * 2, x[OTHER]), x)
    np.testing.assert_array_equal(a, [8, 2, 4])
    assert b is None
    assert read == 1


def test_nothing_read_means_that_the_values_hold_for_all_constants():
    (value,), read = known(lambda x: lax.iota(jnp.int32, 4)[::-1] + x[INDEX].size, x)
    np.testing.assert_array_equal(value, [6, 5, 4, 3])
    assert read == 0


def test_masks_of_floating_constants_are_known_and_floats_are_not():
    (mask, weights), _ = known(lambda x: (WEIGHTS > 0, WEIGHTS * 2.0), x)
    np.testing.assert_array_equal(mask, [True, False, True])
    assert weights is None


def test_calls_with_unknown_operands_still_give_what_does_not_depend_on_them():
    @jax.jit
    def both(x: Any, i: Any) -> Any:
        return x.sum(), i + 1, jnp.argmax(x) + i

    (_, shifted, unknown), _ = known(lambda x: both(x, INDEX), x)
    np.testing.assert_array_equal(shifted, [5, 2, 3])
    assert unknown is None


def test_loops_give_what_does_not_depend_on_unknown_carries():
    def fun(x: Any) -> Any:
        def step(carry: Any, i: Any) -> Any:
            s, k = carry
            return (s * x[0], k + i), k * i

        (_, last), places = lax.scan(step, (x[0], jnp.array(1)), INDEX)
        return last, places

    (last, places), _ = known(fun, x)
    assert last == 8
    np.testing.assert_array_equal(places, [4, 5, 12])


def test_a_traced_constant_is_not_known():
    seen = []

    @jax.jit
    def outer(i: Any) -> Any:
        seen.append(known(lambda x: i + 1, x))
        return i

    outer(INDEX)
    assert seen == [([None], 0)]
