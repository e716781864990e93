"""Folded results are XLA's, bit for bit, whether XLA computes them early or late."""

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, check_jaxpr, jaxpr_as_fun

import irad_passes
from irad_passes._compat import scalar_literal
from tests.passes.evaluation import bits
from tests.passes.laws import count

FLOATS = [jnp.float64, jnp.float32, jnp.float16, jnp.bfloat16]
SIGNED_INTEGERS = [jnp.int8, jnp.int16, jnp.int32, jnp.int64]
INTEGERS = [*SIGNED_INTEGERS, jnp.uint8, jnp.uint16, jnp.uint32, jnp.uint64]
DTYPES = [*FLOATS, *INTEGERS, jnp.bool_]
REAL = [*FLOATS, *INTEGERS]
SIGNED = [*FLOATS, *SIGNED_INTEGERS]


def numbers(dtype: Any) -> list[Any]:
    """Ordinary numbers, both zeros, the ends of the range, NaN and subnormals."""
    if dtype is jnp.bool_:
        return [np.bool_(False), np.bool_(True)]
    if dtype in INTEGERS:
        ends = jnp.iinfo(dtype)
        some = [0, 1, 2, 3, 5, 7, 100, ends.max, ends.max - 1, ends.min]
        some += [] if ends.min == 0 else [-1, -3, -7, -100]
        return [np.dtype(dtype).type(x) for x in some]
    ends = jnp.finfo(dtype)
    some = [0.0, 1.0, 3.0, 0.1, 1 / 3, 2.5, 127.4, 1e-3, 65519.0, 1e10, 3e20]
    # Rounded to float32 first, these are ties between two narrow numbers.
    some += [1 + 2.0**-8 + 2.0**-40, 1 + 2.0**-11 + 2.0**-40]
    some += [np.pi, np.inf, np.nan, ends.max, ends.tiny, ends.smallest_subnormal]
    with np.errstate(all="ignore"):
        return [np.asarray(sign * x, dtype)[()] for x in some for sign in (1, -1)]


def literal(x: Any) -> Literal:
    return scalar_literal(x, ShapedArray((), x.dtype))


def of_literals(function: Callable[..., Any], rows: list[tuple[Any, ...]]) -> Jaxpr:
    """One equation a row, its operands literals and its result an output."""
    template = jax.make_jaxpr(function)(*rows[0]).jaxpr
    (eqn,) = template.eqns
    eqns = [
        eqn.replace(
            invars=[literal(x) for x in row],
            outvars=[type(y)(y.aval) for y in eqn.outvars],
        )
        for row in rows
    ]
    return template.replace(
        invars=[], eqns=eqns, outvars=[y for e in eqns for y in e.outvars]
    )


def check_folding(
    function: Callable[..., Any], rows: list[tuple[Any, ...]], least: float
) -> None:
    """Some share of the rows is folded, each to what XLA makes of it."""
    jaxpr = of_literals(function, rows)
    new = irad_passes.fold(jaxpr)
    check_jaxpr(new)
    folded = {i: y.val for i, y in enumerate(new.outvars) if isinstance(y, Literal)}
    assert len(folded) >= least * len(rows)
    columns = [np.stack(column) for column in zip(*rows, strict=True)]
    late = np.asarray(jax.jit(function)(*columns))
    assert bits(list(folded.values())) == bits([late[i] for i in folded])
    some = list(folded)[::7]
    alone = jaxpr.replace(
        eqns=[jaxpr.eqns[i] for i in some], outvars=[jaxpr.outvars[i] for i in some]
    )
    with np.errstate(all="ignore"):
        early = jax.jit(jaxpr_as_fun(ClosedJaxpr(alone, ())))()
    assert bits([folded[i] for i in some]) == bits(early)


BINARY: list[tuple[Callable[..., Any], list[Any], float]] = [
    (lax.add, REAL, 0.5),
    (lax.sub, REAL, 0.5),
    (lax.mul, REAL, 0.4),
    (lax.div, FLOATS, 0.4),
    (lax.max, REAL, 0.5),
    (lax.min, REAL, 0.5),
    (lax.eq, DTYPES, 0.6),
    (lax.ne, DTYPES, 0.6),
    (lax.lt, REAL, 0.6),
    (lax.le, REAL, 0.6),
    (lax.gt, REAL, 0.6),
    (lax.ge, REAL, 0.6),
    (lax.bitwise_and, [*INTEGERS, jnp.bool_], 1.0),
    (lax.bitwise_or, [*INTEGERS, jnp.bool_], 1.0),
    (lax.bitwise_xor, [*INTEGERS, jnp.bool_], 1.0),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.__name__)
