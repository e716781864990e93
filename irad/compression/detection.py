"""Detection: the patterns of a linear program's outputs, by abstract interpretation.

A linear program takes residuals and tangents (or cotangents). Each of its variables has
the pattern of its dependence on the tangents; of values only those are known that
follow from constants. A pattern covers every nonzero, and may cover more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from irad._compat import ir
from irad._compat.ir import Atom, ClosedJaxpr, JaxprEqn, Literal, Var
from irad.compression.bodies import STRUCTURES
from irad.compression.dependence import RULES
from irad.compression.known import (
    CALLS,
    Scope,
    Value,
    body_of,
    constants,
    is_at_hand,
    known_values,
)
from irad.compression.pattern import Pattern, full, identity, size, zero
from irad.compression.site import Patterns, Site, mixed, shape_of


def detect(
    linear: ClosedJaxpr, tangents: Sequence[Var], known: Mapping[Var, Value]
) -> list[Pattern]:
    """The patterns of all outputs with respect to the tangents, one after the other.

    Args:
        linear: a program that is linear in ``tangents``.
        tangents: those of its inputs that the patterns are about; their elements, in
            this order and row-major, are the columns.
        known: values of other inputs, such as index arrays and masks.

    Returns:
        For each output a pattern that covers its Jacobian for every value of the inputs
        that are not known.
    """
    n = sum(size(shape_of(v)) for v in tangents)
    values = {**known, **constants(linear)}
    given = {v: x for v, x in values.items() if is_at_hand(x)}
    patterns, start = dict[Var, Pattern](), 0
    for v in tangents:
        m = size(shape_of(v))
        patterns[v] = identity(m, start, n)
        start += m
    inputs = [patterns.get(v) for v in linear.jaxpr.invars]
    outs = walk(linear, inputs, Scope(linear.jaxpr, given.get))
    return [
        zero(size(shape_of(v)), n) if p is None else p.merged()
        for v, p in zip(linear.jaxpr.outvars, outs, strict=True)
    ]


@dataclass(frozen=True)
class Detected:
    """Patterns, and the given values that they hold for.

    ``read`` are the variables whose values were looked at: with other contents the
    patterns may be others.
    """

    patterns: list[Pattern]
    read: tuple[Var, ...]


def detect_split(
    forward: ClosedJaxpr,
    residuals: Sequence[Atom],
    linear: ClosedJaxpr,
    values: Mapping[Var, Any],
) -> Detected:
    """The patterns of a linear program whose residuals another program computes.

    ``residuals`` are variables of ``forward``, in the order in which ``linear`` takes
    them before its tangents; ``values`` are values of inputs of ``forward``, such as
    the constants that a function closes over.
    """
    given = {**values, **constants(forward)}
    found = known_values(forward.jaxpr, given, residuals)
    r = len(residuals)
    pairs = zip(linear.jaxpr.invars[:r], residuals, strict=True)
    known = {v: found.values[x] for v, x in pairs if x in found.values}
    read = tuple(v for v in found.read if v in values)
    return Detected(detect(linear, linear.jaxpr.invars[r:], known), read)


def walk(closed: ClosedJaxpr, inputs: Patterns, scope: Scope) -> list[Pattern | None]:
    """The patterns of a jaxpr's outputs, from those of its inputs."""
    jaxpr = closed.jaxpr
    env = {v: p for v, p in zip(jaxpr.invars, inputs, strict=True) if p is not None}
    if any(eqn.effects for eqn in jaxpr.eqns):
        return _everywhere(jaxpr.outvars, list(env.values()))
    for eqn in jaxpr.eqns:
        patterns = [None if type(x) is Literal else env.get(x) for x in eqn.invars]
        if all(p is None for p in patterns):
            continue
        found = zip(eqn.outvars, _results(eqn, patterns, scope), strict=True)
        env.update({v: p for v, p in found if p is not None and _moves(v, p)})
    return [None if type(x) is Literal else env.get(x) for x in jaxpr.outvars]


def _moves(v: Any, p: Pattern) -> bool:
    """Whether a variable depends on a tangent: integers do not."""
    return bool(p.sets.nnz) and ir.is_inexact(v.aval.dtype)


def _everywhere(
    outs: Sequence[Atom], patterns: Sequence[Pattern]
) -> list[Pattern | None]:
    """All outputs depend on all inputs: a program that may write into arrays."""
    if not patterns:
        return [None] * len(outs)
    columns = patterns[0].widened(*patterns[1:]).used_columns()
    n = patterns[0].shape[1]
    return [full(size(shape_of(v)), columns, n) for v in outs]


def _results(eqn: JaxprEqn, patterns: Patterns, scope: Scope) -> Patterns:
    """The patterns of an equation's results, at least one operand having one."""
    structure = STRUCTURES.get(eqn.primitive)
    if structure is not None:
        return structure(eqn, patterns, scope, walk)
    if eqn.primitive in CALLS:
        body = body_of(eqn)
        return walk(body, patterns, scope.inner(eqn, body))
    site = Site(eqn, patterns, lambda i: scope.value(eqn.invars[i]))
    return RULES.get(eqn.primitive, mixed)(site)
