"""Programs that are about to be batched, without what is slow in a batch."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from operator import is_
from typing import Any

import jax
import numpy as np
from jax import lax

from irad._compat import ir
from irad._compat.batched import few_dots_p, few_sum_p, turned_dots_p
from irad._compat.ir import ClosedJaxpr, Jaxpr, JaxprEqn, Primitive, Var
from irad.cost.operations import FUNCTIONS
from irad_passes.bodies import BODY_PARAMS, BodyRewriter

FEW, FEW_COMPUTED, LARGE = 8, 64, 512
"""The most elements in a sum that is written out, of an array in memory and of what is
computed as it is summed, and the least in all such sums."""

TINY = 64
"""The most elements of a matrix that is copied for each tangent: a call of a library
for one takes as long as 25 of them without."""

SHORT = 16
"""Rows of fewer elements are less than a line of the cache. Those of a batch of
products are moved one by one where they stand between others."""

Read = Collection[Var]
Row = tuple[Callable[[JaxprEqn, Read], bool], Primitive]


def for_pushes(program: ClosedJaxpr) -> ClosedJaxpr:
    """A program for a batch of tangents, whose sums of few elements are sums of slices.

    XLA for CPUs has a library add along an axis, whatever its length: for the three
    coordinates of a point, one at a time, and once a batch is broadcast into such a sum
    it takes ten times as long as slices that are added. Of what it computes as it sums,
    an element takes the library 0.5 to 10 nanoseconds, slices 0.3 to 0.9. So are
    products of many small matrices, each with a vector, such products wherever they are
    batched: with a batch of vectors each would be a call of a library, 48 of 8 x 3 with
    6 vectors 24 microseconds in place of 5. What does not depend on a batch stays as it
    is.
    """
    return _for_batches(program, _PUSHED)


def for_pulls(program: ClosedJaxpr) -> ClosedJaxpr:
    """A program for a batch of cotangents, which loops can add up in place.

    The pull of a matrix in a batch of products has the cotangent on the right, and XLA
    puts a batch of these between the rows of the result. The sum over the steps of a
    loop then stands so too, and is copied in each: 1.36 ms for nine of 128 x 384, 0.64
    with the cotangent on the left. Sums over axes are no faster as slices here.
    """
    return _for_batches(program, _PULLED)


def _for_batches(
    program: ClosedJaxpr, rewritten: Callable[[Jaxpr], Jaxpr]
) -> ClosedJaxpr:
    if jax.default_backend() != "cpu":
        return program
    jaxpr = rewritten(program.jaxpr)
    if jaxpr is program.jaxpr:
        return program
    return ir.closed_jaxpr(jaxpr, program.consts)


def _rewriting(rows: Sequence[Row]) -> Callable[[Jaxpr], Jaxpr]:
    """A pass that gives equations the primitive of the first row that they meet."""

    def rewritten(jaxpr: Jaxpr) -> Jaxpr:
        computed = _computed_once(jaxpr)
        eqns = [
            into_bodies(eqn)
            if eqn.primitive in BODY_PARAMS
            else _renamed(eqn, rows, computed)
            for eqn in jaxpr.eqns
        ]
        return jaxpr if all(map(is_, eqns, jaxpr.eqns)) else jaxpr.replace(eqns=eqns)

    into_bodies = BodyRewriter(rewritten)
    return rewritten


def _renamed(eqn: JaxprEqn, rows: Sequence[Row], computed: Read) -> JaxprEqn:
    for applies, primitive in rows:
        if applies(eqn, computed):
            return eqn.replace(primitive=primitive)
    return eqn


def _computed_once(jaxpr: Jaxpr) -> frozenset[Var]:
    """What is computed entry by entry and read once, so that XLA does not store it."""
    read = Counter(x for eqn in jaxpr.eqns for x in eqn.invars if type(x) is Var)
    read.update(x for x in jaxpr.outvars if type(x) is Var)
    made = (v for eqn in jaxpr.eqns if eqn.primitive in FUNCTIONS for v in eqn.outvars)
    return frozenset(v for v in made if read[v] == 1)


def _is_sum_of_tangents(eqn: JaxprEqn, _: Read) -> bool:
    """Whether tangents are added by JAX's primitive for them.

    Of these a batch keeps the axis of the first operand, of arrays that of the second:
    a state to which what was stacked anew is added would be turned, in every step.
    """
    if eqn.primitive is not ir.add_any_p:
        return False
    x: Any = eqn.outvars[0].aval
    return ir.is_inexact(x.dtype)


def _is_short_sum(eqn: JaxprEqn, computed: Read) -> bool:
    if eqn.primitive is not lax.reduce_sum_p:
        return False
    x: Any = eqn.invars[0].aval
    axes = eqn.params["axes"]
    few = FEW_COMPUTED if eqn.invars[0] in computed else FEW
    return (
        len(axes) == 1
        and 1 < x.shape[axes[0]] <= few
        and x.size >= LARGE
        and x.dtype in (np.float32, np.float64)
        and eqn.params["out_sharding"] is None
    )


def _has_tiny_matrices(eqn: JaxprEqn, _: Read) -> bool:
    """Whether many small matrices are each multiplied by a vector."""
    if not _is_product_in_batches(eqn):
        return False
    is_matrix = [bool(axes) for axes in _free(eqn)]
    if is_matrix not in ([True, False], [False, True]):
        return False
    avals: Any = [x.aval for x in eqn.invars]
    which = is_matrix.index(True)
    _, batch = eqn.params["dimension_numbers"]
    count = math.prod(avals[which].shape[axis] for axis in batch[which])
    return count > 1 and 0 < avals[which].size <= TINY * count


def _has_short_rows(eqn: JaxprEqn, _: Read) -> bool:
    """Whether many matrices are multiplied, and the rows of the results are short."""
    return _may_be_turned(eqn) and math.prod(_free(eqn)[1]) < SHORT


def _has_matrices(eqn: JaxprEqn, _: Read) -> bool:
    return _may_be_turned(eqn)


def _may_be_turned(eqn: JaxprEqn) -> bool:
    """Whether many matrices are multiplied, and may be turned first."""
    if not _is_product_in_batches(eqn):
        return False
    precision = eqn.params["precision"]
    is_same = precision is None or isinstance(precision, lax.Precision)
    return all(_free(eqn)) and is_same


def _is_product_in_batches(eqn: JaxprEqn) -> bool:
    if eqn.primitive is not lax.dot_general_p or eqn.params["out_sharding"] is not None:
        return False
    _, batch = eqn.params["dimension_numbers"]
    avals: Any = [x.aval for x in eqn.invars]
    return bool(batch[0]) and all(x.dtype in (np.float32, np.float64) for x in avals)


def _free(eqn: JaxprEqn) -> list[list[int]]:
    """The lengths of the axes of each operand that its product keeps one by one."""
    pairs = zip(*eqn.params["dimension_numbers"], strict=True)
    avals: Any = [x.aval for x in eqn.invars]
    return [
        [n for axis, n in enumerate(x.shape) if axis not in (*contracted, *batch)]
        for x, (contracted, batch) in zip(avals, pairs, strict=True)
    ]


_PUSHED = _rewriting(
    (
        (_is_sum_of_tangents, lax.add_p),
        (_is_short_sum, few_sum_p),
        (_has_tiny_matrices, few_dots_p),
        (_has_short_rows, turned_dots_p),
    )
)
_PULLED = _rewriting(
    (
        (_is_sum_of_tangents, lax.add_p),
        (_has_tiny_matrices, few_dots_p),
        (_has_matrices, turned_dots_p),
    )
)
