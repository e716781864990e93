"""Structure through elementwise equations: columns stay, entries are scaled."""

from __future__ import annotations

from typing import Any

import numpy as np
from jax import lax
from jax import numpy as jnp

from irad._compat import ir
from irad._compat.storing import stored_p
from irad.ellpack.propagation import Equation, Propagation, rule
from irad.ellpack.shapes import masked
from irad.ellpack.terms import Array, Slot, Term, Terms

Given = list[Terms | None]


def fit(x: Array, rank: int) -> Array:
    """A residual as a factor of entries: with the leading axis of a term."""
    return jnp.reshape(x, (1, *(np.shape(x) or [1] * rank)))


def is_case(which: Array, j: int, rank: int) -> Array:
    """Where a selection takes its case ``j``."""
    which = fit(which, rank)
    return which == which.dtype.type(j)


def aligned(walk: Propagation, terms: Terms, shape: tuple[int, ...]) -> Terms:
    """The terms of a rank-0 operand that is stretched to ``shape``."""
    if not terms or terms[0].columns.index.ndim == len(shape) + 1:
        return terms
    rank = len(shape)
    return walk.moved(terms, lambda xp, x: x.reshape(x.shape[0], *[1] * rank))


@rule(lax.neg_p)
def _neg(walk: Propagation, eqn: Equation, given: Given) -> list[Terms]:
    return [walk.scaled(given[0] or (), -1.0)]


@rule(lax.copy_p, lax.optimization_barrier_p, stored_p)
def _same(walk: Propagation, eqn: Equation, given: Given) -> list[Terms]:
    return [terms or () for terms in given]


@rule(lax.convert_element_type_p)
def _convert(walk: Propagation, eqn: Equation, given: Given) -> list[Terms]:
    dtype = eqn.params["new_dtype"]
    return [tuple(_converted(walk, t, dtype) for t in given[0] or ())]


def _converted(walk: Propagation, term: Term, dtype: Any) -> Term:
    value = term.value
    if isinstance(value, Slot):
        make = lambda v: v.astype(dtype)  # noqa: E731
        value = walk.tape.linear(make, value, [], value.shape)
    return Term(term.columns, value)


@rule(lax.mul_p, lax.div_p)
def _scaled(walk: Propagation, eqn: Equation, given: Given) -> list[Terms] | None:
    i = 0 if given[0] is not None else 1
    terms, factor = given[i] or (), eqn.invars[1 - i]
    if given[1 - i] is not None or (eqn.primitive is lax.div_p and i == 1):
        return None
    shape = eqn.outvars[0].aval.shape
    divides = eqn.primitive is lax.div_p
    return [
        tuple(
            Term(t.columns, _scale(walk, t, factor, shape, divides=divides))
            for t in aligned(walk, terms, shape)
        )
    ]


def _scale(
    walk: Propagation, term: Term, factor: Any, shape: tuple[int, ...], *, divides: bool
) -> float | Slot:
    rank = len(shape)
    number, factor = walk.multiple(factor)
    if divides:
        with np.errstate(all="ignore"):
            number = float(1 / np.float64(number))
    value = walk.arithmetic.times(term.value, number)
    if factor is None:
        return value
    if not isinstance(value, Slot):
        entries = (1, *_full_rank(factor.aval.shape, rank))
        if divides:
            return walk.tape.step(
                lambda f: value / fit(f, rank), [], [factor], entries, is_dear=True
            )
        return walk.arithmetic.times(walk.copied(factor, rank), value)
    if not divides:
        return walk.arithmetic.product(value, walk.copied(factor, rank))
    entries = np.broadcast_shapes(
        value.shape, (1, *_full_rank(factor.aval.shape, rank))
    )
    return walk.tape.linear(
        lambda v, f: v / fit(f, rank), value, [factor], entries, is_dear=True
    )


def _full_rank(shape: tuple[int, ...], rank: int) -> tuple[int, ...]:
    return shape if shape or not rank else (1,) * rank


@rule(lax.add_p, ir.add_any_p, lax.sub_p)
def _add(walk: Propagation, eqn: Equation, given: Given) -> list[Terms]:
    shape = eqn.outvars[0].aval.shape
    a, b = (aligned(walk, terms or (), shape) for terms in given)
    if eqn.primitive is lax.sub_p:
        b = walk.scaled(b, -1.0)
    return [walk.merged([*a, *b])]


@rule(lax.select_n_p)
def _select(walk: Propagation, eqn: Equation, given: Given) -> list[Terms] | None:
    which, *cases = eqn.invars
    if given[0] is not None:
        return None
    known = walk.known_value(which)
    shape = eqn.outvars[0].aval.shape
    found: list[Term] = []
    for j in range(len(cases)):
        for term in given[j + 1] or ():
            if known is not None and not term.columns.is_uniform:
                found.append(_masked(walk, term, known == j, shape))
            else:
                found.append(_chosen(walk, term, which, j, eqn.outvars[0].aval))
    return [walk.merged(found)]


def _masked(
    walk: Propagation, term: Term, mask: np.ndarray, shape: tuple[int, ...]
) -> Term:
    mask = np.broadcast_to(mask, shape)[None]
    return Term(walk.columns(masked(term.columns.index, mask)), term.value)


def _chosen(walk: Propagation, term: Term, which: Any, j: int, aval: Any) -> Term:
    rank, dtype = len(aval.shape), aval.dtype
    mask_shape = (1, *_full_rank(which.aval.shape, rank))
    value = term.value
    if not isinstance(value, Slot):
        slot = walk.tape.step(
            lambda m: jnp.where(is_case(m, j, rank), dtype.type(value), dtype.type(0)),
            [],
            [which],
            mask_shape,
            flops=0,
            selected=int(np.prod(mask_shape, dtype=np.int64)),
        )
        return Term(term.columns, slot)
    entries = np.broadcast_shapes(value.shape, mask_shape)
    slot = walk.tape.linear(
        lambda v, m: jnp.where(is_case(m, j, rank), v, jnp.zeros_like(v)),
        value,
        [which],
        entries,
        flops=0,
        selected=int(np.prod(entries, dtype=np.int64)),
    )
    return Term(term.columns, slot)
