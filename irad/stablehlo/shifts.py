"""Shifts that cancel, read back: no slope comes by the maximum in a softmax.

``log(sum(exp(x - m))) + m`` and ``exp(x - m) / sum(exp(x - m))`` are the same for every
``m``; the greatest entry is taken only against overflow. JAX's own functions stop its
gradient, of which nothing is left in a module, and the derivative by it adds up to zero
at the cost of a mask, a count, a division and two sums.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from heapq import heapify, heappop, heappush
from typing import Any

from jax import lax

from irad._compat import ir
from irad._compat.ir import Atom, Jaxpr, JaxprEqn, Literal, Var
from irad.linearization import is_differentiable
from irad.rules.registry import RULES, Constant
from irad_passes.bodies import BODY_PARAMS, BodyRewriter


@dataclass(frozen=True)
class Shifted:
    """How a value follows a shift ``d``: by a term or, if that ``is_factor``, by one.

    It becomes ``x + degree * d`` or ``x * exp(degree * d)``. Along each of its axes
    ``d`` varies as along that one of its own in ``axes``; None where it is constant.
    """

    degree: int
    is_factor: bool
    axes: tuple[int | None, ...]


Operands = Sequence[Shifted | None]
Follow = Callable[[JaxprEqn, Operands], Shifted | None]
"""How a result follows a shift that some operands follow; None for no known way."""


def with_shifts_stopped(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr, in which the gradient stops at maxima that cancel."""
    uses = _Uses(jaxpr)
    stopped = {
        id(shift)
        for eqn in jaxpr.eqns
        if eqn.primitive is lax.reduce_max_p
        and uses.cancel(shift := uses.chosen(eqn.outvars[0]))
    }
    eqns: list[JaxprEqn] = []
    for old in jaxpr.eqns:
        eqn = _INTO_BODIES(old) if old.primitive in BODY_PARAMS else old
        if stopped.isdisjoint(map(id, eqn.outvars)):
            eqns.append(eqn)
        else:
            eqns += _stopped(eqn)
    if all(new is old for new, old in zip(eqns, jaxpr.eqns, strict=False)):
        return jaxpr
    return jaxpr.replace(eqns=eqns, debug_info=jaxpr.debug_info)


_INTO_BODIES = BodyRewriter(with_shifts_stopped)


def _stopped(eqn: JaxprEqn) -> list[JaxprEqn]:
    """An equation of one result, and the one that stops the gradient of it."""
    (y,) = eqn.outvars
    moving = Var(y.aval)
    stop = eqn.replace(
        invars=[moving], primitive=lax.stop_gradient_p, params={}, effects=ir.no_effects
    )
    return [eqn.replace(outvars=[moving]), stop]


class _Uses:
    """Where the values of a program are used."""

    def __init__(self, jaxpr: Jaxpr) -> None:
        self._jaxpr = jaxpr

    @cached_property
    def _users(self) -> dict[int, list[int]]:
        """The places of the equations that read each value and have a derivative."""
        users: dict[int, list[int]] = defaultdict(list)
        for i, eqn in enumerate(self._jaxpr.eqns):
            if _has_derivative(eqn):
                for x in eqn.invars:
                    users[id(x)].append(i)
        return users

    @cached_property
    def _constants(self) -> set[int]:
        """Values that are numbers, in any shape."""
        return {
            id(eqn.outvars[0])
            for eqn in self._jaxpr.eqns
            if eqn.primitive is lax.broadcast_in_dim_p
            and type(eqn.invars[0]) is Literal
        }

    @cached_property
    def _results(self) -> set[int]:
        return set(map(id, self._jaxpr.outvars))

    def chosen(self, x: Var) -> Var:
        """A maximum, or what is chosen by it and by constants alone."""
        users = self._users[id(x)]
        while len(users) == 1 and id(x) not in self._results:
            eqn = self._jaxpr.eqns[users[0]]
            if not self._is_choice(eqn, x):
                break
            (x,) = eqn.outvars
            users = self._users[id(x)]
        return x

    def _is_choice(self, eqn: JaxprEqn, x: Var) -> bool:
        if eqn.primitive not in (lax.max_p, lax.select_n_p):
            return False
        others = [a for a in eqn.invars if a is not x and is_differentiable(a.aval)]
        return all(type(a) is Literal or id(a) in self._constants for a in others)

    def cancel(self, shift: Var) -> bool:
        """Whether no result changes with a value, however that is shifted."""
        axes = tuple(i if n > 1 else None for i, n in enumerate(_shape(shift)))
        known: dict[int, Shifted] = {id(shift): Shifted(1, False, axes)}
        pending = list(self._users[id(shift)])
        heapify(pending)
        # In the order of the equations: each comes after all that it reads.
        done = -1
        while pending:
            i = heappop(pending)
            if i == done:
                continue
            done, eqn = i, self._jaxpr.eqns[i]
            follow = _FOLLOW.get(eqn.primitive)
            found = follow and follow(eqn, [known.get(id(x)) for x in eqn.invars])
            if not found:
                return False
            if found.degree:
                known[id(eqn.outvars[0])] = found
                for user in self._users[id(eqn.outvars[0])]:
                    heappush(pending, user)
        return self._results.isdisjoint(known)


