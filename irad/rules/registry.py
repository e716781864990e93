"""The rule interface: one rule per primitive, and the ways to write one.

=================  ====================================================================
``elementwise``    one partial for each operand, as an expression of result and operands
``linear``         the primitive is linear in each of some operands, the others fixed
                   (a product is linear in either factor): one transpose for each
``joint``          the primitive is linear in several operands together (concatenate)
``constant``       the derivative is zero, with the reason
``written_out``    the tangent of the results as a composite of other primitives
``rewritten``      the primitive itself as a composite, which is then differentiated
``replaced``       results and local Jacobian computed together, in its place
``by_case``        one of the above, chosen by params and activity
=================  ====================================================================

The last three are for primitives whose results do not say enough about the derivative
(the permutation of a sort) or whose derivative JAX takes of another program.

A rule says what the local Jacobian is; forward mode pushes through it, reverse mode
pulls back, so nothing is written twice. Rules are ordinary ``lax`` code. They are
traced once for each kind of equation and never see a graph, a plan or the interface.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from irad._compat import ir
from irad.linear_map import (
    Apply,
    Array,
    Blocks,
    Divide,
    Identity,
    Joint,
    LinearMap,
    Negate,
    Params,
    Scale,
    Select,
)


@dataclass(frozen=True, eq=False)
class Equation:
    """What a rule sees of an equation: operands, results, params, what is active.

    ``x`` and ``y`` are tuples of arrays, ``active`` the positions of the operands that
    carry a tangent.
    """

    primitive: Any
    x: tuple[Array, ...]
    y: tuple[Array, ...]
    params: Params
    active: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Jacobian:
    """A rule that gives the local Jacobian as blocks or as one joint map."""

    kind: str
    make: Callable[[Equation], Blocks | Joint]


@dataclass(frozen=True, eq=False)
class Constant:
    """A rule that says the derivative is zero, and why."""

    reason: str


@dataclass(frozen=True, eq=False)
class WrittenOut:
    """A rule that writes the results' tangents with other primitives.

    ``tangent(y, x, t, **params)``; ``y`` and the returned tangent are tuples for a
    primitive with several results; None in ``t`` or in the return is a zero.
    """

    tangent: Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Rewritten:
    """A rule that writes the primitive with others, which are then differentiated.

    ``program(*x, **params)`` gives the result, or a tuple of them.
    """

    program: Callable[..., Any]


@dataclass(frozen=True, eq=False)
class Replaced:
    """A rule that computes the results itself, together with the local Jacobian.

    ``make(eqn)`` gives both, of an equation whose ``y`` is empty.
    """

    kind: str
    make: Callable[[Equation], tuple[Sequence[Array], Blocks | Joint]]


Rule = Jacobian | Constant | WrittenOut | Rewritten | Replaced


@dataclass(frozen=True, eq=False)
class Cases:
    """A choice among rules: ``choose(params, operand types, active positions)``.

    None stands for the rule that JAX has for the primitive.
    """

    choose: Callable[[dict[str, Any], Sequence[Any], tuple[int, ...]], Rule | None]


RULES: dict[Any, Rule | Cases] = {}
UNSUPPORTED: dict[Any, str] = {}
"""Primitives without a rule, and why: on an active path they raise NoRuleError."""


def register(primitive: Any, rule: Rule | Cases) -> None:
    """Enters a rule in the table; a second rule for a primitive is an error."""
    if primitive in RULES or primitive in UNSUPPORTED:
        raise ValueError(f"a second rule for primitive {primitive}")
    RULES[primitive] = rule


# Partials that are no expression ------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Over:
    """The partial ``1 / divisor``, applied by dividing, as JAX does for log and div."""

    divisor: Array


@dataclass(frozen=True, eq=False)
class Where:
    """The partial 1 where ``mask`` holds, applied by selecting; elsewhere 0, or -1."""

    mask: Array
    elsewhere: Literal[0, -1] = 0


class Unit:
    """The partials 1 and -1, which cost nothing."""

    def __init__(self, sign: int) -> None:
        self.sign = sign


ONE = Unit(1)
MINUS_ONE = Unit(-1)
Partial = Callable[..., Any] | Unit | None


def elementwise(primitive: Any, *partials: Partial) -> None:
    """Registers an elementwise primitive by one partial for each operand.

    A partial is ``ONE``, ``MINUS_ONE``, None (zero), or a function of the result and
    the operands, ``lambda y, x: ...``, that returns an array, ``Over(d)``,
    ``Where(mask)``, one of the former, or a tuple of them: a product that is not
    multiplied out, so that a tangent meets its factors from left to right. Every array
    has the shape of the result, or broadcasts to it. A partial that reads params names
    them as keyword-only
    arguments: ``lambda y, x, *, exponent: ...``.

    >>> elementwise(lax.sin_p, lambda y, x: lax.cos(x))  # doctest: +SKIP
    """
    read = [_params_read(p) for p in partials]

    def make(eqn: Equation) -> Blocks:
        return Blocks((tuple(block(eqn, i) for i in eqn.active),))

    def block(eqn: Equation, i: int) -> LinearMap | None:
        partial: Any = partials[i]
        if callable(partial):
            params = {name: eqn.params[name] for name in read[i]}
            partial = partial(eqn.y[0], *eqn.x, **params)
        domain = ir.tangent_aval(ir.typeof(eqn.x[i]))
        return as_map(partial, domain, ir.tangent_aval(ir.typeof(eqn.y[0])))

    register(primitive, Jacobian("elementwise", make))


def _params_read(partial: Any) -> tuple[str, ...]:
    """The params that a partial names as keyword-only arguments."""
    if not callable(partial):
        return ()
    parameters = inspect.signature(partial).parameters.values()
    return tuple(p.name for p in parameters if p.kind is p.KEYWORD_ONLY)


def as_map(partial: Any, domain: Any, codomain: Any) -> LinearMap | None:
    """The map of one partial of an elementwise primitive."""
    match partial:
        case None:
            return None
        case Unit():
            kind = Identity if partial.sign > 0 else Negate
            return kind(domain, codomain)
        case Over(divisor):
            return Divide(domain, codomain, divisor)
        case Where(mask, elsewhere):
            return Select(domain, codomain, elsewhere, mask)
        case (first, *rest):
            J: Any = as_map(first, domain, codomain)
            for factor in rest:
                J = as_map(factor, codomain, codomain) @ J
            return J
        case _:
            return Scale(domain, codomain, partial)


def linear(primitive: Any, *transposes: Callable[[Array, Apply], Array] | None) -> None:
    """Registers a primitive that is linear in each of some operands, the others fixed.

    ``transposes[i](c, J)`` is the transpose in operand ``i``, None where the primitive
    is not linear in it (indices); operands beyond the last one given are not linear.

    >>> linear(lax.reshape_p, lambda c, J: lax.reshape(c, J.domain.shape))
    ... # doctest: +SKIP
    """
    register(primitive, linear_in(*transposes))


def linear_in(*transposes: Callable[[Array, Apply], Array] | None) -> Jacobian:
    """The rule that ``linear`` registers, for a primitive that has it in some cases."""

    def make(eqn: Equation) -> Blocks:
        codomain = ir.tangent_aval(ir.typeof(eqn.y[0]))
        return Blocks((tuple(block(eqn, i, codomain) for i in eqn.active),))

    def block(eqn: Equation, i: int, codomain: Any) -> LinearMap | None:
        transpose = transposes[i] if i < len(transposes) else None
        if transpose is None:
            return None
        others = tuple(None if j == i else x for j, x in enumerate(eqn.x))
        domain = ir.tangent_aval(ir.typeof(eqn.x[i]))
        return Apply(domain, codomain, others, eqn.primitive, eqn.params, i, transpose)

    return Jacobian("linear", make)


def joint(
    primitive: Any,
    transpose: Callable[[Any, Joint], Sequence[Array | None]],
    operands: Callable[[int], bool] = lambda position: True,
) -> None:
    """Registers a primitive that is linear in several operands together.

    ``operands(i)`` says whether operand ``i`` is one of them; ``transpose(c, J)`` gives
    a cotangent, or None, for every operand of the primitive.
    """
    register(primitive, jointly(transpose, operands))


def jointly(
    transpose: Callable[[Any, Joint], Sequence[Array | None]],
    operands: Callable[[int], bool] = lambda position: True,
) -> Jacobian:
    """The rule that ``joint`` registers, for a choice among rules."""

    def make(eqn: Equation) -> Joint:
        is_linear = [operands(i) for i in range(len(eqn.x))]
        pairs = list(zip(eqn.x, is_linear, strict=True))
        return Joint(
            eqn.primitive,
            eqn.params,
            tuple(ir.tangent_aval(ir.typeof(x)) if lin else None for x, lin in pairs),
            tuple(i for i in eqn.active if is_linear[i]),
            tuple(None if lin else x for x, lin in pairs),
            transpose,
        )

    return Jacobian("linear", make)


def constant(primitive: Any, reason: str) -> None:
    """Registers a primitive whose derivative is zero wherever it exists."""
    register(primitive, Constant(reason))


def unsupported(primitive: Any, reason: str) -> None:
    """Says why a primitive has no rule; another's rule for it is then an error."""
    if primitive in RULES:
        raise ValueError(f"primitive {primitive} has a rule")
    UNSUPPORTED[primitive] = reason


def written_out(primitive: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers the tangent of a primitive, written with other primitives.

    The function takes ``(y, x, t, **params)`` and must be linear in ``t``: irad splits
    it into what depends on ``t`` and what does not, and transposes the former by the
    rules of the primitives in it.
    """

    def add(tangent: Callable[..., Any]) -> Callable[..., Any]:
        register(primitive, WrittenOut(tangent))
        return tangent

    return add


def rewritten(primitive: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers a primitive by a program of other primitives with the same results.

    The program takes the primitive's place wherever the primitive is differentiated.
    """

    def add(program: Callable[..., Any]) -> Callable[..., Any]:
        register(primitive, Rewritten(program))
        return program

    return add


def replaced(primitive: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers a primitive by results and local Jacobian: ``make(eqn) -> (y, J)``."""

    def add(make: Callable[..., Any]) -> Callable[..., Any]:
        register(primitive, Replaced("replaced", make))
        return make

    return add


def by_case(primitive: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers a primitive whose rule depends on params, types and activity."""

    def add(choose: Callable[..., Any]) -> Callable[..., Any]:
        register(primitive, Cases(choose))
        return choose

    return add
