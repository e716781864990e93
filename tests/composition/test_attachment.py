"""Functions with irad's derivatives attached, under transformations of either."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad

W = jnp.linspace(-0.9, 0.8, 9).reshape(3, 3)
X = jnp.array([0.3, 0.5, -0.2])
XS = jnp.stack([X, 2 * X])


def recurrent(x):
    def step(c, _):
        return jnp.tanh(c @ W) * c, jnp.sum(c)

    c, ys = lax.scan(step, x, length=7)
    return c * jnp.sum(ys) + jnp.sin(x)


def loss(f: Any) -> Callable[..., Any]:
    return lambda x: jnp.sum(f(x) ** 2)


TRANSFORMED: dict[str, Callable[[Any], Any]] = {
    "value": lambda f: f(X),
    "grad": lambda f: jax.grad(loss(f))(X),
    "jvp": lambda f: jax.jvp(f, (X,), (X,))[1],
    "linearize": lambda f: jax.linearize(f, X)[1](X),
    "jit of grad": lambda f: jax.jit(jax.grad(loss(f)))(X),
    "jacfwd": lambda f: jax.jacfwd(f)(X),
    "jacrev": lambda f: jax.jacrev(f)(X),
    "hessian": lambda f: jax.hessian(loss(f))(X),
    "grad of grad": lambda f: jax.grad(lambda x: jnp.sum(jax.grad(loss(f))(x)))(X),
    "grad of vmap": lambda f: jax.grad(lambda xs: jnp.sum(jax.vmap(f)(xs)))(XS),
    "vmap of grad": lambda f: jax.vmap(jax.grad(loss(f)))(XS),
    "in a scan": lambda f: jax.grad(
        lambda x: jnp.sum(lax.scan(lambda c, _: (0.1 * f(c), None), x, length=3)[0])
    )(X),
    "in a checkpoint": lambda f: jax.grad(loss(jax.checkpoint(f)))(X),
    "irad.grad": lambda f: irad.grad(loss(f))(X),
    "irad.hessian": lambda f: irad.hessian(loss(f))(X),
    "irad of jax": lambda f: irad.grad(lambda x: jnp.sum(jax.grad(loss(f))(x)))(X),
    "export": lambda f: jax.export.export(jax.jit(jax.grad(loss(f))))(X).call(X),
}
ATTACHED = {
    "as it is": irad.attach(recurrent),
    "with a limit": irad.attach(recurrent, memory_limit="1MB"),
    "checkpointed": irad.checkpoint(recurrent),
}


@pytest.mark.parametrize("how", ATTACHED)
@pytest.mark.parametrize("name", TRANSFORMED)
def test_attached_derivatives_are_those_of_the_function(name: str, how: str) -> None:
    transformed = TRANSFORMED[name]
    found, expected = transformed(ATTACHED[how]), transformed(recurrent)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


def test_what_is_closed_over_is_differentiated() -> None:
    def product(a):
        return jnp.sum(irad.attach(lambda x: a * x)(X))

    np.testing.assert_allclose(jax.grad(product)(2.0), jnp.sum(X))


def test_arguments_that_are_no_arrays_pass_as_they_are() -> None:
    @irad.attach
    def power(x: Any, n: int, *, mode: str = "plain") -> Any:
        assert isinstance(n, int)
        return {"y": x**n if mode == "plain" else x}

    found = jax.grad(lambda x: jnp.sum(power(x, 3)["y"]))(X)
    np.testing.assert_allclose(found, 3 * X**2)
    found = jax.grad(lambda x: jnp.sum(power(x, 3, mode="same")["y"]))(X)
    np.testing.assert_allclose(found, jnp.ones(3))


def test_jax_keeps_what_irad_keeps() -> None:
    """A scan of 400 steps: JAX's own gradient stacks several values of each step."""

    def long(x):
        return lax.scan(lambda c, _: (jnp.sin(c) * jnp.cos(c), None), x, length=400)[0]

    def temp(f: Any) -> int:
        lowered = jax.jit(jax.grad(lambda x: jnp.sum(f(x)))).lower(jnp.ones(1000))
        memory = lowered.compile().memory_analysis()
        return memory.temp_size_in_bytes

    assert 2 * temp(irad.attach(long)) < temp(long)


def test_integer_results_have_no_tangents() -> None:
    counted = irad.attach(lambda x: (jnp.sum(x), jnp.argmax(x)))
    (value, index), pullback = jax.vjp(counted, X)
    zero = np.zeros((), jax.dtypes.float0)
    np.testing.assert_array_equal(pullback((1.0, zero))[0], jnp.ones(3))
    assert (float(value), int(index)) == (float(jnp.sum(X)), 1)


def test_a_schedule_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="schedule is one of 'auto', 'all'"):
        irad.attach(recurrent, schedule="most")
