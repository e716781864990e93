"""What a choice leaves out has gradient zero, whatever is computed there."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from irad_passes import inline

X = jnp.array([0.0, -1.0, 2.0, 1e-3, 0.5])

Loss = Callable[[Any], Any]


def safe(f: Loss) -> Loss:
    return irad.grad(f, nan_safe=True)


def series(x: Any) -> Any:
    """Formulas that share a quotient, each good for some elements."""
    q = 1 / x**2
    near = 1 + q * (2 + q)
    far = 3 - q * (1 - q)
    return jnp.where(jnp.abs(x) < 1e-2, x, jnp.where(jnp.abs(x) < 1, near, far))


def scanned(x: Any) -> Any:
    def step(s: Any, row: Any) -> Any:
        return s + jnp.where(row > 0, jnp.sqrt(row), 0.0), None

    return lax.scan(step, 0.0, x)[0]


TRAPS: dict[str, Loss] = {
    "log": lambda x: jnp.where(x > 0, jnp.log(x), 0.0).sum(),
    "x log x": lambda x: jnp.where(x > 0, x * jnp.log(x), 0.0).sum(),
    "sqrt": lambda x: jnp.where(x > 0, jnp.sqrt(x), 0.0).sum(),
    "sinc": lambda x: jnp.where(x != 0, jnp.sin(x) / x, 1.0).sum(),
    "within another": lambda x: jnp.where(
        x > 0, jnp.where(x > 1, jnp.log(x - 1), jnp.log(x)), 0.0
    ).sum(),
    "of the other case": lambda x: jnp.where(x <= 0, 0.0, x**0.5).sum(),
    "shared": lambda x: series(x).sum(),
    "by a number": lambda x: jnp.where(x[0] > 0, jnp.log(x).sum(), x.sum()),
    "of a matrix by a number": lambda x: jnp.where(
        x[0] > 0, jnp.linalg.norm(jnp.outer(x, x) @ (x - x)), x.sum()
    ),
    "reshaped": lambda x: jnp.where(x[:, None] > 0, jnp.log(x[:, None]), 0.0).sum(),
    "squeezed": lambda x: jnp.where(
        x > 0, jnp.squeeze(jnp.log(x[:, None]), 1), 0.0
    ).sum(),
    "transposed": lambda x: jnp.where(
        jnp.outer(x, X).T > 0, jnp.log(jnp.outer(x, X)).T, 0.0
    ).sum(),
    "summed": lambda x: jnp.where(
        jnp.array([True, False]), jnp.log(jnp.stack([x**2 + 1, x])).sum(1), 0.0
    ).sum(),
    "several cases": lambda x: lax.select_n(
        jnp.where(x > 1, 2, jnp.where(x > 0, 1, 0)), x, jnp.log(x), jnp.log(x - 1)
    ).sum(),
    "in a loop": scanned,
    "of a norm": lambda x: jnp.where(
        jnp.sum((x - x) ** 2) > 0, jnp.sqrt(jnp.sum((x - x) ** 2)), 0.0
    ),
    "in a call": lambda x: jax.jit(lambda y: jnp.where(y > 0, jnp.log(y), 0.0).sum())(
        x
    ),
    "before a sum": lambda x: (jnp.where(x > 0, jnp.log(x), 0.0) + x * x).sum(),
}


@pytest.mark.parametrize("name", TRAPS)
def test_the_pull_is_the_push(name: str) -> None:
    f = TRAPS[name]
    basis = np.eye(X.size)
    pushed = jax.vmap(lambda t: jax.jvp(f, (X,), (t,))[1])(basis)
    assert np.isfinite(pushed).all()
    np.testing.assert_allclose(safe(f)(X), pushed, rtol=1e-12)
    np.testing.assert_allclose(jax.jit(safe(f))(X), pushed, rtol=1e-12)
    np.testing.assert_allclose(
        irad.vjp(f, X, nan_safe=True)[1](1.0)[0], pushed, rtol=1e-12
    )
    value, gradient = irad.value_and_grad(f, nan_safe=True)(X)
    np.testing.assert_array_equal(value, f(X))
    np.testing.assert_allclose(gradient, pushed, rtol=1e-12)


@pytest.mark.parametrize("name", ["log", "x log x", "within another"])
def test_second_derivatives_are_no_nans_either(name: str) -> None:
    f = TRAPS[name]
    t = np.cos(np.arange(X.size))
    away = np.where(X > 0, X, 1.0)  # the same but where nothing is chosen
    known = jax.jvp(jax.grad(f), (away,), (t,))[1]
    for product in (
        jax.jvp(safe(f), (X,), (t,))[1],
        safe(lambda x: jnp.vdot(safe(f)(x), t))(X),
    ):
        assert np.isfinite(product).all()
        np.testing.assert_allclose(product[X > 0], known[X > 0], rtol=1e-10)
        np.testing.assert_array_equal(product[X <= 0], 0.0)


def test_what_is_infinite_where_it_is_chosen_stays_so() -> None:
    f = TRAPS["sqrt"]
    chosen = lambda x: jnp.where(x >= 0, jnp.sqrt(x), 0.0).sum()  # noqa: E731
    assert safe(chosen)(X)[0] == np.inf
    assert np.isnan(safe(lambda x: jnp.log(x - x).sum() + f(x))(X)).all()


def test_it_is_as_in_jax_where_nobody_asks() -> None:
    for f in TRAPS.values():
        np.testing.assert_allclose(irad.grad(f)(X), jax.grad(f)(X), rtol=1e-12)


def test_a_limit_on_memory_makes_no_difference() -> None:
    f = TRAPS["in a loop"]
    found = irad.grad(f, nan_safe=True, memory_limit="1MB")(X)
    np.testing.assert_array_equal(found, safe(f)(X))


def test_a_module_is_always_safe() -> None:
    for f in TRAPS.values():
        source = jax.jit(f).lower(X).as_text()
        (found,) = irad.stablehlo.grad(irad.stablehlo.load(source))(X)
        np.testing.assert_allclose(found, safe(f)(X), rtol=1e-12)


def selects(f: Loss, x: Any = X) -> int:
    """The choices in the gradient of a function of an array."""
    made = jax.make_jaxpr(safe(f))(x)
    eqns = inline(made.jaxpr).eqns
    return sum(eqn.primitive is lax.select_n_p for eqn in eqns)


def test_nothing_is_chosen_again_where_no_factor_was_met() -> None:
    assert selects(lambda x: jnp.where(x > 0, x, 0.0).sum()) == 1
    assert selects(lambda x: jnp.where(x > 0, 2.0 * x + 1.0, 0.0).sum()) == 1
    assert selects(lambda x: jnp.where(x > 0, x @ np.eye(5), 0.0).sum()) == 1
    assert selects(TRAPS["log"]) == 2
