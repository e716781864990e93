"""The laws for elementwise primitives, at smooth points."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.ad_checkpoint import checkpoint_name

from irad._compat.ir import add_any_p
from tests.kinds import infinite, together
from tests.laws import Case, check_laws
from tests.rules.elementwise_functions import (
    ANY,
    BINARY,
    COMPLEX,
    COMPLEX_BINARY,
    INSIDE,
    OVER_ONE,
    POSITIVE,
    REAL_ONLY,
    UNARY,
)

TALL, WIDE = np.linspace(0.3, 1.4, 3)[:, None], np.linspace(-1.3, 2.1, 4)[None]
SCALAR, EMPTY = np.array(0.7), np.zeros((0, 2))
WHICH = np.array([2, 0, 1], "int32")
LOW, HIGH = ANY - 0.1, ANY + 0.2
ROWS = [
    *(Case(name, fun, (x,)) for name, (fun, x) in UNARY.items()),
    *(Case(name, fun, (x, y)) for name, (fun, x, y) in BINARY.items()),
]
PARTS = [
    Case("select", lambda *x: lax.select_n(WHICH, *x), (ANY, POSITIVE, INSIDE)),
    Case("copy", lambda x: jnp.array(x, copy=True), (ANY,)),
    Case("name", lambda x: checkpoint_name(x, "x"), (ANY,)),
    Case("barrier", lambda x, y: lax.optimization_barrier((x, y)), (ANY, POSITIVE)),
    Case("add_any", lambda x, y: add_any_p.bind(x, y), (ANY, POSITIVE)),
]
REAL_PARTS = [
    *PARTS,
    Case("clamp", lax.clamp, (LOW, np.array([0.0, -1.2, 9.0]), HIGH)),
    Case("reduce_precision", lambda x: lax.reduce_precision(x, 8, 7), (ANY,)),
    Case("convert", lambda x: lax.convert_element_type(x, "float32"), (ANY,)),
]
PAIRS = [
    Case("conj", lax.conj, (ANY,)),
    Case("complex", lax.complex, (ANY, POSITIVE)),
    Case("real", lambda x, y: lax.real(lax.complex(x, y)), (ANY, POSITIVE)),
    Case("imag", lambda x, y: lax.imag(lax.complex(x, y)), (ANY, POSITIVE)),
]
GAMMA_FUNCTIONS = [
    Case("polygamma", lambda x: lax.polygamma(jnp.full_like(x, 2), x), (POSITIVE,)),
    Case("igamma", lax.igamma, (OVER_ONE, POSITIVE)),
    Case("igammac", lax.igammac, (OVER_ONE, POSITIVE)),
    Case(
        "betainc",
        lambda x: lax.betainc(jnp.full_like(x, 0.5), jnp.full_like(x, 1.5), x),
        (INSIDE**2,),
    ),
]
# JAX 0.10 has acosh's slope wrong for complex numbers left of 0: a test of its own.
COMPLEX_ROWS = [
    *(
        Case(name, fun, (COMPLEX,))
        for name, (fun, _) in UNARY.items()
        if name not in {*REAL_ONLY, "acosh"}
    ),
    *(Case(name, BINARY[name][0], (COMPLEX, COMPLEX[::-1])) for name in COMPLEX_BINARY),
    Case("acosh", lax.acosh, (COMPLEX[::2],)),
    Case("atan2", lax.atan2, (COMPLEX, COMPLEX[::-1])),
    Case("max", lax.max, (COMPLEX, COMPLEX[::-1])),
    Case("min", lax.min, (COMPLEX, COMPLEX[::-1])),
    Case("conj", lax.conj, (COMPLEX,)),
    Case("real", lax.real, (COMPLEX,)),
    Case("imag", lax.imag, (COMPLEX,)),
    *PARTS,
]
# Left of 0 JAX 0.10 makes NaN of an infinity at tanh, which it applies in two factors.
FOR_INFINITE = [
    *(row for row in ROWS if row.name != "tanh"),
    Case("tanh", lax.tanh, (POSITIVE,)),
    *REAL_PARTS,
    *PAIRS,
    *GAMMA_FUNCTIONS,
]

CASES = [
    *ROWS,
    together("all float32", [*ROWS, *REAL_PARTS, *PAIRS, *GAMMA_FUNCTIONS], "float32"),
    together("all float16", ROWS, "float16"),
    together("all bfloat16", [*ROWS, *REAL_PARTS, *GAMMA_FUNCTIONS], "bfloat16"),
    together("all complex64", COMPLEX_ROWS, "complex64"),
    together("all complex128", COMPLEX_ROWS, "complex128"),
    together("all infinite", FOR_INFINITE, cotangents=infinite),
    # Shapes
    Case("a scalar and an array", lambda s, x: [s - x, x / s, s / x], (SCALAR, WIDE)),
    Case("an axis of size 1 broadcast: products", lax.mul, (TALL, WIDE)),
    Case("an axis of size 1 broadcast: quotients", lax.div, (TALL, WIDE)),
    Case("an axis of size 1 broadcast: sums", lax.sub, (TALL, WIDE)),
    Case("an axis of size 1 broadcast: max", lax.max, (TALL, WIDE), second=False),
    Case("an axis of size 1 broadcast: pow", lax.pow, (TALL, WIDE)),
    Case("an axis of size 1 broadcast: complex", lax.complex, (TALL, WIDE)),
    Case("size 0", lambda x, y: jnp.tanh(x) * jnp.abs(y) / x, (EMPTY, EMPTY)),
    Case("size 1", lambda x, y: lax.atan2(x, y) ** 2.5, (TALL[:1], WIDE[:, 3:])),
    # Who is active
    Case("a repeated operand", lambda x: [x * x, x - x, lax.pow(x, x)], (TALL,)),
    Case(
        "an inactive operand", lambda x: [x / ANY, ANY / x, x**ANY, ANY - x], (TALL.T,)
    ),
    # Choices
    Case("clamp", lax.clamp, (ANY - 0.1, np.array([0.0, -1.2, 9.0]), ANY + 0.2)),
    Case("clamp to numbers", lambda x: lax.clamp(-1.0, x, 1.0), (ANY,)),
    Case("select", lambda x, y: lax.select(WHICH > 0, x, y), (ANY, POSITIVE)),
    Case(
        "select one of three",
        lambda *x: lax.select_n(WHICH, *x),
        (ANY, POSITIVE, INSIDE),
    ),
    Case("select, one active", lambda x: lax.select_n(WHICH, x, ANY, ANY), (POSITIVE,)),
    Case(
        "select by a scalar",
        lambda i, x, y: lax.select_n(i, x, y),
        (np.array(1), ANY, POSITIVE),
    ),
    Case(
        "select in float32", lambda x: jnp.where(x > 1, x, 0), (ANY.astype("float32"),)
    ),
    # Complex parts
    Case("real and imag", lambda z: [lax.real(z), lax.imag(z)], (COMPLEX,)),
    Case(
        "conj of complex and real",
        lambda z, x: [lax.conj(z), lax.conj(x)],
        (COMPLEX, ANY),
    ),
    Case("complex", lax.complex, (ANY, POSITIVE)),
    Case("complex, one active", lambda x: lax.complex(POSITIVE, x), (ANY,)),
    Case("complex of a repeated operand", lambda x: lax.complex(x, x), (ANY,)),
    # Types and copies
    Case(
        "convert",
        lambda x: [x.astype(t) for t in ("float32", "bfloat16", "complex64", "int32")],
        (ANY,),
        second=False,
    ),
    Case(
        "a product in a wider type",
        lambda x, y: lax.mul(x, y, out_dtype="float32"),
        (ANY.astype("float16"), POSITIVE.astype("float16")),
        second=False,
    ),
    Case("convert from integers", lambda x, n: x * n.astype(x.dtype), (ANY, WHICH)),
    Case(
        "convert to real",
        lambda z: lax.convert_element_type(z.real, "float32"),
        (COMPLEX,),
    ),
    Case(  # rounds tangents too, so that it is linear up to rounding
        "reduce_precision",
        lambda x: lax.reduce_precision(x * x, 8, 23),
        (ANY,),
        rtol=1e-6,
        numeric=False,
    ),
    Case("copy", lambda x: jnp.array(jnp.sin(x), copy=True), (ANY,)),
    Case("name", lambda x: checkpoint_name(jnp.sin(x), "sine"), (ANY,)),
    Case(
        "stop_gradient", lambda x: x * lax.stop_gradient(x * x), (ANY,), numeric=False
    ),
    Case(
        "barrier", lambda x, y: lax.optimization_barrier((x * y, WHICH, y)), (ANY, ANY)
    ),
    Case(
        "barrier, one active", lambda x: lax.optimization_barrier((x * x, ANY)), (ANY,)
    ),
    Case(
        "barrier, one wanted",
        lambda x, y: lax.optimization_barrier((x, y))[1],
        (ANY, ANY),
    ),
    # Gamma functions and their kin
    Case("polygamma", lambda x: lax.polygamma(jnp.full_like(x, 2), x), (POSITIVE,)),
    Case("igamma in x", lambda x: lax.igamma(OVER_ONE, x), (POSITIVE,)),
    Case("igammac in x", lambda x: lax.igammac(OVER_ONE, x), (POSITIVE,)),
    Case("igamma", lax.igamma, (OVER_ONE, POSITIVE), second=False),
    Case("igammac", lax.igammac, (OVER_ONE, POSITIVE), second=False),
    Case("betainc", lambda x: lax.betainc(POSITIVE, OVER_ONE, x), (INSIDE**2,)),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws(case: Case) -> None:
    check_laws(case)


# JAX's rule promotes the exponent to the base's type, which strict promotion forbids.
@pytest.mark.usefixtures("standard_promotion")
@pytest.mark.parametrize(
    "base", [ANY, COMPLEX, np.float32(1.5)], ids=lambda x: str(x.dtype)
)
def test_laws_with_integer_exponents_in_an_array(base: Any) -> None:
    check_laws(Case("integer exponents", lambda x: lax.pow(x, WHICH), (base,)))
