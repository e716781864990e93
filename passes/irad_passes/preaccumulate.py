"""Preaccumulation: factors that a later input passes through, multiplied beforehand.

Much of what depends on inputs after is linear in them, entry by entry: products with
values before, and sums of these. A chain of such equations is one product with the
product of its factors, which is known before and may be smaller to keep than they are
(Griewank and Walther, Evaluating derivatives, 2008, chapter 10).

    y = (c * u) * v + c * w    becomes    p = u * v + w  (before),  y = c * p

Products are taken in another order, so that results agree to rounding. Only float32 and
float64 are: in narrower types factors may overflow among themselves. No factor is a
mask: what a mask hides may be NaN, which no product with zero hides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax import lax
from jax.core import ShapedArray

from irad_passes._compat import (
    Jaxpr,
    JaxprEqn,
    Literal,
    Primitive,
    Var,
    add_jaxvals_p,
    no_effects,
    scalar_literal,
)
from irad_passes.dce import dce

Atom = Var | Literal
Factors = dict[Var, Atom]

_OF_TERMS: frozenset[Primitive] = frozenset((add_jaxvals_p, lax.add_p, lax.neg_p))
_PRODUCT = {"out_dtype": None}
_TYPES = (np.dtype(np.float32), np.dtype(np.float64))


def joined_sums(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr with sums, signs and multiples of reductions taken before reducing.

    What a loop adds up over the entries of a step is one reduction then.
    """
    uses = Counter(x for eqn in jaxpr.eqns for x in _variables(eqn.invars))
    uses.update(_variables(jaxpr.outvars))
    reductions: dict[Var, JaxprEqn] = {}
    eqns: list[JaxprEqn] = []
    for eqn in jaxpr.eqns:
        terms = {
            x: reductions[x]
            for x in _variables(eqn.invars)
            if x in reductions and uses[x] == 1
        }
        if _may_be_done_before(eqn, terms):
            inside = [_inside(x, terms) for x in eqn.invars]
            like = next(iter(terms.values()))
            total = Var(like.invars[0].aval)
            eqns.append(eqn.replace(invars=inside, outvars=[total]))
            eqn = like.replace(invars=[total], outvars=eqn.outvars)
        if eqn.primitive is lax.reduce_sum_p:
            reductions[eqn.outvars[0]] = eqn
        eqns.append(eqn)
    return dce(jaxpr.replace(eqns=eqns))


def _inside(x: Atom, terms: Mapping[Var, JaxprEqn]) -> Atom:
    """What a reduction reduces, or a number as it is."""
    return x if type(x) is Literal else terms[x].invars[0]


def _may_be_done_before(eqn: JaxprEqn, terms: Mapping[Var, JaxprEqn]) -> bool:
    """Whether an equation of reductions can be one of what they reduce."""
    kinds = [(term.params, term.invars[0].aval) for term in terms.values()]
    if not kinds or any(kind != kinds[0] for kind in kinds):
        return False
    if eqn.primitive is lax.mul_p:
        others = [x for x in eqn.invars if type(x) is Literal]
        return len(others) == 1 and eqn.params == _PRODUCT
    return eqn.primitive in _OF_TERMS and len(terms) == len(eqn.invars)


@dataclass(frozen=True, eq=False)
class Chain:
    """Connected equations that are linear, entry by entry, in what is after.

    ``eqns`` are ids, in no order; ``before`` are so many of the program's inputs.
    """

    eqns: frozenset[int]
    before: int


def chains(jaxpr: Jaxpr, before: int) -> Iterator[Chain]:
    """The chains of more than one equation, the first ``before`` inputs being before.

    Each can be accumulated by itself, or after others.
    """
    after = _after(jaxpr, before)
    found: dict[Var, list[JaxprEqn]] = {}
    for eqn in jaxpr.eqns:
        given = [x for x in _variables(eqn.invars) if x in after]
        if not given or not _is_linear(eqn, given):
            continue
        joined = {id(found[x]): found[x] for x in given if x in found}
        whole, *others = [*joined.values(), [eqn]]
        for part in others:
            whole += part
            found.update((e.outvars[0], whole) for e in part)
        found[eqn.outvars[0]] = whole
    for whole in {id(part): part for part in found.values()}.values():
        if len(whole) > 1:
            yield Chain(frozenset(map(id, whole)), before)


