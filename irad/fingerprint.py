"""The fingerprint: what a jaxpr computes, as a value that can be compared.

Scalar literals of the outermost equations are kept apart from the rest, so that
programs that differ in a Python number only are found to be of one family.
"""

from __future__ import annotations

import contextvars
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from irad._compat import custom_rules, ir, tracing
from irad._compat.ir import Jaxpr, Literal
from irad.caching import by_jaxpr

SMALL_CONSTANT = 1024
"""An inner constant of at most so many elements is compared by its values."""


MOST_NESTED_RULES = 8
"""Custom rules that call one another are followed so far."""

Settled = Container[ir.Primitive]
"""Primitives whose derivatives follow from their params, today and tomorrow."""


class UnhashableError(Exception):
    """A jaxpr holds something that cannot be compared; it is not remembered."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A jaxpr's ``family``, and the bits of its outermost scalar literals."""

    family: Any
    literals: tuple[bytes, ...]


def fingerprint(jaxpr: Jaxpr, settled: Settled | None = None) -> Fingerprint:
    """Primitives, params, types, dataflow, effects, literals by bits, inner jaxprs.

    Where only ``settled`` primitives may be compared, and no constants, the lines in
    the user's program are told apart too.
    """
    literals: list[bytes] = []
    number: dict[Any, Any] = {}
    for v in (*jaxpr.constvars, *jaxpr.invars):
        number[v] = len(number)
    rows: list[Any] = [len(jaxpr.constvars), *[v.aval for v in number]]
    n = len(number)
    for eqn in jaxpr.eqns:
        operands = [
            _literal(x, literals) if type(x) is Literal else number[x]
            for x in eqn.invars
        ]
        params = eqn.params
        if settled is not None:
            if eqn.primitive not in settled:
                raise UnhashableError
            rows.append(ir.place(eqn))
        key = _key(eqn, params, settled) if params else None
        rows.append((eqn.primitive, key, tuple(operands), eqn.ctx))
        if eqn.effects:
            rows.append(frozenset(eqn.effects))
        for v in eqn.outvars:
            number[v] = n
            n += 1
    rows.append(
        tuple(
            [
                _literal(x, literals) if type(x) is Literal else number[x]
                for x in jaxpr.outvars
            ]
        )
    )
    return Fingerprint(tuple(rows), tuple(literals))


_PLAIN = frozenset((int, bool, str, bytes, type(None), np.dtype, type, ir.Primitive))


def _key(eqn: Any, params: dict[str, Any], settled: Settled | None) -> Any:
    """Params as a value: plain ones as they are, programs by their fingerprints."""
    if eqn.primitive in _CUSTOM:
        return _rule(eqn)
    key = []
    for name, value in params.items():
        kind = type(value)
        key.append(name)
        key.append(value if kind in _PLAIN else _param(value, settled))
    made = tuple(key)
    try:
        hash(made)
    except TypeError:
        raise UnhashableError from None
    return made


_NUMBERS = (float, complex, np.generic)
_VALUES = (type, jax.sharding.Mesh, jax.sharding.AbstractMesh)
_CUSTOM = frozenset((ir.custom_jvp_call_p, ir.custom_vjp_call_p))
_RULES_INSIDE: contextvars.ContextVar[tuple[Any, ...]] = contextvars.ContextVar(
    "rules being compared", default=()
)


def _rule(eqn: Any) -> Any:
    """A custom rule: by its name if nobody can change it, else by what it computes.

    A user's rule is run once for equal equations of a capture, unless it asks for
    numbers.
    """
    name = custom_rules.rule_name(eqn)
    call = _param(eqn.params["call_jaxpr"], None)
    if name is not None and name.settled:
        return (name.key, call)
    known = None if name is None else tracing.rules_of(name.scope)
    if name is None or known is None or _RULES_INSIDE.get():
        return _traced_rule(eqn, name, call)
    key = ("fingerprint", name.key, call)
    try:
        found = known.get(key)
    except TypeError:
        raise UnhashableError from None
    if found is None:
        found = _traced_rule(eqn, name, call)
        if not tracing.rules_ask(name.scope):
            known[key] = found
    return found


def _traced_rule(eqn: Any, name: Any, call: Any) -> Any:
    """A custom rule by what it computes; one that calls itself is entered once."""
    if eqn.params["symbolic_zeros"]:
        raise UnhashableError  # it may do something else for each pattern of zeros
    inside = _RULES_INSIDE.get()
    if name is not None and name.key in inside:
        return ("again", inside.index(name.key), call)
    if len(inside) > MOST_NESTED_RULES:
        raise UnhashableError
    token = _RULES_INSIDE.set((*inside, None if name is None else name.key))
    try:
        programs = [
            (fingerprint(jaxpr), tuple(map(_constant, consts)), zeros)
            for jaxpr, consts, zeros in custom_rules.rule_programs(eqn)
        ]
    except Exception:
        # What is wrong with a rule is said where, and if, it is needed.
        raise UnhashableError from None
    finally:
        _RULES_INSIDE.reset(token)
    return (call, *programs)


def _param(value: Any, settled: Settled | None) -> Any:
    if isinstance(value, _NUMBERS):
        return (type(value), np.asarray(value).tobytes())
    if isinstance(value, (tuple, list)):
        return tuple([v if type(v) in _PLAIN else _param(v, settled) for v in value])
    if isinstance(value, ir.ClosedJaxpr) and ir.is_closed(value):
        if settled is not None and value.consts:
            raise UnhashableError
        consts = tuple(map(_constant, value.consts))
        return (_inner(value.jaxpr, settled), consts)
    if isinstance(value, ir.Jaxpr):
        return _inner(value, settled)
    if isinstance(value, ir.AbstractValue):
        return value
    if callable(value) and not isinstance(value, _VALUES):
        raise UnhashableError  # it may do something else tomorrow
    return value


@by_jaxpr
def _inner(jaxpr: Jaxpr, settled: Settled | None) -> Fingerprint:
    return fingerprint(jaxpr, settled)


def _constant(value: Any) -> Any:
    """A constant inside a jaxpr: by its values if it is small."""
    if ir.is_tracer(value) or not hasattr(value, "dtype"):
        raise UnhashableError
    if ir.is_extended(value.dtype) or value.size > SMALL_CONSTANT:
        raise UnhashableError
    return (ir.typeof(value), np.asarray(value).tobytes())


def _literal(x: Literal, literals: list[bytes]) -> Any:
    """A literal's type in place of a variable's number; its bits go aside."""
    value = np.asarray(x.val)
    if value.ndim:
        return (x.aval, value.tobytes())
    literals.append(value.tobytes())
    return x.aval
