"""Steps that go back by products alone are condensed: rows once in several steps."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from math import inf
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from irad._compat import ir
from irad.cost import MACHINES
from irad.instruments.executable import compiled
from irad.structure.condensing import MOST_STEPS
from tests.laws import Case, check_laws

STEPS = 24
X, RATE = jnp.linspace(0.1, 0.9, 6), jnp.asarray(0.3, float)
TIMES = jnp.linspace(0.0, 1.0, STEPS)


@pytest.fixture(autouse=True)
def dear(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """However little a loop stacks and computes, it leaves the cache and takes time."""
    irad.clear_caches()
    stacking = ((inf, 0.875e-9),)
    dear = replace(MACHINES["cpu"], stacking=stacking, kernel=0.0)
    monkeypatch.setitem(MACHINES, "cpu", dear)
    yield
    irad.clear_caches()


def field(x: Any, rate: Any) -> Any:
    for _ in range(5):
        x = x + rate * jnp.sin(x) * jnp.exp(-x * x)
    return x


def looped(step: Callable[..., Any], xs: Any = None, **options: Any) -> Any:
    options = {"length": STEPS, **options}

    def loss(x: Any, *rest: Any) -> Any:
        return lax.scan(lambda s, v: (step(s, v, *rest), None), x, xs, **options)[0]

    return loss


def one_rate(s: Any, _: Any, rate: Any) -> Any:
    return field(s, rate)


def at_times(s: Any, time: Any, rate: Any) -> Any:
    return field(s, rate) * jnp.cos(time)


def exchanged(s: Any, _: Any, rate: Any) -> Any:
    """No entry depends on itself alone."""
    return field(s[::-1], rate)


def stacked_rows(fun: Any, *given: Any) -> list[int]:
    """How long the stacks are that the gradient's first loop leaves to others."""
    argnums = tuple(range(len(given)))
    total = lambda *x: jnp.sum(jnp.sin(fun(*x)))  # noqa: E731
    made = jax.make_jaxpr(irad.grad(total, argnums))(*given)
    (call,) = made.jaxpr.eqns
    first = next(eqn for eqn in inside(call) if eqn.primitive is ir.scan_p)
    stacks: list[Any] = [y.aval for y in first.outvars if y.aval.ndim == X.ndim + 1]
    return [aval.shape[0] for aval in stacks]


def inside(call: Any) -> list[Any]:
    """The equations of what a call runs."""
    (body,) = ir.inner_jaxprs(call)
    return body.eqns


# Times of its own would have cotangents for each step.
CONDENSED = {
    "one rate": (looped(one_rate), (X, RATE)),
    "a rate for each entry": (looped(one_rate), (X, 0.2 + 0.1 * X)),
    "the state alone": (looped(lambda s, _: field(s, 0.3)), (X,)),
    "slices": (looped(at_times, TIMES), (X, RATE)),
    "reverse": (looped(at_times, TIMES, reverse=True), (X, RATE)),
    "no entry": (looped(one_rate), (X[:0], RATE)),
}
LEFT = {
    "23 steps": (looped(one_rate, length=23), (X, RATE)),
    "exchanged": (looped(exchanged), (X, RATE)),
    "bfloat16": (looped(one_rate), (X.astype("bfloat16"), RATE.astype("bfloat16"))),
}


@pytest.mark.parametrize("name", CONDENSED)
def test_rows_are_kept_once_in_several_steps(name: str) -> None:
    fun, given = CONDENSED[name]
    if given[0].size:
        assert set(stacked_rows(fun, *given)) == {STEPS // MOST_STEPS}
    check_laws(Case(name, fun, given))


@pytest.mark.parametrize("name", LEFT)
def test_other_loops_keep_rows_of_each_step(name: str) -> None:
    fun, given = LEFT[name]
    assert min(stacked_rows(fun, *given)) > STEPS // MOST_STEPS


NOTHING_GOES_BACK = [
    lambda s, _, rate: jnp.floor(s) + lax.stop_gradient(s + rate),
    lambda s, _, rate: jnp.floor(s) + rate,
    lambda s, _, rate: jnp.floor(s) + jnp.sin(jnp.floor(s) * rate),
]


@pytest.mark.parametrize("rate", [RATE, X + 1], ids=["number", "array"])
@pytest.mark.parametrize("step", NOTHING_GOES_BACK)
def test_a_loop_whose_state_goes_back_nowhere_is_not_condensed(step, rate) -> None:
    def loss(x: Any, rate: Any) -> Any:
        return jnp.sum(jnp.sin(looped(step)(3 * x, rate)))

    found, expected = (ad.grad(loss, (0, 1))(X, rate) for ad in (irad, jax))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


def test_an_unrolled_loop_stays_unrolled() -> None:
    fun = looped(one_rate, unroll=5)
    assert set(stacked_rows(fun, X, RATE)) == {STEPS // MOST_STEPS}
    found, expected = (
        ad.grad(lambda x: jnp.sum(jnp.sin(fun(x, RATE))))(X) for ad in (irad, jax)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_what_is_active_in_each_step_is_not_condensed() -> None:
    def loss(x: Any, times: Any) -> Any:
        return jnp.sum(looped(at_times, times)(x, RATE))

    found = irad.grad(loss, (0, 1))(X, TIMES)
    expected = jax.grad(loss, (0, 1))(X, TIMES)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10)


def test_a_condensed_loop_holds_less() -> None:
    x = jnp.linspace(0.1, 0.9, 1024)
    loss = lambda x, rate: jnp.sum(looped(one_rate, length=960)(x, rate))  # noqa: E731
    made = compiled(irad.value_and_grad(loss, (0, 1)), (x, RATE))
    assert made.temp_bytes <= (2 * 960 // MOST_STEPS + 32) * x.nbytes


def test_the_account_of_a_condensed_loop_is_that_of_its_program() -> None:
    loss = lambda x: jnp.sum(looped(lambda s, _: field(s, 0.3))(x))  # noqa: E731
    report = irad.residuals(loss)(X)
    assert report.kept_bytes >= STEPS // MOST_STEPS * X.nbytes
    assert str(report)