def _after(jaxpr: Jaxpr, before: int) -> set[Var]:
    """The variables that depend on inputs after."""
    found = set(jaxpr.invars[before:])
    for eqn in jaxpr.eqns:
        if not found.isdisjoint(_variables(eqn.invars)):
            found.update(eqn.outvars)
    return found


def _variables(atoms: Sequence[Atom]) -> list[Var]:
    return [x for x in atoms if type(x) is Var]


def _is_number(x: Atom, number: float) -> bool:
    return type(x) is Literal and np.ndim(x.val) == 0 and float(x.val) == number


def _is_plain(aval: Any) -> bool:
    """Whether a type is one whose products are taken, and the same on all devices."""
    return aval.dtype in _TYPES and aval == ShapedArray(
        aval.shape, aval.dtype, weak_type=aval.weak_type
    )


def _is_linear(eqn: JaxprEqn, given: Sequence[Var]) -> bool:
    """Whether an equation is linear in the operands ``given``, of its own type."""
    if eqn.primitive not in _LINEAR:
        return False
    y: Any = eqn.outvars[0].aval
    if not _is_plain(y) or any(x.aval != y for x in given):
        return False
    rest = [x for x in eqn.invars if type(x) is Literal or x not in given]
    if eqn.primitive is lax.mul_p:
        return len(rest) == 1 and eqn.params == _PRODUCT
    if eqn.primitive is lax.div_p:
        return rest == eqn.invars[1:]
    return not rest


def accumulated(jaxpr: Jaxpr, chain: Chain) -> Jaxpr | None:
    """The jaxpr with a chain's factors multiplied before; None where that saves none.

    The chain's results that nothing else reads are gone. What is before comes first.
    """
    after = _after(jaxpr, chain.before)
    eqns = [eqn for eqn in jaxpr.eqns if id(eqn) in chain.eqns]
    rest = [eqn for eqn in jaxpr.eqns if id(eqn) not in chain.eqns]
    read = {x for eqn in rest for x in _variables(eqn.invars)}
    read.update(_variables(jaxpr.outvars))
    products = _Products(after)
    for eqn in eqns:
        products.follow(eqn)
    tails = {y: products.factors[y] for e in eqns for y in e.outvars if y in read}
    made = [x for factors in tails.values() for x in factors.values()]
    separate = {x for eqn in eqns for x in _variables(eqn.invars)} - after
    if sum(type(x) is Var for x in made) >= len(separate):
        return None
    early: list[JaxprEqn] = []
    late: list[JaxprEqn] = []
    for eqn in jaxpr.eqns:
        if id(eqn) not in chain.eqns:
            (early if after.isdisjoint(_variables(eqn.invars)) else late).append(eqn)
        elif eqn.outvars[0] in tails:
            late += _applied(eqn, tails[eqn.outvars[0]])
    return jaxpr.replace(eqns=[*early, *products.eqns, *late])


def _applied(eqn: JaxprEqn, factors: Factors) -> list[JaxprEqn]:
    """A result as the sum of products of variables after with their factors."""
    (y,) = eqn.outvars
    made: list[JaxprEqn] = []

    def emit(primitive: Primitive, x: list[Atom], **params: Any) -> Var:
        made.append(_equation(eqn, primitive, x, Var(y.aval), **params))
        return made[-1].outvars[0]

    terms: list[Atom] = []
    for head, factor in factors.items():
        is_itself = _is_number(factor, 1.0) and len(factors) > 1
        terms.append(head if is_itself else emit(lax.mul_p, [head, factor], **_PRODUCT))
    total = terms[0]
    for term in terms[1:]:
        total = emit(add_jaxvals_p, [total, term])
    made[-1] = made[-1].replace(outvars=[y])
    return made


