"""Programs that are about to be batched, without what is slow in a batch."""

from __future__ import annotations

import math
from operator import is_
from typing import Any

import jax
import numpy as np
from jax import lax

from irad._compat import ir
from irad._compat.batched import few_dots_p, few_sum_p
from irad._compat.ir import ClosedJaxpr, Jaxpr, JaxprEqn
from irad_passes.bodies import BODY_PARAMS, BodyRewriter

FEW, LARGE = 8, 512
"""The most elements in a sum that is written out, and the least in all such sums."""

TINY = 64
"""The most elements of a matrix that is copied for each tangent: a call of a library
for one takes as long as 25 of them without."""


def for_batches(program: ClosedJaxpr) -> ClosedJaxpr:
    """A program whose sums of few elements are sums of slices wherever it is batched.

    XLA for CPUs has a library add along an axis, whatever its length: for the three
    coordinates of a point, one at a time, and once a batch is broadcast into such a sum
    it takes ten times as long as slices that are added. So are products of many small
    matrices, each with a vector, such products wherever they are batched: with a batch
    of vectors each would be a call of a library, 48 of 8 x 3 with 6 vectors 24
    microseconds in place of 5. What does not depend on a batch stays as it is.
    """
    if jax.default_backend() != "cpu":
        return program
    jaxpr = _rewritten(program.jaxpr)
    if jaxpr is program.jaxpr:
        return program
    return ir.closed_jaxpr(jaxpr, program.consts)


def _rewritten(jaxpr: Jaxpr) -> Jaxpr:
    eqns = [_for_batches(eqn) for eqn in jaxpr.eqns]
    return jaxpr if all(map(is_, eqns, jaxpr.eqns)) else jaxpr.replace(eqns=eqns)


_INTO_BODIES = BodyRewriter(_rewritten)


def _for_batches(eqn: JaxprEqn) -> JaxprEqn:
    if eqn.primitive in BODY_PARAMS:
        return _INTO_BODIES(eqn)
    if _is_sum_of_tangents(eqn):
        return eqn.replace(primitive=lax.add_p)
    if _is_short_sum(eqn):
        return eqn.replace(primitive=few_sum_p)
    if _has_tiny_matrices(eqn):
        return eqn.replace(primitive=few_dots_p)
    return eqn


def _is_sum_of_tangents(eqn: JaxprEqn) -> bool:
    """Whether tangents are added by JAX's primitive for them.

    Of these a batch keeps the axis of the first operand, of arrays that of the second:
    a state to which what was stacked anew is added would be turned, in every step.
    """
    if eqn.primitive is not ir.add_any_p:
        return False
    x: Any = eqn.outvars[0].aval
    return ir.is_inexact(x.dtype)


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


def _has_tiny_matrices(eqn: JaxprEqn) -> bool:
    """Whether many small matrices are each multiplied by a vector."""
    if eqn.primitive is not lax.dot_general_p or eqn.params["out_sharding"] is not None:
        return False
    avals: Any = [x.aval for x in eqn.invars]
    contracted, batch = eqn.params["dimension_numbers"]
    kept = [len(b) + len(c) for b, c in zip(batch, contracted, strict=True)]
    free = [x.ndim - n for x, n in zip(avals, kept, strict=True)]
    if min(free) > 0 or max(free) == 0 or not batch[0]:
        return False
    which = free.index(max(free))
    count = math.prod(avals[which].shape[axis] for axis in batch[which])
    return (
        count > 1
        and 0 < avals[which].size <= TINY * count
        and all(x.dtype in (np.float32, np.float64) for x in avals)
    )
