"""Programs that are about to be batched, without what is slow in a batch."""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np
from jax import lax

from irad._compat import ir
from irad._compat.ir import ClosedJaxpr, Jaxpr, JaxprEqn
from irad.emitter import Snippet, Spliced, snippet, with_snippets
from irad.linear_map import Array
from irad_passes.bodies import BodyRewriter

FEW, LARGE = 8, 512
"""The most elements in a sum that is written out, and the least in all such sums."""


def for_batches(program: ClosedJaxpr) -> ClosedJaxpr:
    """A program whose sums of few elements are sums of slices wherever it is batched.

    XLA for CPUs has a library add along an axis, whatever its length: for the three
    coordinates of a point, one at a time, and once a batch is broadcast into such a sum
    it takes ten times as long as slices that are added. What does not depend on a batch
    stays as it is.
    """
    if jax.default_backend() != "cpu":
        return program
    jaxpr = _rewritten(program.jaxpr)
    if jaxpr is program.jaxpr:
        return program
    return ir.closed_jaxpr(jaxpr, program.consts)


def _rewritten(jaxpr: Jaxpr) -> Jaxpr:
    return with_snippets(_with_plain_sums(jaxpr), _slices, _INTO_BODIES)


_INTO_BODIES = BodyRewriter(_rewritten)


def _with_plain_sums(jaxpr: Jaxpr) -> Jaxpr:
    """A program whose sums of tangents are sums of arrays.

    Of these a batch keeps the axis of the first operand, of those that of the second: a
    state to which what was stacked anew is added would be turned, in every step.
    """
    if not any(map(_is_sum_of_tangents, jaxpr.eqns)):
        return jaxpr
    return jaxpr.replace(
        eqns=[
            eqn.replace(primitive=lax.add_p) if _is_sum_of_tangents(eqn) else eqn
            for eqn in jaxpr.eqns
        ]
    )


def _is_sum_of_tangents(eqn: JaxprEqn) -> bool:
    if eqn.primitive is not ir.add_any_p:
        return False
    x: Any = eqn.outvars[0].aval
    return ir.is_inexact(x.dtype)


def _slices(eqn: JaxprEqn) -> Spliced | None:
    if not _is_short_sum(eqn):
        return None
    return _code(eqn.invars[0].aval, *eqn.params["axes"]), eqn.invars


def _is_short_sum(eqn: JaxprEqn) -> bool:
    if eqn.primitive is not lax.reduce_sum_p:
        return False
    x: Any = eqn.invars[0].aval
    axes = eqn.params["axes"]
    return (
        len(axes) == 1
        and 1 < x.shape[axes[0]] <= FEW
        and x.size >= LARGE
        and x.dtype in (np.float32, np.float64)
        and eqn.params["out_sharding"] is None
    )


@functools.cache
def _code(aval: Any, axis: int) -> Snippet:
    made = jax.make_jaxpr(_sum(axis))(jax.ShapeDtypeStruct(aval.shape, aval.dtype))
    return snippet(made.jaxpr, made.consts)


@functools.cache
def _sum(axis: int) -> Any:
    """A sum along an axis, which a batch turns into one of slices."""

    @jax.custom_batching.custom_vmap
    def total(x: Array) -> Array:
        return lax.reduce_sum(x, (axis,))

    @total.def_vmap
    def of_batch(size: int, is_batched: Any, x: Array) -> tuple[Array, bool]:
        del size, is_batched
        parts = [
            lax.index_in_dim(x, i, axis + 1, keepdims=False)
            for i in range(x.shape[axis + 1])
        ]
        return functools.reduce(lax.add, parts), True

    del of_batch
    return total