def _equation(
    like: JaxprEqn, primitive: Primitive, x: list[Atom], y: Var, **params: Any
) -> JaxprEqn:
    """An equation at the place in the program that another has."""
    return like.replace(
        primitive=primitive, invars=x, outvars=[y], params=params, effects=no_effects
    )


class _Products:
    """Factors of a chain's results, and the equations before that compute them."""

    def __init__(self, after: set[Var]) -> None:
        self.factors: dict[Var, Factors] = {}
        self.eqns: list[JaxprEqn] = []
        self._after = after

    def follow(self, eqn: JaxprEqn) -> None:
        """Finds the factors of a result from those of the operands."""
        self._at = eqn
        self.factors[eqn.outvars[0]] = _LINEAR[eqn.primitive](self, eqn)

    def of(self, x: Atom) -> Factors:
        """An operand's factors: one number for a variable that is no chain's result."""
        assert type(x) is Var
        return self.factors.get(x) or {x: self._number(1.0)}

    def scaled(self, eqn: JaxprEqn) -> Factors:
        a, b = eqn.invars
        if type(a) is Literal or a not in self._after:
            a, b = b, a
        return {head: self._times(x, b) for head, x in self.of(a).items()}

    def divided(self, eqn: JaxprEqn) -> Factors:
        a, b = eqn.invars
        found = self.of(a).items()
        return {head: self._emit(lax.div_p, [x, b]) for head, x in found}

    def negated(self, eqn: JaxprEqn) -> Factors:
        return {h: self._minus(x) for h, x in self.of(eqn.invars[0]).items()}

    def added(self, eqn: JaxprEqn) -> Factors:
        a, b = map(self.of, eqn.invars)
        return self._sum(a, b)

    def subtracted(self, eqn: JaxprEqn) -> Factors:
        a, b = map(self.of, eqn.invars)
        return self._sum(a, {head: self._minus(x) for head, x in b.items()})

    # Arithmetic -----------------------------------------------------------------------

    def _sum(self, a: Factors, b: Factors) -> Factors:
        both = {head: self._plus(x, b[head]) for head, x in a.items() if head in b}
        return {**a, **b, **both}

    def _plus(self, x: Atom, y: Atom) -> Atom:
        return self._folded(np.add, x, y) or self._emit(lax.add_p, [x, y])

    def _times(self, x: Atom, y: Atom) -> Atom:
        if _is_number(x, 1.0):
            return y
        return self._folded(np.multiply, x, y) or self._emit(
            lax.mul_p, [x, y], **_PRODUCT
        )

    def _minus(self, x: Atom) -> Atom:
        return self._times(x, self._number(-1.0))

    def _folded(self, function: Callable[..., Any], x: Atom, y: Atom) -> Atom | None:
        """The number that two numbers give."""
        if type(x) is Literal and type(y) is Literal:
            return self._number(function(x.val, y.val))
        return None

    def _number(self, value: Any) -> Literal:
        aval: Any = self._at.outvars[0].aval
        return scalar_literal(value, ShapedArray((), aval.dtype))

    def _emit(self, primitive: Primitive, x: list[Atom], **params: Any) -> Var:
        aval, _ = primitive.abstract_eval(*(v.aval for v in x), **params)
        self.eqns.append(_equation(self._at, primitive, x, Var(aval), **params))
        return self.eqns[-1].outvars[0]


_LINEAR: dict[Primitive, Callable[[_Products, JaxprEqn], Factors]] = {
    lax.mul_p: _Products.scaled,
    lax.div_p: _Products.divided,
    lax.neg_p: _Products.negated,
    lax.add_p: _Products.added,
    add_jaxvals_p: _Products.added,
    lax.sub_p: _Products.subtracted,
}
