"""Functions of gamma, read back from what JAX exports for them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from tests.stablehlo.exported import exported

# Where the reflection is singular, though it is not the formula that is chosen.
AT = [0.1, 0.5, 1.0, 2.0, 3.5]

FUNCTIONS: dict[str, Any] = {
    "lgamma": lax.lgamma,
    "digamma": lax.digamma,
    "both": lambda x: lax.lgamma(x) * lax.digamma(x),
}


@pytest.mark.parametrize("dtype", [jnp.bfloat16, np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_derivative_is_that_of_the_function(name: str, dtype: Any) -> None:
    x = np.array(AT, dtype)

    def f(x: Any) -> Any:
        return FUNCTIONS[name](x).sum()

    module = exported(f, x)
    np.testing.assert_array_equal(module(x)[0], jax.jit(f)(x))
    (found,) = irad.stablehlo.grad(module)(x)
    expected = jax.grad(f)(x).astype(np.float64)
    rtol = 32 * float(jnp.finfo(dtype).eps)
    np.testing.assert_allclose(found.astype(np.float64), expected, rtol)


def test_what_only_looks_like_an_expansion_is_differentiated_as_it_is() -> None:
    text = exported(lax.lgamma, np.array(AT, np.float32)).text()
    assert "1.14472985" in text  # log(pi), of the reflection
    other = irad.stablehlo.load(text.replace("1.14472985", "1.25"))
    kinds = {eqn.primitive for eqn in other.jaxpr.eqns}
    assert lax.lgamma_p not in kinds
