"""Custom rules with Python control flow: they see the numbers of their operands."""

from __future__ import annotations

import gc
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import irad

X = jnp.array([0.3, -1.2, 2.5])


def _clipped(x):
    return x if x > 0 else 0.0 * x


by_jvp = jax.custom_jvp(_clipped)


@by_jvp.defjvp
def _jvp(primals, tangents):
    (x,), (t,) = primals, tangents
    return (by_jvp(x), 3.0 * x * t) if x > 0 else (0.0 * x, 5.0 * t)


by_zeros = jax.custom_jvp(_clipped)


def _jvp_with_zeros(primals, tangents):
    (x,), (t,) = primals, tangents
    return _clipped(x), t * np.asarray(x) if x > 0 else 2.0 * t


by_zeros.defjvp(_jvp_with_zeros, symbolic_zeros=True)

by_fwd = jax.custom_vjp(_clipped)
by_fwd.defvjp(
    lambda x: (_clipped(x), (x, 1.0 if x > 0 else 7.0)),
    lambda kept, c: (c * kept[0] * kept[1],),
)

by_bwd = jax.custom_vjp(_clipped)
by_bwd.defvjp(
    lambda x: (_clipped(x), x),
    lambda x, c: ((c * x) if x > 0 else (c * 7.0),),
)

by_numpy = jax.custom_vjp(lambda x: jnp.sin(x))
by_numpy.defvjp(
    lambda x: (jnp.sin(x), x),
    lambda x, c: (c * np.cos(np.asarray(x)),),
)

RULES = [by_jvp, by_zeros, by_fwd, by_bwd, by_numpy]
NAMES = ["jvp", "jvp with zeros", "fwd", "bwd", "numpy in bwd"]


@pytest.mark.parametrize("fun", RULES, ids=NAMES)
def test_a_rule_takes_the_path_of_its_operands(fun):
    def loss(x):
        return fun(x[0]) * fun(x[1]) + fun(fun(x[2]))

    ours, theirs = (ad.value_and_grad(loss)(X) for ad in (irad, jax))
    np.testing.assert_allclose(ours[0], theirs[0])
    np.testing.assert_allclose(ours[1], theirs[1])


@pytest.mark.parametrize("fun", RULES, ids=NAMES)
def test_another_call_takes_another_path(fun):
    for x in (2.0, -2.0, 3.0, -2.0):
        ours, theirs = (ad.grad(fun)(x) for ad in (irad, jax))
        np.testing.assert_allclose(ours, theirs, err_msg=f"at {x}")


@pytest.mark.parametrize("fun", [by_jvp, by_zeros], ids=["jvp", "jvp with zeros"])
def test_a_path_is_pushed_through(fun):
    for x in (2.0, -2.0):
        ours, theirs = (ad.jvp(fun, (x,), (1.5,)) for ad in (irad, jax))
        np.testing.assert_allclose(ours, theirs)


@pytest.mark.parametrize("fun", [by_jvp, by_fwd, by_bwd], ids=["jvp", "fwd", "bwd"])
def test_a_path_is_differentiated_again(fun):
    for x in (2.0, -2.0):
        ours, theirs = (ad.grad(ad.grad(fun))(x) for ad in (irad, jax))
        np.testing.assert_allclose(ours, theirs)


@pytest.mark.parametrize("fun", RULES, ids=NAMES)
def test_where_jax_has_no_numbers_irad_has_none(fun):
    for ad in (jax, irad):
        with pytest.raises((jax.errors.JAXTypeError, jax.errors.JAXIndexError)):
            jax.jit(ad.grad(fun))(2.0)


def test_numpy_takes_no_operand_that_is_differentiated_outside():
    def slope(w):
        return irad.grad(lambda x: by_numpy(x * w))(1.0)

    with pytest.raises(jax.errors.TracerArrayConversionError):
        irad.grad(slope)(2.0)


def test_what_a_rule_asked_for_is_freed():
    irad.clear_caches()
    x = jnp.ones(()) * 2
    alive = weakref.ref(x)
    irad.value_and_grad(lambda x: by_jvp(x) * by_bwd(x))(x)
    del x
    gc.collect()
    assert alive() is None