def test_operations_on_two_literals_give_the_bits_of_xla(dtype: Any) -> None:
    rows = list(itertools.product(numbers(dtype), numbers(dtype)[::3]))
    for function, dtypes, least in BINARY:
        if dtype in dtypes:
            check_folding(function, rows, least)


UNARY: list[tuple[Callable[..., Any], list[Any], float]] = [
    (lax.neg, REAL, 0.8),
    (lax.abs, SIGNED, 0.8),
    (lax.square, REAL, 0.5),
    (lax.bitwise_not, [*INTEGERS, jnp.bool_], 1.0),
]


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.__name__)
def test_operations_on_one_literal_give_the_bits_of_xla(dtype: Any) -> None:
    rows = [(x,) for x in numbers(dtype)]
    for function, dtypes, least in UNARY:
        if dtype in dtypes:
            check_folding(function, rows, least)


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: d.__name__)
def test_conversions_of_literals_give_the_bits_of_xla(dtype: Any) -> None:
    rows = [(x,) for x in numbers(dtype)]
    for target in DTYPES:
        if target is not dtype:
            convert = partial(lax.convert_element_type, new_dtype=target)
            exact = dtype not in FLOATS and target not in FLOATS
            check_folding(convert, rows, 1.0 if exact else 0.25)


def test_chains_of_literals_fold_in_one_run() -> None:
    def function(x: Any) -> Any:
        scale = lax.mul(lax.add(np.float64(1.0), np.float64(2.0)), np.float64(0.5))
        return lax.mul(x, lax.convert_element_type(lax.neg(scale), x.dtype))

    jaxpr = jax.make_jaxpr(function)(np.float32(2.0)).jaxpr
    (eqn,) = irad_passes.fold(jaxpr).eqns
    assert len(jaxpr.eqns) == 5
    scale = eqn.invars[1]
    assert isinstance(scale, Literal)
    assert bits([scale.val]) == bits([np.float32(-1.5)])


def test_a_weak_result_is_a_weak_literal() -> None:
    jaxpr = jax.make_jaxpr(lambda x: x * 2.0)(1.5).jaxpr
    (eqn,) = jaxpr.eqns
    assert eqn.invars[0].aval.weak_type
    three = scalar_literal(np.float64(1.5), eqn.invars[0].aval)
    jaxpr = jaxpr.replace(eqns=[eqn.replace(invars=[three, eqn.invars[1]])])
    (y,) = irad_passes.fold(jaxpr).outvars
    assert isinstance(y, Literal)
    assert float(y.val) == 3.0
    assert y.aval == eqn.outvars[0].aval


def test_bodies_fold_too() -> None:
    def body(carry: Any, row: Any) -> Any:
        return carry * row, row

    jaxpr = jax.make_jaxpr(lambda x: lax.scan(body, x[0], x))(jnp.ones(3)).jaxpr
    (loop,) = (e for e in jaxpr.eqns if e.primitive.name == "scan")
    inner = loop.params["jaxpr"].jaxpr
    (eqn,) = (e for e in inner.eqns if e.primitive.name == "mul")
    two = literal(np.float64(2.0))
    eqns = [e.replace(invars=[two, two]) if e is eqn else e for e in inner.eqns]
    closed = ClosedJaxpr(inner.replace(eqns=eqns), ())
    loop_of_literals = loop.replace(params={**loop.params, "jaxpr": closed})
    jaxpr = jaxpr.replace(
        eqns=[loop_of_literals if e is loop else e for e in jaxpr.eqns]
    )
    new = irad_passes.fold(jaxpr)
    check_jaxpr(new)
    assert count(new, eqn.primitive) == count(jaxpr, eqn.primitive) - 1


def test_operations_that_numpy_rounds_otherwise_stay() -> None:
    two = literal(np.float64(2.0))
    for function in (lax.exp, lax.log, lax.sin, lax.sqrt, lax.tanh):
        jaxpr = of_literals(function, [(two.val[()],)])
        assert irad_passes.fold(jaxpr) is jaxpr
