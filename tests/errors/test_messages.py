"""Bad input never gives a number: what is raised names place and next step."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental import io_callback

import irad

X = jnp.array([0.3, -0.7, 0.5])


def _callback(x):
    return io_callback(np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x, ordered=True)


def _again(_, x):
    return _callback(x)


def _pure_callback(x):
    return jax.pure_callback(np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x)


def _branching(x):
    if x[0] > 0:
        return x.sum()
    return 2 * x.sum()


TABLE = [
    ("integer input", lambda: irad.grad(lambda n: n * 2.0)(3), TypeError, "allow_int"),
    ("vector output", lambda: irad.grad(jnp.sin)(X), TypeError, r"shape: \(3,\)"),
    ("tree output", lambda: irad.grad(lambda x: (x, x))(1.0), TypeError, "scalar"),
    (
        "integer output",
        lambda: irad.grad(lambda x: jnp.int32(1))(1.0),
        TypeError,
        "vjp",
    ),
    (
        "complex output",
        lambda: irad.grad(lambda x: x * 1j)(1.0),
        TypeError,
        "holomorphic",
    ),
    (
        "holomorphic of real",
        lambda: irad.grad(lambda x: x, holomorphic=True)(1.0),
        TypeError,
        "complex",
    ),
    ("not callable", lambda: irad.grad(3), TypeError, "callable"),
    ("too few arguments", lambda: irad.grad(jnp.sin, 2)(1.0), ValueError, "positional"),
    ("string argument", lambda: irad.grad(lambda s: 1.0)("a"), TypeError, "str"),
    (
        "no pair with aux",
        lambda: irad.grad(jnp.sin, has_aux=True)(1.0),
        TypeError,
        "pair",
    ),
    (
        "tangent of wrong shape",
        lambda: irad.jvp(jnp.sin, (X,), (X[:2],)),
        ValueError,
        "shape",
    ),
    (
        "tangent of wrong dtype",
        lambda: irad.jvp(jnp.sin, (X,), (X.astype("float32"),)),
        TypeError,
        "float64",
    ),
    ("tangent tree", lambda: irad.jvp(jnp.sin, (X,), ([X],)), TypeError, "tree"),
    (
        "tangents no tuple",
        lambda: irad.jvp(jnp.sin, X, X),
        TypeError,
        "tuples or lists",
    ),
    (
        "cotangent tree",
        lambda: irad.vjp(jnp.sin, X)[1]((X, X)),
        ValueError,
        "tree structure",
    ),
    ("cotangent shape", lambda: irad.vjp(jnp.sin, X)[1](X[:2]), ValueError, "expected"),
    (
        "too many cotangents",
        lambda: irad.vjp(jnp.sin, X)[1](X, X),
        TypeError,
        "takes one",
    ),
    ("output no array", lambda: irad.grad(lambda x: "a")(1.0), TypeError, "str"),
    (
        "branch on an abstract value",
        lambda: jax.jit(irad.grad(_branching))(X),
        jax.errors.TracerBoolConversionError,
        "test_messages",
    ),
    (
        "branch under vmap",
        lambda: jax.vmap(irad.grad(_branching))(X[None]),
        jax.errors.TracerBoolConversionError,
        "test_messages",
    ),
    (
        "ordered callback",
        lambda: irad.grad(lambda x: _callback(x).sum())(X),
        irad.NotDifferentiableError,
        r"'io_callback' \(.*test_messages\.py:\d+.* JVP.*custom_jvp",
    ),
    (
        "ordered callback in a loop, forward mode",
        lambda: irad.jvp(lambda x: lax.fori_loop(0, 2, _again, x), (X,), (X,)),
        irad.NotDifferentiableError,
        r"'io_callback' \(.*test_messages\.py:\d+.* JVP.*custom_jvp",
    ),
    (
        "pure callback in a checkpoint",
        lambda: irad.grad(lambda x: jax.checkpoint(_pure_callback)(x).sum())(X),
        irad.NotDifferentiableError,
        r"'pure_callback' \(.*test_messages\.py:\d+.* JVP.*custom_jvp",
    ),
    (
        "not linear",
        lambda: irad.linear_transpose(jnp.sin, X),
        irad.NotLinearError,
        "vjp",
    ),
    (
        "numpy on a tracer",
        lambda: irad.grad(lambda x: np.sin(x).sum())(X),
        jax.errors.TracerArrayConversionError,
        "__array__",
    ),
    (
        "unknown mode",
        lambda: irad.check_grads(jnp.sin, (X,), modes=("up",)),
        ValueError,
        "fwd",
    ),
    (
        "wrong gradient",
        lambda: irad.check_grads(jnp.floor, (X + 0.7,)),
        irad.GradientCheckError,
        "order 1",
    ),
]


@pytest.mark.parametrize(
    ("act", "kind", "message"),
    [row[1:] for row in TABLE],
    ids=[row[0] for row in TABLE],
)
def test_bad_input_raises(act, kind, message):
    with pytest.raises(kind, match=message):
        act()


def test_an_inactive_primitive_needs_no_rule():
    def fun(x):
        jax.debug.callback(lambda _: None, x)
        return x.sum() + lax.stop_gradient(_callback(lax.stop_gradient(x))).sum()

    np.testing.assert_array_equal(irad.grad(fun)(X), jnp.ones(3))


def test_a_primitive_without_a_rule_names_its_line():
    primitive = jax.extend.core.Primitive("unheard_of")
    primitive.def_impl(lambda x: x)
    primitive.def_abstract_eval(lambda x: x)
    with pytest.raises(irad.NoRuleError, match=r"unheard_of.*test_messages\.py"):
        irad.grad(lambda x: primitive.bind(x).sum())(X)


class _MaxRules:
    """Rules of an extended dtype whose tangents are added by taking the greatest."""

    @staticmethod
    def physical_element_aval(dtype):
        return jax.typeof(jnp.float32(0.0))

    @staticmethod
    def convert_from(dtype, other):
        return other == np.dtype("float32")

    @staticmethod
    def convert_to(other, dtype):
        return other == np.dtype("float32")

    @staticmethod
    def tangent_dtype(dtype):
        return dtype


@dataclass(frozen=True)
class _Max(type(jax.random.key(0).dtype).__mro__[1]):
    name: str = "greatest"
    type: type = jax.dtypes.extended
    _rules: type = _MaxRules


def test_tangents_of_an_extended_dtype_are_refused():
    def fun(x):
        return lax.convert_element_type(lax.convert_element_type(x, _Max()), x.dtype)

    with pytest.raises(irad.NotDifferentiableError, match="extended dtype"):
        irad.grad(fun)(jnp.float32(1.0))
