"""Products that leave a loop: gradients with them inside it and after it.

They leave on a machine that multiplies at no cost but is slow to read and write.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import inf
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import Jaxpr, JaxprEqn, jaxprs_in_params
from jax.extend.core import primitives as p

import irad
from irad.cost import MACHINES
from irad.structure import division
from irad.structure.deferral import defer
from tests.compiling import QUICK
from tests.laws import Case, check_laws

EAGER = replace(MACHINES["cpu"], contracted=inf, bandwidths=((inf, 1e-9),))


def after(linear, images, rows, _, keeping):
    """Whatever may leave does, to save reading and writing what is added up."""
    return defer(linear, images, rows, EAGER, keeping)


def inside(linear, images, *rest):
    """Nothing leaves: there is no sum to look at."""
    return defer(linear, (), *rest)


S = jnp.array([0.3, -0.7, 0.5])
W = jnp.array([[0.2, -0.4, 0.1], [0.5, 0.3, -0.2], [0.1, 0.6, 0.4]])
XS = jnp.linspace(-1.0, 1.0, 12).reshape(4, 3)


@pytest.fixture
def products(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Says where products go, with nothing remembered of another place."""

    def go(where: Callable[..., Any]) -> None:
        irad.clear_caches()
        monkeypatch.setattr(division, "defer", where)

    yield go
    irad.clear_caches()


def recurrent(w, s, xs, **options):
    def step(s, x):
        s = jnp.tanh(w @ s + x)
        return s, jnp.sum(s * x)

    return lax.scan(step, s, xs, **options)


def twice_in_a_step(w, s, xs):
    def step(s, x):
        s = jnp.tanh(w @ jnp.sin(w @ s + x))
        return s, s

    return lax.scan(step, s, xs)


def transposed(w, s, xs):
    def step(s, x):
        s = jnp.tanh(w @ s + jnp.sin(w.T @ jnp.cos(s)) - x)
        return s, s

    return lax.scan(step, s, xs)


def used_elsewhere(w, s, xs):
    """Some of the terms of the sum are products, others are not."""

    def step(s, x):
        s = jnp.tanh(w @ s + x) + jnp.sum(jnp.sin(w * s), axis=0) + w[0]
        return s, jnp.sum(w * x)

    return lax.scan(step, s, xs)


def sliced_factor(w, s, xs):
    """A factor is a slice of the loop's operand, the other is its cotangent."""
    return lax.scan(lambda s, x: (jnp.sin(s + w @ x), w @ x), s, xs)


def linear(w, s, xs):
    """The cotangent of the carry is a factor as it comes."""
    return lax.scan(lambda s, x: (w @ s + x, s), s, xs)


def many_at_once(w, s, xs):
    """A product that contracts a dimension besides the steps."""

    def step(s, x):
        s = jnp.tanh(s @ w + x)
        return s, s

    return lax.scan(step, jnp.stack([s, -s]), xs[:, None] * jnp.ones((1, 2, 1)))


def batched(w, s, xs):
    """A weight for each of a batch."""
    weights = jnp.stack([w, w.T])

    def step(s, x):
        s = jnp.tanh(jnp.einsum("bij,bkj->bki", weights, s) + x)
        return s, s

    start = jnp.stack([s, -s])[:, None] * jnp.ones((1, 2, 1))
    return lax.scan(step, start, xs)


def gated(w, s, xs):
    """Several weights, one of which only the constants of another loop see."""
    v, u = w.T, w * 2.0

    def step(carry, x):
        h, memory = carry
        gate = jax.nn.sigmoid(v @ h + u @ x)
        memory = gate * memory + (1.0 - gate) * jnp.tanh(w @ h)
        return (gate * jnp.tanh(memory), memory), memory

    return lax.scan(step, (s, s), xs)


def nested(w, s, xs):
    def outer(s, x):
        s, _ = lax.scan(lambda s, _: (jnp.sin(w @ s), None), s + x, length=2)
        return jnp.tanh(w @ s), s

    return lax.scan(outer, s, xs)


