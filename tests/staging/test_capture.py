"""What the function sees while it is captured: numbers where ``jax.grad`` has them."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad

X = jnp.array([0.5, -1.5, 2.0])
COUNTS = jnp.array([0, 2, 4])


def _masked(x):
    return jnp.sum(x[x > 0] ** 3)


def _set_by_mask(x):
    return jnp.sum(x.at[x > 0].set(2.0) * x)


def _mask_of_a_part(x):
    return jnp.sum(x[x > 0][jnp.array([False, True])])


def _compressed(x):
    return jnp.sum(jnp.compress(x > 0, x) ** 2)


def _listed(x):
    return sum(v for v, on in zip(x, (x > 0).tolist(), strict=True) if on)


def _as_numpy(x):
    order = np.argsort(np.asarray(jnp.argsort(x)))
    return jnp.sum(x * order.astype(float))


def _stopped(x):
    weights = np.exp(np.asarray(lax.stop_gradient(x)))
    return jnp.sum(x * weights)


MASKS = [
    _masked,
    _set_by_mask,
    _mask_of_a_part,
    _compressed,
    _listed,
    _as_numpy,
    _stopped,
]


@pytest.mark.parametrize("fun", MASKS)
def test_what_has_no_tangent_is_an_array_to_numpy(fun):
    np.testing.assert_allclose(irad.grad(fun)(X), jax.grad(fun)(X))
    t = jnp.ones(3)
    ours, theirs = (ad.jvp(fun, (X,), (t,)) for ad in (irad, jax))
    np.testing.assert_allclose(ours, theirs)


def test_a_mask_is_known_to_second_order():
    def fun(x):
        return _masked(jnp.stack([x, -x, x * x]))

    ours, theirs = (ad.grad(ad.grad(fun))(1.5) for ad in (irad, jax))
    np.testing.assert_allclose(ours, theirs)


def test_what_has_a_tangent_is_no_array_to_numpy():
    def through_numpy(x):
        return jnp.sum(np.asarray(x * 2.0))

    with pytest.raises(jax.errors.TracerArrayConversionError):
        irad.grad(through_numpy)(X)


def test_a_value_of_an_outer_derivative_is_no_array_to_numpy():
    def inner(w):
        return irad.grad(lambda x: x * np.asarray(lax.stop_gradient(x) * w))(1.0)

    with pytest.raises(jax.errors.TracerArrayConversionError):
        irad.grad(inner)(2.0)


@pytest.mark.parametrize("outer", [lambda f: f, jax.jit])
@pytest.mark.parametrize("counts", [COUNTS, np.asarray(COUNTS)], ids=["jax", "numpy"])
def test_a_constant_handed_on_by_a_call_is_no_tracer_of_the_capture(outer, counts):
    def fun(x):
        return jnp.sum(jnp.choose(counts // 2, [x, x * 2, x * 3], mode="clip"))

    np.testing.assert_allclose(outer(irad.grad(fun))(X), jax.grad(fun)(X))
