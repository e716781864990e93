"""Constant primitives: no tangent passes, and what does not differentiate says so."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax, random
from jax.experimental import checkify, io_callback
from jax.extend.core import Primitive
from jax.extend.random import threefry_2x32

import irad
from irad.rules.constant import REASONS
from tests.kinds import together
from tests.laws import Case, check_laws

X = np.array([0.3, -1.2, 2.5])
Z = np.array([0.3 - 0.4j, -1.2 + 0.5j, 1.5 + 0.7j])
STEPS: dict[str, Callable[[Any], Any]] = {
    "floor": lax.floor,
    "ceil": lax.ceil,
    "round": lax.round,
    "sign": lax.sign,
    "positions": lambda x: x[jnp.argmax(x)] * jnp.argmin(x).astype(x.dtype),
    "comparisons": lambda x: jnp.where(lax.is_finite(x) & (x > 0) & ~(x == 1), x, 1.0),
    "orders": lambda x: _compared(x, lax.ge_p, lax.gt_p, lax.le_p, lax.lt_p),
    "total orders": lambda x: _compared(x, lax.eq_to_p, lax.le_to_p, lax.lt_to_p),
    "bits": lambda x: _of_bits(x),
    "equality": lambda x: _compared(x, lax.eq_p, lax.ne_p),
    "numbers": lambda x: lax.iota(x.dtype, 3),
    "stop_gradient": lax.stop_gradient,
    "integers": lambda x: _of_integers(lax.convert_element_type(x * 4, "int32")),
    "random bits": lambda x: _of_random_bits(lax.convert_element_type(x[0], "int32")),
    "effects": lambda x: _with_effects(x),
}


def _beside(step: Callable[[Any], Any], x: Any) -> Any:
    return x * step(x)


def _compared(x: Any, *comparisons: Primitive) -> Any:
    return sum(jnp.where(p.bind(x, x[::-1]), x, 1) for p in comparisons)


def _of_bits(x: Any) -> Any:
    bits = lax.bitcast_convert_type(x, f"int{8 * x.dtype.itemsize}")
    return lax.bitcast_convert_type(bits >> 1, x.dtype)


def _of_integers(n: Any) -> Any:
    combined = [
        lax.clz(n),
        lax.mulhi(n, n),
        lax.population_count(n),
        lax.shift_left(n, jnp.ones_like(n)),
        lax.shift_right_logical(n, jnp.ones_like(n)),
        lax.bitwise_xor(n, n + 1),
        lax.broadcast(lax.reduce_and(n, [0]) + lax.reduce_xor(n, [0]), (3,)),
    ]
    return sum(combined).astype("float64")


def _of_random_bits(seed: Any) -> Any:
    key = random.clone(random.key(seed))
    half = jnp.full((2,), seed, "uint32")
    bits = [
        random.bits(random.fold_in(key, 3), (3,), "uint32"),
        threefry_2x32(half, jnp.arange(3, dtype="uint32")),
        lax.rng_bit_generator(jnp.tile(half, 2), (3,))[1],
    ]
    return sum(bits).astype("float64")


def _with_effects(x: Any) -> Any:
    jax.debug.callback(lambda v: None, x)
    jax.debug.print("{}", x[:0])
    return x


def _with_a_sink(x: Any) -> Any:
    lax.dce_sink(x)
    return x * x


# A step has no slope to be seen by differences only where they do not straddle it.
CASES = [
    Case(name, partial(_beside, fun), (X,), numeric=False, second=False)
    for name, fun in STEPS.items()
]
# JAX cannot map a sink, which the columns of a dense Jacobian would need: 65 are many.
CASES += [
    Case("sink", _with_a_sink, (np.linspace(-1.0, 2.0, 65),), second=False),
]
OF_COMPLEX = ("sign", "equality", "numbers", "stop_gradient", "effects", "sink")
OF_FLOAT64 = ("integers", "random bits")
OF_REAL = [row for row in CASES if row.name not in OF_FLOAT64]
CASES += [
    together("float32", OF_REAL, "float32"),
    together("bfloat16", OF_REAL, "bfloat16"),
    together("complex64", [r for r in OF_REAL if r.name in OF_COMPLEX], "complex64"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws_of_steps_beside_what_is_active(case: Case) -> None:
    check_laws(case)


def test_sign_of_complex_numbers_has_slope_0_as_in_jax() -> None:
    check_laws(Case("sign", lambda z: z * lax.sign(z), (Z,), numeric=False))


def test_a_function_of_steps_alone_has_a_gradient_of_zeros() -> None:
    slope = irad.grad(lambda x: jnp.floor(x).sum())(X)
    np.testing.assert_array_equal(slope, np.zeros(3))
    assert slope.dtype == X.dtype


def test_no_equation_is_emitted_for_the_slope_of_a_step() -> None:
    jaxpr = jax.make_jaxpr(irad.grad(lambda x: (lax.floor(x) * x).sum()))(X)
    assert str(jaxpr).count("floor") == 1


@pytest.mark.parametrize("size", [3, 12])
def test_checks_are_made_once_where_they_were(size: int) -> None:
    def loss(x: Any) -> Any:
        checkify.check(jnp.all(x < 9), "too large")
        return jnp.sum(x * x)

    x = jnp.arange(float(size))
    (ours, slope), (theirs, _) = (
        checkify.checkify(ad.grad(loss))(x) for ad in (irad, jax)
    )
    assert ours.get() == theirs.get()
    assert (ours.get() is None) == (size == 3)
    np.testing.assert_array_equal(slope, 2 * x)


def test_debug_callbacks_run_once_and_are_constant() -> None:
    seen = []

    def loss(x: Any) -> Any:
        jax.debug.callback(lambda v: seen.append(float(v)), x)
        return x * x

    assert irad.grad(loss)(3.0) == 6.0
    jax.effects_barrier()
    assert seen == [3.0]


@pytest.mark.parametrize(
    "call",
    [
        lambda x: jax.pure_callback(np.sin, jax.ShapeDtypeStruct((), x.dtype), x),
        lambda x: io_callback(np.sin, jax.ShapeDtypeStruct((), x.dtype), x),
        lambda x: jax.ffi.ffi_call("sine", jax.ShapeDtypeStruct((), x.dtype))(x),
        lambda x: lax.composite(lambda x: 2 * x, "my.double")(x),
    ],
    ids=["pure_callback", "io_callback", "ffi_call", "composite"],
)
def test_code_that_jax_cannot_read_is_refused_with_jaxs_error(
    call: Callable[[Any], Any],
) -> None:
    with pytest.raises(ValueError, match=r"JVP|differentiated") as refused:
        jax.grad(call)(1.0)
    with pytest.raises(ValueError, match=re.escape(str(refused.value))):
        irad.grad(call)(1.0)


def test_callbacks_away_from_what_is_active_are_run() -> None:
    def apart(x: Any, n: Any) -> Any:
        return x * jax.pure_callback(np.cos, jax.ShapeDtypeStruct((), n.dtype), n)

    def stopped(x: Any) -> Any:
        one = jax.pure_callback(np.cos, jax.ShapeDtypeStruct((), x.dtype), x * 0)
        return x * lax.stop_gradient(one)

    assert irad.grad(apart)(2.0, jnp.zeros(())) == 1.0
    assert irad.grad(stopped)(2.0) == 1.0  # too late for JAX, which asks for a rule


def test_every_reason_is_given_to_some_primitive_and_each_has_one() -> None:
    primitives = [p for row in REASONS.values() for p in row]
    assert all(REASONS.values())
    assert len(primitives) == len(set(primitives))
