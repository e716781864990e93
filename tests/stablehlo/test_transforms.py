"""Derivatives of modules: what their signatures are, and that they are right."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from irad.stablehlo import Module
from tests.stablehlo.exported import exported

X = np.linspace(0.1, 1.0, 6, dtype=np.float32).reshape(2, 3)

PROGRAMS: dict[str, Any] = {
    "tanh": lambda x: jnp.sum(jnp.tanh(x)),
    "scan": lambda x: lax.scan(lambda c, a: (jnp.sin(c + a), c * a), x[0], x)[1].sum(),
    "cond": lambda x: lax.cond(x[0, 0] > 0, lambda x: 2 * x, jnp.sin, x).sum(),
    "calls": lambda x: jax.nn.relu(jax.nn.relu(x) - 0.5).sum(),
    "softmax": lambda x: jax.nn.softmax(x).max(),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_module_and_its_gradient_agree_with_the_source(name: str) -> None:
    f = PROGRAMS[name]
    module = exported(f, X)
    np.testing.assert_array_equal(module(X)[0], jax.jit(f)(X))
    value, gradient = irad.stablehlo.value_and_grad(module)(X)
    expected = jax.grad(f)(X)
    np.testing.assert_array_equal(value, module(X)[0])
    np.testing.assert_allclose(gradient, expected, rtol=2e-6, atol=1e-6)
    reloaded = irad.stablehlo.load(irad.stablehlo.grad(module).artifact())
    np.testing.assert_array_equal(reloaded(X)[0], gradient)


def test_jvp_takes_tangents_and_vjp_cotangents_in_order() -> None:
    module = exported(lambda x, n, y: (x * y, n + 1), X, np.int32(2), X)
    forward = irad.stablehlo.jvp(module)
    assert shapes(forward) == (["f2", "i", "f2", "f2", "f2"], ["f2", "i", "f2"])
    pull = irad.stablehlo.vjp(module, wrt=2)
    assert shapes(pull) == (["f2", "i", "f2", "f2"], ["f2", "i", "f2"])
    c = np.cos(X)
    np.testing.assert_array_equal(pull(X, np.int32(2), X, c)[2], c * X)


def test_an_output_that_is_constant_in_wrt_has_a_zero_tangent() -> None:
    module = exported(lambda x, y: (x, jnp.sin(y)), X, X)
    _, _, dx, dy = irad.stablehlo.jvp(module, wrt=0)(X, X, X)
    np.testing.assert_array_equal(dx, X)
    np.testing.assert_array_equal(dy, np.zeros_like(X))


def test_linearize_gives_the_derivative_as_a_module() -> None:
    table = np.arange(6, dtype=np.float32).reshape(2, 3)
    module = exported(lambda x: jnp.sin(x) * table, X)
    forward, linear = irad.stablehlo.linearize(module)
    value, *residuals = forward(X)
    np.testing.assert_allclose(value, np.sin(X) * table, rtol=1e-6)
    (t,) = linear(*residuals, np.ones_like(X))
    np.testing.assert_allclose(t, np.cos(X) * table, rtol=1e-6)


def test_second_order() -> None:
    f = PROGRAMS["scan"]
    (product,) = irad.stablehlo.hvp(exported(f, X))(X, X)
    expected = jax.jvp(jax.grad(f), (X,), (X,))[1]
    np.testing.assert_allclose(product, expected, rtol=1e-5, atol=1e-5)
    (J,) = irad.stablehlo.jacobian(irad.stablehlo.grad(exported(f, X)))(X)
    np.testing.assert_allclose(J, jax.hessian(f)(X), rtol=1e-5, atol=1e-5)


def test_a_module_composes_with_transformations() -> None:
    f = PROGRAMS["tanh"]
    module = exported(f, X)
    of_module = lambda x: module(x)[0]  # noqa: E731
    expected = jax.grad(f)(X)
    for gradient in (irad.grad(of_module), jax.grad(of_module)):
        np.testing.assert_allclose(jax.jit(gradient)(X), expected, rtol=1e-6)
    batch = np.stack([X, 2 * X])
    np.testing.assert_allclose(
        jax.vmap(of_module)(batch), jax.vmap(f)(batch), rtol=1e-6
    )


def shapes(module: Module) -> tuple[list[str], list[str]]:
    def short(x: Any) -> str:
        return ("f" if x.dtype == np.float32 else "i") + (str(len(x.shape) or ""))

    return list(map(short, module.inputs)), list(map(short, module.outputs))


def test_a_cotangent_of_a_broadcast_operand_is_summed_before_it_is_negated() -> None:
    row = np.ones(3, np.float32)

    def far(x: Any, row: Any) -> Any:
        spread = lax.broadcast_in_dim(row, (2, 3), (1,))
        return jnp.sum(lax.sub(x, spread) ** 2)

    gradient = irad.stablehlo.grad(exported(far, X, row), 1)
    negated = [e for e in gradient.jaxpr.eqns if e.primitive is lax.neg_p]
    assert [e.outvars[0].aval.shape for e in negated] == [(1, 3)]
    expected = jax.grad(far, 1)(X, row)
    np.testing.assert_allclose(gradient(X, row)[0], expected, rtol=2e-6)
