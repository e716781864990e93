"""Functions that JAX writes out, read back from what it writes."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from tests.stablehlo.exported import exported

POSITIVE = [0.1, 0.5, 1.0, 2.0, 3.5]
"""Where the reflection is singular, though it is not the formula that is chosen."""

WITHIN = [-0.999, -0.5, 0.0, 1e-20, 0.25]
ALL = [-7.0, -1.0, 0.0, 1e-20, 0.5, 1.0, 9.0]

FUNCTIONS: dict[str, tuple[Any, list[float]]] = {
    "lgamma": (lax.lgamma, POSITIVE),
    "digamma": (lax.digamma, POSITIVE),
    "both": (lambda x: lax.lgamma(x) * lax.digamma(x), POSITIVE),
    "erfc": (lax.erfc, ALL),
    "erf_inv": (lax.erf_inv, WITHIN),
    "bessel_i0e": (lax.bessel_i0e, ALL),
    "bessel_i1e": (lax.bessel_i1e, ALL),
    "i0": (jnp.i0, ALL),
    "igamma": (lambda x: lax.igamma(x, 2 * x), POSITIVE),
    "igamma in x": (lambda x: lax.igamma(jnp.full_like(x, 1.5), x), [0.0, *POSITIVE]),
    "igammac": (lambda x: lax.igammac(x, x + 1), POSITIVE),
    "logaddexp": (lambda x: jnp.logaddexp(x, x), ALL),
    "softplus": (jax.nn.softplus, ALL),
    "log_sigmoid": (jax.nn.log_sigmoid, ALL),
}


@pytest.mark.parametrize("dtype", [jnp.bfloat16, np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_derivative_is_that_of_the_function(name: str, dtype: Any) -> None:
    function, at = FUNCTIONS[name]
    x = np.array(at, dtype)

    def f(x: Any) -> Any:
        return function(x).sum()

    module = exported(f, x)
    np.testing.assert_array_equal(module(x)[0], jax.jit(f)(x))
    (found,) = irad.stablehlo.grad(module)(x)
    expected = jax.grad(f)(x).astype(np.float64)
    eps = 32 * float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(found.astype(np.float64), expected, eps, eps * 1e-2)


WRITTEN_OUT: dict[str, tuple[Any, list[float]]] = {
    "betainc": (lambda x: jax.scipy.special.betainc(1.5, 2.5, x), [0.1, 0.5, 0.9]),
    "expn": (lambda x: jax.scipy.special.expn(2, x), POSITIVE),
    "exp1": (jax.scipy.special.exp1, [*POSITIVE, 100.0]),
    "entr": (jax.scipy.special.entr, [-1.0, 0.5, 2.0]),
    "log_ndtr": (jax.scipy.special.log_ndtr, [-3.0, -0.5, 0.0, 0.5, 4.0]),
    "sinc": (jnp.sinc, [-0.5, 0.0, 0.5, 2.0]),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_formulas_that_are_not_chosen_leave_no_nans(name: str, dtype: Any) -> None:
    function, at = WRITTEN_OUT[name]
    x = np.array(at, dtype)
    c = np.ones_like(x)
    _, found = irad.stablehlo.vjp(exported(function, x))(x, c)
    expected = jax.jit(lambda x, t: jax.jvp(function, (x,), (t,))[1])(x, c)
    eps = 256 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(found, expected, eps, eps)


@pytest.mark.parametrize(
    ("function", "coefficient", "primitive"),
    [
        (lax.lgamma, "1.14472985", lax.lgamma_p),  # log(pi), of the reflection
        (lax.erf_inv, "1.50140941", lax.erf_inv_p),
        (lax.bessel_i1e, "-1.10588939E-4", lax.bessel_i1e_p),
    ],
)
def test_what_only_looks_like_an_expansion_is_differentiated_as_it_is(
    function: Any, coefficient: str, primitive: Any
) -> None:
    text = exported(function, np.array(WITHIN, np.float32)).text()
    assert coefficient in text
    for written, is_one in ((text, True), (text.replace(coefficient, "1.25"), False)):
        module = irad.stablehlo.load(written)
        kinds = {eqn.primitive for eqn in module.jaxpr.eqns}
        assert (primitive in kinds) == is_one
