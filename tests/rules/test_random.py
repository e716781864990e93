"""Random primitives: the gamma variate's implicit derivative; keys carry no tangent."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, random
from jax.scipy import special

import irad
from tests.kinds import infinite
from tests.laws import Case, check_laws

SHAPES = np.array([0.2, 0.9, 1.0, 4.5])


def gamma(a: Any) -> Any:
    return random.gamma(random.key(0), a, dtype=jnp.result_type(a))


def loggamma(a: Any) -> Any:
    return random.loggamma(random.key(0), a, dtype=jnp.result_type(a))


# Draws are accepted or rejected at random, so that differences do not converge to the
# implicit derivative; and its own derivative has loops that JAX cannot reverse.
CASES = [
    Case("gamma", gamma, (SHAPES.reshape(2, 2),), second=False, numeric=False),
    Case("log space", loggamma, (SHAPES,), second=False, numeric=False),
    Case(
        "float32",
        gamma,
        (SHAPES[:1].astype("float32"),),
        second=False,
        numeric=False,
    ),
    Case("float16", loggamma, (SHAPES.astype("float16"),), second=False, numeric=False),
    Case(
        "infinite",
        loggamma,
        (SHAPES,),
        second=False,
        numeric=False,
        cotangents=infinite,
    ),
    Case("size 0", gamma, (SHAPES[:0],), second=False, numeric=False),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws(case: Case) -> None:
    check_laws(case)


def test_the_slope_of_a_gamma_variate_is_that_of_its_quantile() -> None:
    y, slope = irad.jvp(gamma, (SHAPES,), (np.ones(4),))

    def level(a: Any) -> Any:
        return special.gammainc(a, y)

    step = 1e-6
    in_shape = (level(SHAPES + step) - level(SHAPES - step)) / (2 * step)
    density = jnp.exp((SHAPES - 1) * jnp.log(y) - y - special.gammaln(SHAPES))
    np.testing.assert_allclose(slope, -in_shape / density, rtol=1e-6)


def test_an_underflow_in_log_space_keeps_a_finite_slope() -> None:
    a = np.float32(1e-4)
    slope = irad.grad(lambda a: loggamma(a))(a)
    assert np.isfinite(slope)
    np.testing.assert_allclose(slope, jax.grad(lambda a: loggamma(a))(a), rtol=1e-5)


def test_keys_are_made_split_and_spent_on_an_active_path() -> None:
    def loss(x: Any) -> Any:
        seed = lax.convert_element_type(x * 10, "uint32")
        key = random.fold_in(random.split(random.key(seed))[0], seed)
        return x * random.normal(key) * random.uniform(random.clone(key))

    for ad in (irad.grad, jax.grad):
        np.testing.assert_allclose(ad(loss)(1.25), loss(1.25) / 1.25, rtol=1e-12)


def test_uniform_bounds_of_the_primitive_are_refused_as_in_jax() -> None:
    for ad in (irad.grad, jax.grad):
        with pytest.raises(NotImplementedError):
            ad(lambda x: lax.rng_uniform(x, 2 * x, ()))(1.0)
