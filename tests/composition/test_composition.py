"""irad's transforms with JAX's and with one another, both ways round."""

from __future__ import annotations

import jax
import jax.export
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from examples.models import MODELS

X = jnp.array([0.3, -0.7, 0.5])
XS = jnp.linspace(-1.0, 1.0, 12).reshape(4, 3)


def fun(x):
    return jnp.sum(jnp.sin(x) * jnp.exp(x[0])) ** 2


def same(ours, theirs, rtol=1e-10):
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=1e-12),
        ours,
        theirs,
    )


OUTSIDE = {
    "jit": lambda ad: jax.jit(ad.grad(fun))(X),
    "vmap": lambda ad: jax.vmap(ad.grad(fun))(XS),
    "vmap of value and gradient": lambda ad: jax.vmap(ad.value_and_grad(fun))(XS),
    "jax.grad": lambda ad: jax.grad(lambda x: ad.grad(fun)(x).sum())(X),
    "jax.jvp": lambda ad: jax.jvp(ad.grad(fun), (X,), (X,)),
    "jax.hessian": lambda ad: jax.hessian(lambda x: ad.vjp(fun, x)[0])(X),
    "jax.linearize": lambda ad: jax.linearize(ad.grad(fun), X)[1](X),
    "jax.jacfwd of jvp": lambda ad: jax.jacfwd(lambda x: ad.jvp(fun, (x,), (X,))[1])(X),
    "jit of vmap of jit": lambda ad: jax.jit(jax.vmap(jax.jit(ad.grad(fun))))(XS),
    "scan": lambda ad: lax.scan(
        lambda x, _: (x - 0.1 * ad.grad(fun)(x), x), X, length=3
    ),
    "while": lambda ad: lax.while_loop(
        lambda x: fun(x) > 0.1, lambda x: x - 0.1 * ad.grad(fun)(x), X
    ),
    "cond": lambda ad: lax.cond(X[0] > 0, ad.grad(fun), lambda x: x, X),
    "checkpoint": lambda ad: jax.grad(
        lambda x: jax.checkpoint(lambda x: ad.grad(fun)(x).sum())(x)
    )(X),
    "remat of a vjp": lambda ad: jax.jit(lambda x: ad.vjp(fun, x)[1](1.0))(X),
}

INSIDE = {
    "jit": lambda x: fun(jax.jit(jnp.sin)(x)),
    "vmap": lambda x: jnp.sum(jax.vmap(lambda v: jnp.sin(v) * v)(x)),
    "jax.grad": lambda x: jnp.sum(jax.grad(fun)(x)),
    "jax.jvp": lambda x: jax.jvp(fun, (x,), (X,))[1],
    "jax.vjp": lambda x: jnp.sum(jax.vjp(fun, x)[1](1.0)[0]),
    "jax.hessian": lambda x: jnp.sum(jax.hessian(fun)(x)),
    "jax.linearize": lambda x: jax.linearize(fun, x)[1](X),
    "jax.checkpoint": lambda x: jax.checkpoint(fun)(x),
    "irad.grad": lambda x: jnp.sum(irad.grad(fun)(x)),
    "irad.jvp": lambda x: irad.jvp(fun, (x,), (X,))[1],
    "irad.vjp": lambda x: jnp.sum(irad.vjp(fun, x)[1](1.0)[0]),
    "irad.linearize": lambda x: irad.linearize(fun, x)[1](X),
    "irad.hessian": lambda x: jnp.sum(irad.hessian(fun)(x)),
    "irad.grad in scan": lambda x: lax.scan(
        lambda x, _: (x - 0.1 * irad.grad(fun)(x), None), x, length=3
    )[0].sum(),
    "irad.grad in cond": lambda x: lax.cond(
        x[0] > 0, irad.grad(fun), lambda x: x, x
    ).sum(),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_jax_around_irad(name):
    same(OUTSIDE[name](irad), OUTSIDE[name](jax))


@pytest.mark.parametrize("name", INSIDE)
def test_jax_and_irad_inside_irad(name):
    same(irad.grad(INSIDE[name])(X), jax.grad(INSIDE[name])(X))
    same(irad.jvp(INSIDE[name], (X,), (X,)), jax.jvp(INSIDE[name], (X,), (X,)))


def test_third_order():
    def third(ad):
        first = ad.grad(fun)
        second = ad.jacfwd(first)
        return ad.jacrev(second)(X)

    same(third(irad), third(jax))


def test_all_modes_of_nesting_to_third_order():
    def derivative(mode, f):
        if mode == "fwd":
            return lambda x: irad.jvp(f, (x,), (1.0,))[1]
        return irad.grad(f)

    def f(x):
        return jnp.sin(x) * jnp.exp(x)

    expected = jax.grad(jax.grad(jax.grad(f)))(0.7)
    for a in ("fwd", "rev"):
        for b in ("fwd", "rev"):
            for c in ("fwd", "rev"):
                got = derivative(a, derivative(b, derivative(c, f)))(0.7)
                np.testing.assert_allclose(got, expected, rtol=1e-10)


@pytest.mark.parametrize("make", MODELS, ids=lambda make: make.__name__)
def test_gradients_of_the_models_lower_for_all_platforms(make):
    model = make(jax.random.key(0))
    exported = jax.export.export(
        jax.jit(irad.grad(model.loss)), platforms=["cpu", "cuda", "tpu"]
    )(model.parameters)
    assert exported.platforms == ("cpu", "cuda", "tpu")


def test_an_exported_gradient_runs():
    exported = jax.export.export(jax.jit(irad.grad(fun)))(X)
    same(exported.call(X), jax.grad(fun)(X))


def test_donated_arguments():
    step = jax.jit(lambda x: x - 0.1 * irad.grad(fun)(x), donate_argnums=0)
    x = jnp.array(X)
    same(step(x), X - 0.1 * jax.grad(fun)(X))
    assert x.is_deleted()


@pytest.mark.parametrize(
    "dtype", ["float16", "bfloat16", "float32", "complex64", "complex128"]
)
def test_dtypes(dtype):
    x = X.astype(dtype)

    def loss(x):
        return jnp.sum(jnp.real(jnp.sin(x) * x))

    ours, theirs = irad.grad(loss)(x), jax.grad(loss)(x)
    assert ours.dtype == theirs.dtype
    tolerance = {"float16": 2e-3, "bfloat16": 2e-2}.get(dtype, 1e-6)
    np.testing.assert_allclose(
        np.asarray(ours, complex), np.asarray(theirs, complex), rtol=tolerance
    )


def test_low_precision_is_not_premultiplied():
    """1000 * 1000 * 1e-4 overflows float16 unless the cotangent meets 1e-4 first."""
    x = jnp.float16(0.5)

    def loss(x):
        return x * jnp.float16(1000) * jnp.float16(1000) * jnp.float16(1e-4)

    assert irad.grad(loss)(x) == jax.grad(loss)(x)
    assert np.isfinite(irad.grad(loss)(x))


@pytest.mark.parametrize("c", [np.inf, -np.inf, np.nan, -0.0], ids=str)
def test_special_cotangents_are_as_in_jax(c):
    def fun(x):
        y = jnp.where(x > 0, jnp.sin(x), x * x)
        return jnp.maximum(y, 0.1) + jnp.exp(x)[::-1]

    seed = jnp.full(3, c)
    ours, theirs = irad.vjp(fun, X)[1](seed), jax.vjp(fun, X)[1](seed)
    np.testing.assert_array_equal(ours[0], theirs[0])
    np.testing.assert_array_equal(np.signbit(ours[0]), np.signbit(theirs[0]))
