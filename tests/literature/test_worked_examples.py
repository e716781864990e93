"""The worked examples of the literature, with its numbers."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from examples import numeric, traces


def survey(x1, x2):
    return jnp.log(x1) + x1 * x2 - jnp.sin(x2)


def test_survey_forward_trace():
    """Baydin et al. (2018), table 2: value 11.652, derivative in x1 5.5."""
    y, t = irad.jvp(survey, (2.0, 5.0), (1.0, 0.0))
    np.testing.assert_allclose([y, t], [11.652, 5.5], atol=5e-4)


def test_survey_reverse_trace():
    """Baydin et al. (2018), table 3: adjoints 5.5 and 1.716."""
    adjoints = irad.grad(survey, (0, 1))(2.0, 5.0)
    np.testing.assert_allclose(adjoints, [5.5, 1.716], atol=5e-4)


def test_both_traces_node_by_node():
    values, tangents, adjoints = traces.traces()
    np.testing.assert_allclose(
        values, [2, 5, 0.693, 10, -0.959, 10.693, 11.652], atol=5e-4
    )
    np.testing.assert_allclose(tangents, [1, 0, 0.5, 5, 0, 5.5, 5.5], atol=5e-4)
    np.testing.assert_allclose(adjoints, [5.5, 1.716, 1, 1, -1, 1, 1], atol=5e-4)


def test_product_and_sine():
    """Y = x1 x2 + sin x1: (x2 + cos x1, x1), forward and reverse."""
    fun, x = (lambda x: x[0] * x[1] + jnp.sin(x[0])), jnp.array([0.7, 1.9])
    expected = [1.9 + np.cos(0.7), 0.7]
    np.testing.assert_allclose(irad.grad(fun)(x), expected, rtol=1e-12)
    np.testing.assert_allclose(irad.jacfwd(fun)(x), expected, rtol=1e-12)


def test_speelpenning_product_shares_its_work():
    """Griewank & Walther (2008): n partials of a product, O(n) multiplications."""
    n = 50
    x = jnp.linspace(0.5, 1.5, n)

    def product(x):
        y = x[0]
        for i in range(1, n):
            y = y * x[i]
        return y

    np.testing.assert_allclose(irad.grad(product)(x), jnp.prod(x) / x, rtol=1e-12)
    jaxpr = jax.make_jaxpr(irad.grad(product))(x).jaxpr.eqns[-1].params["jaxpr"]
    products = [eqn for eqn in jaxpr.eqns if eqn.primitive is lax.mul_p]
    assert len(products) <= 3 * n


def test_trace_of_a_product_with_an_inverse():
    """D tr(A X^-1 B) / dX = -X^-T A^T B^T X^-T (Petersen & Pedersen, eq. 124)."""
    rng = np.random.default_rng(0)
    A, B = rng.standard_normal((3, 4)), rng.standard_normal((4, 3))
    X = rng.standard_normal((4, 4)) + 4 * np.eye(4)
    got = irad.grad(lambda X: jnp.trace(A @ jnp.linalg.inv(X) @ B))(jnp.asarray(X))
    W = np.linalg.inv(X).T
    np.testing.assert_allclose(got, -W @ A.T @ B.T @ W, rtol=1e-9)


def test_hessian_of_the_cubed_norm():
    """Hessian of |x|^3 / 3 is x x^T / |x| + |x| I."""
    x = jnp.array([0.6, -1.1, 2.0])
    norm = jnp.linalg.norm(x)
    got = irad.hessian(lambda x: jnp.linalg.norm(x) ** 3 / 3)(x)
    np.testing.assert_allclose(
        got, jnp.outer(x, x) / norm + norm * jnp.eye(3), rtol=1e-10
    )


def test_adjoints_of_a_linear_solve():
    """For x = A^-1 b and dL/dx = c: dL/db = A^-T c, dL/dA = -dL/db x^T (Giles 2008)."""
    rng = np.random.default_rng(1)
    A, b = rng.standard_normal((4, 4)) + 4 * np.eye(4), rng.standard_normal(4)
    c = rng.standard_normal(4)
    dA, db = irad.grad(lambda A, b: c @ jnp.linalg.solve(A, b), (0, 1))(
        jnp.asarray(A), jnp.asarray(b)
    )
    adjoint = np.linalg.solve(A.T, c)
    np.testing.assert_allclose(db, adjoint, rtol=1e-9)
    np.testing.assert_allclose(dA, -np.outer(adjoint, np.linalg.solve(A, b)), rtol=1e-9)


def test_gradient_of_the_nuclear_norm():
    """d(sum of singular values) / dW = U V^T (Giles 2008)."""
    W = jnp.asarray(np.random.default_rng(2).standard_normal((4, 3)))
    got = irad.grad(lambda W: jnp.sum(jnp.linalg.svd(W, compute_uv=False)))(W)
    U, _, Vt = np.linalg.svd(W, full_matrices=False)
    np.testing.assert_allclose(got, U @ Vt, rtol=1e-9)


def test_log_softmax_is_stable_at_large_logits():
    logits = jnp.array([1e4, 0.0, -1e4])
    got = irad.grad(lambda z: jax.nn.log_softmax(z)[0] + jax.nn.log_softmax(z)[1])(
        logits
    )
    np.testing.assert_allclose(got, [-1.0, 1.0, 0.0])


def test_four_layer_perceptron():
    """Parameter gradients by the backpropagation recurrences, written out by hand."""
    rng = np.random.default_rng(3)
    widths = [3, 5, 4, 6, 2]
    W = [rng.standard_normal((n, m)) / 2 for m, n in itertools.pairwise(widths)]
    b = [rng.standard_normal(n) / 2 for n in widths[1:]]
    x, target = rng.standard_normal(3), rng.standard_normal(2)

    def loss(W, b):
        h = x
        for w, v in zip(W, b, strict=True):
            h = jnp.tanh(w @ h + v)
        return 0.5 * jnp.sum((h - target) ** 2)

    dW, db = irad.grad(loss, (0, 1))(W, b)
    h = [x]
    for w, v in zip(W, b, strict=True):
        h.append(np.tanh(w @ h[-1] + v))
    delta = h[-1] - target
    for layer in reversed(range(4)):
        delta = delta * (1 - h[layer + 1] ** 2)
        np.testing.assert_allclose(db[layer], delta, rtol=1e-9)
        np.testing.assert_allclose(dW[layer], np.outer(delta, h[layer]), rtol=1e-9)
        delta = W[layer].T @ delta


def test_a_dict_in_a_dict_of_adjoints_out():
    p = {"a": jnp.array([1.0, 2.0]), "b": {"c": jnp.array(3.0)}}
    got = irad.grad(lambda p: jnp.sum(p["a"] ** 2) * p["b"]["c"])(p)
    assert jax.tree.structure(got) == jax.tree.structure(p)
    np.testing.assert_allclose(got["a"], [6.0, 12.0])
    np.testing.assert_allclose(got["b"]["c"], 5.0)


def test_gradient_of_a_gradient():
    third = irad.grad(irad.grad(irad.grad(jnp.sin)))
    np.testing.assert_allclose(third(0.8), -np.cos(0.8), rtol=1e-12)


@pytest.mark.parametrize(("step", "order"), [("forward", 1), ("central", 2)])
def test_numerical_differentiation_converges_at_its_order(step, order):
    """The truncation error falls as h or h^2, until rounding takes over."""
    errors = {h: numeric.error(step, h) for h in (1e-2, 1e-3, 1e-6, 1e-13)}
    ratio = errors[1e-2] / errors[1e-3]
    assert abs(np.log10(ratio) - order) < 0.1
    assert errors[1e-13] > errors[1e-6] > numeric.error("irad", 0.0)


def test_numerical_differentiation_costs_n_evaluations():
    found = {way: numeric.runs(way) for way in numeric.WAYS}
    assert found == {"forward": 9, "central": 16, "irad": 1}