PROGRAMS = [
    recurrent, twice_in_a_step, transposed, used_elsewhere, sliced_factor, linear,
    many_at_once, batched, gated, nested,
]  # fmt: skip
CASES = [
    Case("used elsewhere", used_elsewhere, (W, S, XS)),
    Case("gated", gated, (W, S, XS)),
    Case("reverse", lambda *a: recurrent(*a, reverse=True), (W, S, XS)),
    Case("no step", recurrent, (W, S, XS[:0])),
    Case("one step", recurrent, (W, S, XS[:1])),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws_where_products_leave_the_loop(case: Case, products: Any) -> None:
    products(after)
    check_laws(case)


def loss(fun: Callable[..., Any]) -> Callable[..., Any]:
    def total(*args: Any) -> Any:
        return sum(jnp.sum(jnp.sin(y)) for y in jax.tree.leaves(fun(*args)))

    return total


def loops(jaxpr: Jaxpr) -> list[JaxprEqn]:
    """The equations of loops, those in calls and in loops included."""
    found = [eqn for eqn in jaxpr.eqns if eqn.primitive is p.scan_p]
    for eqn in jaxpr.eqns:
        for inner in jaxprs_in_params(eqn.params):
            found += loops(inner)
    return found


def dots(jaxpr: Jaxpr) -> int:
    return sum(eqn.primitive is p.dot_general_p for eqn in jaxpr.eqns)


def dots_in_loops(fun: Callable[..., Any]) -> int:
    jaxpr = jax.make_jaxpr(irad.grad(loss(fun), (0, 1, 2)))(W, S, XS).jaxpr
    return sum(dots(eqn.params["jaxpr"].jaxpr) for eqn in loops(jaxpr))


LEAVING = [
    (recurrent, 1), (twice_in_a_step, 2), (transposed, 2), (used_elsewhere, 1),
    (many_at_once, 1), (batched, 1), (gated, 3),
]  # fmt: skip


@pytest.mark.parametrize(
    ("fun", "number"), LEAVING, ids=lambda x: getattr(x, "__name__", "")
)
def test_each_product_leaves_the_loop(
    fun: Callable[..., Any], number: int, products: Any
) -> None:
    products(inside)
    before = dots_in_loops(fun)
    products(after)
    assert dots_in_loops(fun) == before - number


@pytest.mark.parametrize("fun", PROGRAMS, ids=lambda fun: fun.__name__)
def test_gradients_are_the_same_inside_and_after(
    fun: Callable[..., Any], products: Any
) -> None:
    def derivatives(w: Any, s: Any, xs: Any) -> Any:
        gradient = irad.grad(loss(fun), (0, 1, 2))
        second = irad.grad(lambda w: jnp.sum(gradient(w, s, xs)[0] ** 2))
        many = jax.vmap(gradient, (0, None, 0))
        return second(w), many(jnp.stack([w, -w]), s, jnp.stack([xs, -xs]))

    found = []
    for where in (inside, after):
        products(where)
        # A new function, for JAX remembers what it traced of the other.
        made = jax.jit(lambda *args: derivatives(*args), compiler_options=QUICK)
        found.append(made(W, S, XS))
    for a, b in zip(*map(jax.tree.leaves, found), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-14)


def test_a_sum_in_a_wide_type_is_not_made_in_a_narrow_one(products: Any) -> None:
    """Two hundred products of a thousand are more than float16 can hold."""

    def total(w: Any, xs: Any) -> Any:
        def step(s: Any, x: Any) -> Any:
            y = w.astype(jnp.float16) @ x
            return s + jnp.sum(y.astype(jnp.float32)), None

        return lax.scan(step, jnp.float32(0), xs)[0]

    products(after)
    args = jnp.ones((2, 3), "float32"), jnp.full((200, 3), 1e3, "float16")
    np.testing.assert_array_equal(irad.grad(total)(*args), jax.grad(total)(*args))


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_narrow_types_are_summed_to_their_precision(dtype: str, products: Any) -> None:
    products(after)
    wide = tuple(a.astype("float32") for a in (W, S, XS))
    narrow = tuple(a.astype(dtype) for a in (W, S, XS))
    expected = irad.grad(loss(recurrent), (0, 1, 2))(*wide)
    found = irad.grad(loss(recurrent), (0, 1, 2))(*narrow)
    for a, b in zip(found, expected, strict=True):
        assert a.dtype == dtype
        np.testing.assert_allclose(np.float32(a), b, rtol=0.1, atol=0.05)