def _has_derivative(eqn: JaxprEqn) -> bool:
    if isinstance(RULES.get(eqn.primitive), Constant):
        return False
    return any(is_differentiable(y.aval) for y in eqn.outvars)


# How results follow -------------------------------------------------------------------


def _joined(
    eqn: JaxprEqn, operands: Operands, *, factors: bool, sign: int = 1
) -> Shifted | None:
    """Terms that are added, or factors that are multiplied, each of the same shift."""
    everywhere = (None,) * len(_shape(eqn.outvars[0]))
    given = [x for x in operands if x is not None]
    # An operand without axes is the same along all of the result's.
    axes = {x.axes or everywhere for x in given}
    if len(axes) > 1 or any(x.is_factor != factors for x in given):
        return None
    a, b = (0 if x is None else x.degree for x in operands)
    return replace(given[0], degree=a + sign * b, axes=axes.pop())


def _mapped(
    eqn: JaxprEqn, operands: Operands, *, factor: bool, to_factor: bool
) -> Shifted | None:
    """A term that becomes a factor, a factor that becomes a term or stays one."""
    del eqn
    (x,) = operands
    if x is None or x.is_factor != factor:
        return None
    return replace(x, is_factor=to_factor)


def _negative(eqn: JaxprEqn, operands: Operands) -> Shifted | None:
    del eqn
    (x,) = operands
    return x if x is None or x.is_factor else replace(x, degree=-x.degree)


def _converted(eqn: JaxprEqn, operands: Operands) -> Shifted | None:
    del eqn
    return operands[0]


def _total(eqn: JaxprEqn, operands: Operands) -> Shifted | None:
    """A common factor comes before a sum."""
    (x,) = operands
    summed = eqn.params["axes"]
    if x is None or not x.is_factor or any(x.axes[i] is not None for i in summed):
        return None
    return replace(x, axes=tuple(a for i, a in enumerate(x.axes) if i not in summed))


def _broadcast(eqn: JaxprEqn, operands: Operands) -> Shifted | None:
    x, shape = operands[0], eqn.params["shape"]
    if x is None:
        return None
    axes: list[int | None] = [None] * len(shape)
    for axis, place in zip(x.axes, eqn.params["broadcast_dimensions"], strict=True):
        axes[place] = axis
    return replace(x, axes=tuple(axes))


def _reshaped(eqn: JaxprEqn, operands: Operands) -> Shifted | None:
    """The same extents, with ones among them in other places."""
    (x,) = operands
    before, after = _shape(eqn.invars[0]), _shape(eqn.outvars[0])
    if x is None or [n for n in before if n != 1] != [n for n in after if n != 1]:
        return None
    moving = iter([a for a, n in zip(x.axes, before, strict=True) if n != 1])
    return replace(x, axes=tuple(None if n == 1 else next(moving) for n in after))


def _shape(x: Atom) -> tuple[int, ...]:
    aval: Any = x.aval
    return aval.shape


_FOLLOW: dict[ir.Primitive, Follow] = {
    lax.abs_p: partial(_mapped, factor=True, to_factor=True),
    lax.add_p: partial(_joined, factors=False),
    lax.broadcast_in_dim_p: _broadcast,
    lax.convert_element_type_p: _converted,
    lax.div_p: partial(_joined, factors=True, sign=-1),
    lax.exp_p: partial(_mapped, factor=False, to_factor=True),
    lax.log_p: partial(_mapped, factor=True, to_factor=False),
    lax.mul_p: partial(_joined, factors=True),
    lax.neg_p: _negative,
    lax.reduce_sum_p: _total,
    lax.reshape_p: _reshaped,
    lax.sub_p: partial(_joined, factors=False, sign=-1),
}
