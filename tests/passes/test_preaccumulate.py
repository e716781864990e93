"""Preaccumulation: the same values to rounding, from factors multiplied beforehand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax import lax
from jax.extend.core import Jaxpr, Var, check_jaxpr
from jax.extend.core import primitives as p

from irad_passes import accumulated, chains, joined_sums
from tests.passes.evaluation import evaluate
from tests.passes.laws import count

X = np.asarray([0.5, -1.25, 2.0])
Y = np.asarray([1.5, 0.25, -0.25])
C, D = np.asarray([-0.5, 1.0, 3.0]), np.asarray([0.75, -2.0, 1.0])
BEFORE = 2


def traced(function: Callable[..., Any], dtype: Any = np.float64) -> Any:
    args = [a.astype(dtype) for a in (X, Y, C, D)]
    return jax.make_jaxpr(function)(*args), args


def shortened(jaxpr: Jaxpr) -> Jaxpr:
    """The program with all of its chains accumulated."""
    jaxpr = joined_sums(jaxpr)
    for chain in chains(jaxpr, BEFORE):
        jaxpr = accumulated(jaxpr, chain) or jaxpr
    return jaxpr


def check(function: Callable[..., Any], dtype: Any = np.float64) -> Jaxpr:
    """The shortened program, after it gave the values of the whole."""
    whole, args = traced(function, dtype)
    made = shortened(whole.jaxpr)
    check_jaxpr(made)
    expected = evaluate(whole.jaxpr, whole.consts, args)
    found = evaluate(made, whole.consts, args)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
    return made


def late(jaxpr: Jaxpr) -> int:
    """How many equations depend on what is after."""
    after = set(jaxpr.invars[BEFORE:])
    for eqn in jaxpr.eqns:
        if any(isinstance(x, Var) and x in after for x in eqn.invars):
            after.update(eqn.outvars)
    return sum(not after.isdisjoint(eqn.outvars) for eqn in jaxpr.eqns)


def line(x: Any, y: Any, c: Any, d: Any) -> Any:
    for _ in range(5):
        c = c * jnp.sin(x) * y + c * x
    return [c]


def signs_and_quotients(x: Any, y: Any, c: Any, d: Any) -> Any:
    return [-(c * x) / y - 2.0 * c / x + c * jnp.cos(y)]


def two_in_one(x: Any, y: Any, c: Any, d: Any) -> Any:
    return [(c * x * y + d) * jnp.sin(y) + d * x * jnp.cos(x) * y]


def sums(x: Any, y: Any, c: Any, d: Any) -> Any:
    return [
        jnp.sum(c * x * y) + -jnp.sum(c * y * y) + 0.5 * jnp.sum(c * jnp.sin(x) * y)
    ]


def with_a_scalar(x: Any, y: Any, c: Any, d: Any) -> Any:
    return [c * x[0] * y[1] * y * x + c]


FORMS = {
    line: 1, signs_and_quotients: 1, two_in_one: 3, sums: 2, with_a_scalar: 1
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_a_chain_is_one_product_for_each_variable_after(
    form: Callable[..., Any],
) -> None:
    assert late(check(form)) == FORMS[form]


def test_a_sum_of_reductions_is_one_reduction() -> None:
    assert count(check(sums), p.reduce_sum_p) == 1


def test_a_sum_of_other_reductions_stays() -> None:
    def function(x: Any, y: Any, c: Any, d: Any) -> Any:
        total = jnp.sum(c)
        other = jnp.sum(c) + jnp.max(d)
        return [total + jnp.sum(jnp.stack([c, d])), other, total, jnp.sum(d) + 1.0]

    whole, _ = traced(function)
    assert count(joined_sums(whole.jaxpr), p.reduce_sum_p) == 4


@pytest.mark.parametrize("dtype", [np.float16, jnp.bfloat16, np.complex64])
def test_other_types_keep_their_order(dtype: Any) -> None:
    whole, _ = traced(line, dtype)
    assert not list(chains(whole.jaxpr, BEFORE))


def test_a_chain_that_saves_nothing_stays() -> None:
    def function(x: Any, y: Any, c: Any, d: Any) -> Any:
        e = c * x
        return [e, e * y]

    whole, _ = traced(function)
    assert [accumulated(whole.jaxpr, c) for c in chains(whole.jaxpr, BEFORE)] == [None]


def test_what_is_not_linear_ends_a_chain() -> None:
    def function(x: Any, y: Any, c: Any, d: Any) -> Any:
        e = jnp.flip(c * x * y * x)
        return [e * jnp.sin(x) * y * x]

    made = check(function)
    assert late(made) == 3
    assert count(made, p.rev_p) == 1


def test_a_mask_ends_a_chain_for_what_it_hides_may_be_nan() -> None:
    def function(x: Any, y: Any, c: Any, d: Any) -> Any:
        c = lax.select(x > 0, c * x * y * y, jnp.zeros_like(c))
        return [c * jnp.sin(x) * y * x]

    made = check(function)
    assert count(made, p.select_n_p) == 1
    assert late(made) == 3


steps = st.tuples(
    st.sampled_from(["scale", "divide", "negate", "add", "subtract"]),
    st.integers(0, 9),
    st.integers(0, 9),
)


@given(
    program=st.lists(steps, min_size=1, max_size=9),
    outputs=st.lists(st.integers(0, 9), min_size=1, max_size=2),
)
def test_random_programs_give_the_same_values(
    program: list[tuple[str, int, int]], outputs: list[int]
) -> None:
    def function(x: Any, y: Any, c: Any, d: Any) -> Any:
        early, after = [x, y, jnp.sin(x), y * y], [c, d]
        for name, i, j in program:
            a, b = after[i % len(after)], after[j % len(after)]
            factor = early[j % len(early)]
            after.append(
                {
                    "scale": lambda a=a, f=factor: f * a,
                    "divide": lambda a=a, f=factor: a / f,
                    "negate": lambda a=a: -a,
                    "add": lambda a=a, b=b: a + b,
                    "subtract": lambda a=a, b=b: a - b,
                }[name]()
            )
        return [after[-1 - i % len(after)] for i in outputs]

    check(function)
