"""Formulas that JAX writes out are read back as the primitives that they are."""

from collections import Counter
from typing import Any

import jax
import numpy as np
import pytest
from jax import lax

import irad
from irad.stablehlo.transforms import prepared
from tests.stablehlo.exported import exported

X = np.linspace(-2.0, 2.5, 64).astype(np.float32)
INTEGERS = np.arange(4, dtype=np.int32)

FORMULAS: dict[str, tuple[Any, Counter[str]]] = {
    **{
        f"x**{y}": (lambda x, y=y: lax.integer_pow(x, y), Counter(integer_pow=1))
        for y in (2, 3, 5, 7, 12, 22, -2, -3, -10)
    },
    "sigmoid": (jax.nn.sigmoid, Counter(logistic=1)),
    "x*x*x*x": (lambda x: x * x * x * x, Counter(integer_pow=1, mul=1)),
    "1/x": (lambda x: 1 / x, Counter(div=1)),
    "2/x**2": (lambda x: 2 / x**2, Counter(integer_pow=1, div=1)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_is_its_primitive_and_computes_the_same(name: str) -> None:
    f, primitives = FORMULAS[name]
    module = exported(f, X)
    found = Counter(eqn.primitive.name for eqn in prepared(module.jaxpr).eqns)
    assert found == primitives
    np.testing.assert_array_equal(module(X)[0], jax.jit(f)(X))


@pytest.mark.parametrize("f", [lax.max, lax.min], ids=["max", "min"])
def test_complex_extremes_share_ties_as_jax_does(f: Any) -> None:
    x = np.array([1 + 2j, 1 + 2j, 3 + 1j, 1 + 3j], np.complex64)
    y = np.array([1 + 2j, 1 + 1j, 2 + 2j, 2 + 0j], np.complex64)
    module = exported(f, x, y)
    np.testing.assert_array_equal(module(x, y)[0], f(x, y))
    pulled = irad.stablehlo.vjp(module)(x, y, np.ones_like(x))[1:]
    np.testing.assert_array_equal(pulled, jax.vjp(f, x, y)[1](np.ones_like(x)))


def test_a_choice_beside_an_infinite_product_has_a_derivative() -> None:
    x = np.array([0.5, 1.0, -1.0, -0.25], np.float32)
    infinite = np.float32(np.inf)
    f = lambda x: jax.numpy.where(abs(x) == 1, x * infinite, x * x)  # noqa: E731
    module = exported(f, x)
    np.testing.assert_array_equal(module(x)[0], f(x))
    (_, slope) = irad.stablehlo.vjp(module)(x, np.ones_like(x))
    np.testing.assert_array_equal(slope, [1.0, 0.0, 0.0, -0.5])


def test_integers_are_multiplied_as_they_are() -> None:
    module = exported(lambda n: n * n, INTEGERS)
    assert [eqn.primitive for eqn in module.jaxpr.eqns] == [lax.mul_p]


def test_the_derivative_of_a_negative_power_overflows_no_earlier_than_it_must() -> None:
    x = np.array([0.09, 0.1], np.float16)
    module = exported(lambda x: lax.integer_pow(x, -3), x)
    _, slope = irad.stablehlo.jvp(module)(x, np.ones_like(x))
    np.testing.assert_allclose(slope, -3 / x.astype(np.float64) ** 4, rtol=1e-2)
