"""What irad has no rule for: JAX's own rule, mutable arrays, kernels, rare calls."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.custom_derivatives import linear_call
from jax.experimental import pallas as pl

import irad
from irad._compat import ir
from irad.errors import NotDifferentiableError
from tests.kinds import of_kinds
from tests.laws import Case, check_laws

X = jnp.array([0.3, -1.2, 2.5])
D = jnp.array([1.5, 0.4, -0.7])


def _linear_call(x):
    def divide(d, x):
        return x / d

    return x * linear_call(divide, divide, D, jnp.sin(x))


def _kernel(x):
    def body(x_ref, o_ref):
        o_ref[...] = jnp.sin(x_ref[...]) * 2.0

    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
    return pl.pallas_call(body, out_shape=shape, interpret=True)(x)


# Mutable arrays -----------------------------------------------------------------------


def _updated(x):
    ref = jax.new_ref(x)
    ref[...] = jnp.sin(ref[...])
    ref[0] = ref[1] * 2.0
    return ref[...]


def _in_a_loop(x):
    def step(x, _):
        ref = jax.new_ref(x)
        ref[...] = jnp.sin(ref[...])
        return ref[...], None

    return lax.scan(step, x, length=3)[0]


def _around_a_loop(x):
    total = jax.new_ref(jnp.zeros(3))

    def step(x, _):
        total[...] = total[...] + jnp.sin(x)
        return x * 1.1, None

    lax.scan(step, x, length=3)
    return jax.nn.relu(jax.freeze(total))


def _pure(x):
    return jnp.sin(x).at[0].set(2.0 * jnp.sin(x[1]))


def _pure_loop(x):
    return jnp.sin(jnp.sin(jnp.sin(x)))


def _pure_sum(x):
    return jax.nn.relu(sum(jnp.sin(x * 1.1**i) for i in range(3)))


def _called(x):
    body = {"call_jaxpr": jax.make_jaxpr(jnp.sin)(x)}
    return ir.closed_call_p.bind(x, **ir.closed_call_p.get_bind_params(body))


CASES = [
    *of_kinds("closed_call", [Case("closed_call", _called, (X,))]),
    # vmap of linear_call is not implemented in JAX.
    Case("linear_call", _linear_call, (X,), modes=("rev",)),
    # JAX has no vmap of a function that makes a mutable array.
    Case("a mutable array", _updated, (X,), like=_pure),
    Case("in a jit", jax.jit(_updated), (X,), like=_pure, second=False),
    Case("in a loop", _in_a_loop, (X,), like=_pure_loop, second=False),
    Case("around a loop", _around_a_loop, (X,), like=_pure_sum, second=False),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws(case):
    check_laws(case)


def test_reading_and_writing_keep_their_order():
    ref = jax.new_ref(jnp.zeros(3))

    def fun(x):
        ref[...] = lax.stop_gradient(jnp.sin(x))
        return (ref[...] * x).sum()

    np.testing.assert_allclose(irad.grad(fun)(X), jnp.sin(X), rtol=1e-12)
    np.testing.assert_allclose(ref[...], jnp.sin(X), rtol=1e-12)


def test_a_value_being_differentiated_is_not_hidden_in_an_outer_array():
    ref = jax.new_ref(jnp.zeros(3))

    def fun(x):
        ref[...] = jnp.sin(x)
        return (ref[...] * x).sum()

    place = r"'swap' at .*test_own_rule.py:\d+"
    for transform in (irad.grad, irad.jacfwd):
        with pytest.raises(NotDifferentiableError, match=place):
            transform(fun)(X)


# Kernels and the rest -----------------------------------------------------------------


def test_a_kernel_is_pushed_and_its_pull_is_a_named_error():
    ours, theirs = (of.jvp(_kernel, (X,), (D,)) for of in (irad, jax))
    jax.tree.map(np.testing.assert_allclose, ours, theirs)
    with pytest.raises(NotDifferentiableError, match=r"'pallas_call' .* forward mode"):
        irad.grad(lambda x: _kernel(x).sum())(X)


def test_a_kernel_on_an_inactive_path_is_no_error():
    slope = irad.grad(lambda x: (x * _kernel(lax.stop_gradient(x))).sum())(X)
    np.testing.assert_allclose(slope, 2.0 * jnp.sin(X), rtol=1e-12)


@pytest.mark.parametrize(
    ("fun", "error"),
    [
        (lambda x: jax.pure_callback(np.sin, x, x), "Pure callbacks"),
        (lambda x: lax.composite(jnp.sin, "my.sin")(x), "composite"),
    ],
)
def test_what_jax_refuses_is_refused_in_its_words(fun, error):
    with pytest.raises(ValueError, match=error):
        irad.grad(lambda x: fun(x).sum())(X)


def test_metadata_stays_on_the_derivative():
    metadata = pytest.importorskip("jax.experimental.xla_metadata")
    if not hasattr(metadata, "xla_metadata_call2"):
        return
    tag = metadata.xla_metadata_call2
    fun = tag(lambda x: jnp.sin(x) * x, {"block": 1}, ad_metadata={"block": 2})
    check_laws(Case("metadata", fun, (X,), second=False))
    text = str(jax.make_jaxpr(irad.value_and_grad(lambda x: fun(x).sum()))(X))
    assert text.count("xla_metadata=(('block', '1'),)") == 1
    assert text.count("xla_metadata=(('block', '2'),)") == 1
