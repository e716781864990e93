"""Which equations simplify takes away, and which it must not."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.ad_checkpoint import checkpoint_name
from jax.extend.core import Literal, Primitive
from jax.extend.core import primitives as p

from irad_passes import simplify
from tests.passes.laws import check_laws

# No subnormals: XLA on CPU flushes them in x * 1, which it drops itself when compiled.
SPECIAL = np.asarray([0.0, -0.0, 1.5, -2.0, np.inf, -np.inf, np.nan, 1e300])
x8 = jnp.asarray(SPECIAL)
x24 = jnp.asarray(SPECIAL.reshape(2, 4))
x222 = jnp.asarray(SPECIAL.reshape(2, 2, 2))
n4 = jnp.asarray([0, 1, -7, 2**62])
b4 = jnp.asarray([True, False, True, True])
z4 = jnp.asarray([1 + 2j, complex(np.inf, -0.0), -0.0j, 3.0])
one = np.float64(1.0)

Case = tuple[Callable[..., Any], tuple[Any, ...]]

GONE: dict[str, Case] = {
    "x * 1": (lambda x: lax.mul(x, 1.0), (x8,)),
    "1 * x": (lambda x: lax.mul(1.0, x), (x8,)),
    "x * ones": (lambda x: lax.mul(x, lax.full((8,), one)), (x8,)),
    "x / 1": (lambda x: lax.div(x, 1.0), (x8,)),
    "n * 1": (lambda n: lax.mul(n, 1), (n4,)),
    "n / 1": (lambda n: lax.div(n, 1), (n4,)),
    "n + 0": (lambda n: lax.add(n, 0), (n4,)),
    "n - 0": (lambda n: lax.sub(n, 0), (n4,)),
    "x + -0.0": (lambda x: lax.add(x, -0.0), (x8,)),
    "-0.0 + x": (lambda x: lax.add(-0.0, x), (x8,)),
    "x - 0.0": (lambda x: lax.sub(x, 0.0), (x8,)),
    "x ** 1": (lambda x: lax.integer_pow_p.bind(x, y=1), (x8,)),
    "--x": (lambda x: (lax.neg(lax.neg(x)), lax.neg(x)), (x8,)),
    "not not b": (lambda b: (lax.bitwise_not(lax.bitwise_not(b)), ~b), (b4,)),
    "conj conj z": (lambda z: (lax.conj(lax.conj(z)), lax.conj(z)), (z4,)),
    "real of complex": (lambda x: (lax.real(z := lax.complex(x, x)), z), (x8,)),
    "imag of complex": (lambda x: (lax.imag(z := lax.complex(x, -x)), z), (x8,)),
    "max(x, x)": (lambda x: lax.max(x, x), (x8,)),
    "min(x, x)": (lambda x: lax.min(x, x), (x8,)),
    "b & b": (lambda b: lax.bitwise_and(b, b), (b4,)),
    "b & True": (lambda b: lax.bitwise_and(b, lax.full((4,), True)), (b4,)),
    "n & -1": (lambda n: lax.bitwise_and(n, lax.full((4,), -1)), (n4,)),
    "b | False": (lambda b: lax.bitwise_or(b, lax.full((4,), False)), (b4,)),
    "select of equals": (lambda b, n: lax.select_n(b, n, n), (b4, n4)),
    "select by True": (lambda x: lax.select_n(np.bool_(True), -x, x), (x8,)),
    "select by all False": (
        lambda x: lax.select_n(lax.full((8,), False), x, -x), (x8,)),
    "identity transpose": (lambda x: lax.transpose_p.bind(
        x, permutation=(0, 1)), (x24,)),
    "transposed back": (lambda x: (lax.transpose(y := x.T, (1, 0)), y), (x24,)),
    "cycled back": (lambda x: (lax.transpose(
        y := lax.transpose(x, (1, 2, 0)), (2, 0, 1)), y), (x222,)),
    "same shape": (lambda x: lax.reshape_p.bind(
        x, new_sizes=(8,), dimensions=None, sharding=None), (x8,)),
    "reshaped back": (lambda x: (lax.reshape(y := lax.reshape(x, (8,)), (2, 4)), y),
                      (x24,)),
    "squeezed again": (lambda x: (lax.squeeze(y := lax.expand_dims(x, (0, 2)), (0, 2)),
                                  y), (x24,)),
    "reversed twice": (lambda x: (lax.rev(y := lax.rev(x, (0,)), (0,)), y), (x24,)),
    "reversed nowhere": (lambda x: lax.rev_p.bind(x, dimensions=()), (x8,)),
    "whole slice": (lambda x: lax.slice_p.bind(
        x, start_indices=(0,), limit_indices=(8,), strides=None), (x8,)),
    "whole dynamic slice": (lambda x, i: lax.dynamic_slice(x, (i,), (8,)), (x8, 3)),
    "whole update": (lambda x, i: lax.dynamic_update_slice(x, -x, (i,)), (x8, 3)),
    "no padding": (lambda x: lax.pad_p.bind(x, one, padding_config=((0, 0, 0),)),
                   (x8,)),
    "one part": (lambda x: lax.concatenate_p.bind(x, dimension=0), (x8,)),
    "sum over no axes": (lambda x: lax.reduce_sum_p.bind(
        x, axes=(), out_sharding=None), (x8,)),
    "max over no axes": (lambda x: lax.reduce_max_p.bind(
        x, axes=(), out_sharding=None), (x8,)),
    "copy of a result": (lambda x: lax.copy_p.bind(lax.neg(x)), (x8,)),
}  # fmt: skip


def fewer(case: Case) -> int:
    """How many equations the pass takes away, having checked its laws."""
    function, args = case
    closed = jax.make_jaxpr(function)(*args)
    new = check_laws(simplify, closed.jaxpr, closed.consts, args)
    return len(closed.jaxpr.eqns) - len(new.eqns)


@pytest.mark.parametrize("name", GONE)
def test_identities_go(name: str) -> None:
    assert fewer(GONE[name]) == 1


STAYS: dict[str, Case] = {
    "x + 0.0": (lambda x: lax.add(x, 0.0), (x8,)),
    "x - -0.0": (lambda x: lax.sub(x, -0.0), (x8,)),
    "0.0 - x": (lambda x: lax.sub(0.0, x), (x8,)),
    "1 / x": (lambda x: lax.div(1.0, x), (x8,)),
    "x * 0": (lambda x: lax.mul(x, 0.0), (x8,)),
    "x - x": (lambda x: lax.sub(x, x), (x8,)),
    "x / x": (lambda x: lax.div(x, x), (x8,)),
    "z * 1": (lambda z: lax.mul(z, 1 + 0j), (z4,)),
    "z / 1": (lambda z: lax.div(z, 1 + 0j), (z4,)),
    "z + -0": (lambda z: lax.add(z, complex(-0.0, -0.0)), (z4,)),
    "n | -1": (lambda n: lax.bitwise_or(n, -1), (n4,)),
    "another dtype": (lambda x: lax.convert_element_type(x, jnp.float32), (x8,)),
    "no longer weak": (lambda x: lax.convert_element_type_p.bind(
        x, new_dtype=np.dtype("float64"), weak_type=False, sharding=None), (1.5,)),
    "a copy of an input": (lax.copy_p.bind, (x8,)),
    "select by a value": (lambda b, n: lax.select_n(b, n, n[0] + n), (b4, n4)),
    "zeros of two signs": (lambda b: lax.select_n(b[0], 0.0, -0.0), (b4,)),
    "a transpose": (lambda x: lax.transpose(x, (1, 0)), (x24,)),
    "a cycle twice": (lambda x: lax.transpose(
        lax.transpose(x[None], (1, 2, 0)), (1, 2, 0)), (x24,)),
    "a cycle, then a swap": (lambda x: lax.transpose(
        lax.transpose(x, (1, 2, 0)), (1, 0, 2)), (x222,)),
    "another shape": (lambda x: lax.reshape(lax.reshape(x, (8,)), (4, 2)), (x24,)),
    "reshaped in another order": (lambda x: lax.reshape(
        lax.reshape(x, (8,), dimensions=(1, 0)), (2, 4)), (x24,)),
    "summed after a broadcast": (lambda x: lax.reduce_sum(
        lax.broadcast(x, (1,)), (0,)), (x8,)),
    "reversed twice, otherwise": (lambda x: lax.rev(lax.rev(x, (0,)), (1,)), (x24,)),
    "negative padding": (lambda x: lax.pad(x, 0.0, ((1, -1, 0),)), (x8,)),
    "part of a slice": (lambda x: lax.slice(x, (0,), (7,)), (x8,)),
    "a negated negation of another": (lambda x: lax.neg(lax.abs(lax.neg(x))), (x8,)),
    "a named value": (lambda x: checkpoint_name(x, "x"), (x8,)),
}  # fmt: skip


@pytest.mark.parametrize("name", STAYS)
def test_what_is_no_identity_stays(name: str) -> None:
    assert fewer(STAYS[name]) == 0


@pytest.mark.parametrize(
    ("primitive", "params"),
    [
        (p.convert_element_type_p, {"new_dtype": one.dtype, "weak_type": False}),
        (p.broadcast_in_dim_p, {"shape": (8,), "broadcast_dimensions": (0,)}),
    ],
)
def test_identities_that_tracing_does_not_emit_go(
    primitive: Primitive, params: dict[str, Any]
) -> None:
    closed = jax.make_jaxpr(lax.abs)(x8)
    (eqn,) = closed.jaxpr.eqns
    eqn = eqn.replace(primitive=primitive, params={**params, "sharding": None})
    new = check_laws(simplify, closed.jaxpr.replace(eqns=[eqn]), closed.consts, [x8])
    assert new.eqns == []


def test_outputs_may_become_inputs_and_literals() -> None:
    def function(x: Any) -> Any:
        return lax.mul(x, 1.0), lax.select_n(np.bool_(False), one, x)

    jaxpr = jax.make_jaxpr(function)(np.float64(2.0)).jaxpr
    new = simplify(jaxpr)
    assert new.eqns == []
    same, constant = new.outvars
    assert same is new.invars[0]
    assert isinstance(constant, Literal)
    assert constant.val == 1.0
