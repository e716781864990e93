"""Factors that a loop multiplies beforehand: what is kept, and the work that it saves.

Where a step is a long chain of elementwise functions, its partial is one number for
each of the state's, and what the chain went through is neither kept nor computed again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from irad.instruments.executable import Compiled, compiled
from irad.structure import division
from tests.laws import Case, check_laws

STEPS, ENTRIES = 2_000, 1024


@dataclass(frozen=True)
class Family:
    """A step, the arguments to differentiate, and the partials that a step keeps.

    The operations of the gradient are at least ``flops`` times less for them.
    """

    step: Callable[..., Any]
    argnums: tuple[int, ...]
    kept: int
    flops: float


def activations(x: Any, rate: Any) -> Any:
    for _ in range(4):
        x = x + rate * jnp.tanh(jnp.sin(x))
    return x


def reaction(u: Any, rate: Any) -> Any:
    """An explicit step of a bistable reaction with saturation."""
    for _ in range(3):
        u = u + 0.01 * rate * u * (1.0 - u) * (u - 0.3) / (1.0 + u * u)
    return u


def ode(y: Any, rate: Any) -> Any:
    """A step of the classical Runge-Kutta method for many equations of one unknown."""

    def field(y: Any) -> Any:
        return -rate * jnp.sin(y) * jnp.exp(-y * y)

    a = field(y)
    b = field(y + 0.005 * a)
    c = field(y + 0.005 * b)
    d = field(y + 0.01 * c)
    return y + 0.01 / 6.0 * (a + 2.0 * b + 2.0 * c + d)


FAMILIES = {
    "activations": Family(activations, (0,), 1, 1.25),
    "activations and their rate": Family(activations, (0, 1), 2, 1.25),
    "reaction": Family(reaction, (0,), 1, 1.1),
    # To keep two partials is dearer than this arithmetic: the state is kept.
    "reaction and its rate": Family(reaction, (0, 1), 1, 1.0),
    "Runge-Kutta": Family(ode, (0,), 1, 1.2),
    "Runge-Kutta and its rate": Family(ode, (0, 1), 2, 1.2),
}


def looped(step: Callable[..., Any], steps: int) -> Callable[..., Any]:
    def loss(x: Any, rate: Any) -> Any:
        last, _ = lax.scan(lambda s, _: (step(s, rate), None), x, length=steps)
        return jnp.mean(last**2)

    return loss


def gradient(family: Family) -> Compiled:
    fun = irad.value_and_grad(looped(family.step, STEPS), family.argnums)
    return compiled(fun, arguments())


def arguments(dtype: Any = jnp.float32) -> tuple[Any, ...]:
    return jnp.linspace(0.1, 0.9, ENTRIES, dtype=dtype), jnp.asarray(0.5, dtype)


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Says that factors are left apart, with nothing remembered of the others."""

    def apart() -> None:
        irad.clear_caches()
        monkeypatch.setattr(division, "chains", lambda *_: ())

    yield apart
    irad.clear_caches()


@pytest.mark.parametrize("name", FAMILIES)
def test_a_chain_keeps_its_partials_and_computes_nothing_again(
    name: str, without: Callable[[], None]
) -> None:
    family = FAMILIES[name]
    made = gradient(family)
    state = 4 * ENTRIES
    assert made.temp_bytes <= (family.kept * STEPS + 16) * state
    without()
    plain = gradient(family)
    assert plain.work.flops >= family.flops * made.work.flops


@pytest.mark.parametrize("name", FAMILIES)
def test_gradients_are_those_of_jax(name: str) -> None:
    family = FAMILIES[name]
    fun = looped(family.step, STEPS)
    given = arguments(jnp.float64)
    found = irad.value_and_grad(fun, family.argnums)(*given)
    expected = jax.value_and_grad(fun, family.argnums)(*given)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-30)


# Laws, with all chains accumulated whatever they cost --------------------------------


@pytest.fixture
def everywhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    irad.clear_caches()
    monkeypatch.setattr(division, "WORTHWHILE", 1e-9)
    yield
    irad.clear_caches()


def one_state(x, rate):
    return looped(activations, 3)(x, rate)


def gates(x, y, w, steps):
    """Two states, a mask, a quotient, a product, slices."""

    def step(s, v):
        x, y = s
        x = x * jax.nn.sigmoid(y * v) + jnp.where(y > 0, jnp.sin(x) * y, x)
        return (x / (1.0 + y * y), jnp.tanh(w @ y - 0.1 * x)), jnp.sum(x * y * v)

    return lax.scan(step, (x, y), steps)


X, Y = jnp.array([0.3, -0.7, 0.5]), jnp.array([0.2, 0.4, -0.6])
W = jnp.array([[0.2, -0.4, 0.1], [0.5, 0.3, -0.2], [0.1, 0.6, 0.4]])
ROWS = jnp.linspace(-1.0, 1.0, 12).reshape(4, 3)
CASES = [
    Case("one state", one_state, (X, 0.5)),
    Case("gates", gates, (X, Y, W, ROWS)),
    Case("float32", one_state, (X.astype(jnp.float32), jnp.float32(0.5))),
    Case("no entry", one_state, (X[:0], 0.5)),
]


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.usefixtures("everywhere")
def test_laws_where_chains_are_accumulated(case: Case) -> None:
    check_laws(case)
