"""What the elementwise and random rules take for granted about JAX's primitives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax import lax, random
from jax.ad_checkpoint import checkpoint_name

X, Y, Z = (jnp.full((2,), v) for v in (0.3, 0.7, 0.9))
NONE: dict[str, Any] = {}
ACCURACY = {"accuracy": None}

# Function, operands in the order of the equation, and the params that rules read.
CONTRACTS: dict[str, tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = {
    "add": (lax.add, (X, Y), NONE),
    "sub": (lax.sub, (X, Y), NONE),
    "mul": (lax.mul, (X, Y), {"out_dtype": None}),
    "div": (lax.div, (X, Y), NONE),
    "rem": (lax.rem, (X, Y), NONE),
    "pow": (lax.pow, (X, Y), NONE),
    "atan2": (lax.atan2, (X, Y), NONE),
    "max": (lax.max, (X, Y), NONE),
    "clamp": (lax.clamp, (X, Y, Z), NONE),
    "select_n": (lax.select_n, (X > 0.5, Y, Z), NONE),
    "complex": (lax.complex, (X, Y), NONE),
    "polygamma": (lax.polygamma, (X, Y), NONE),
    "igamma": (lax.igamma, (X, Y), NONE),
    "igammac": (lax.igammac, (X, Y), NONE),
    "igamma_grad_a": (lax.igamma_grad_a, (X, Y), NONE),
    "regularized_incomplete_beta": (lax.betainc, (X, Y, Z), NONE),
    "integer_pow": (lambda x: lax.integer_pow(x, 3), (X,), {"y": 3}),
    "tanh": (lax.tanh, (X,), ACCURACY),
    "logistic": (lax.logistic, (X,), ACCURACY),
    "expm1": (lax.expm1, (X,), ACCURACY),
    "sin": (lax.sin, (X,), ACCURACY),
    "cos": (lax.cos, (X,), ACCURACY),
    "name": (lambda x: checkpoint_name(x, "here"), (X,), {"name": "here"}),
    "reduce_precision": (
        lambda x: lax.reduce_precision(x, 8, 7),
        (X,),
        {"exponent_bits": 8, "mantissa_bits": 7},
    ),
    "convert_element_type": (
        lambda x: x.astype("float32"),
        (X,),
        {"new_dtype": jnp.float32, "weak_type": False, "sharding": None},
    ),
}


@pytest.mark.parametrize("name", CONTRACTS)
def test_operand_order_and_params_are_as_the_rules_read_them(name: str) -> None:
    fun, x, params = CONTRACTS[name]
    jaxpr = jax.make_jaxpr(fun)(*x).jaxpr
    (eqn,) = [eqn for eqn in jaxpr.eqns if eqn.primitive.name == name]
    assert list(eqn.invars) == list(jaxpr.invars)
    assert {key: eqn.params[key] for key in params} == params


def test_random_gamma_takes_a_key_and_the_shape_parameter() -> None:
    with jax.disable_jit():
        jaxpr = jax.make_jaxpr(random.loggamma)(random.key(0), X).jaxpr
    (eqn,) = [eqn for eqn in jaxpr.eqns if eqn.primitive.name == "random_gamma"]
    key, a = (v.aval for v in eqn.invars)
    assert jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    assert a == eqn.outvars[0].aval
    assert eqn.params == {"log_space": True}


def test_a_scalar_reaches_an_elementwise_equation_without_a_broadcast() -> None:
    (eqn,) = jax.make_jaxpr(lambda x: x * 2.0)(X).jaxpr.eqns
    assert [v.aval.shape for v in eqn.invars] == [(2,), ()]
