"""The fingerprint: what a jaxpr computes, as a value that can be compared."""

from __future__ import annotations

from typing import Any

import numpy as np

from irad._compat import ir
from irad._compat.ir import Jaxpr, Literal
from irad.caching import by_jaxpr


class Unhashable(Exception):  # noqa: N818
    """A jaxpr holds something that cannot be compared; it is not remembered."""


def fingerprint(jaxpr: Jaxpr) -> Any:
    """Primitives, params, types, dataflow, literals by bits, and inner jaxprs likewise."""
    number: dict[Any, int] = {}
    for v in (*jaxpr.constvars, *jaxpr.invars):
        number[v] = len(number)
    rows: list[Any] = [len(jaxpr.constvars)]
    rows += [v.aval for v in number]
    for eqn in jaxpr.eqns:
        operands = tuple(
            [
                _literal(x) if type(x) is Literal else number[x]
                for x in eqn.invars
            ]
        )
        params = eqn.params
        try:
            key = tuple(params.items())
            hash(key)
        except TypeError:
            raise Unhashable from None
        if _holds_programs(params):
            key = tuple((name, _param(value)) for name, value in key)
        rows.append((eqn.primitive, key, operands, eqn.ctx))
        for v in eqn.outvars:
            number[v] = len(number)
    rows.append(
        tuple(
            [_literal(x) if type(x) is Literal else number[x] for x in jaxpr.outvars]
        )
    )
    return tuple(rows)


def _holds_programs(params: dict[str, Any]) -> bool:
    for value in params.values():
        kind = type(value)
        if kind in _PLAIN:
            continue
        if kind is tuple:
            if any(type(v) not in _PLAIN for v in value):
                return True
            continue
        return True
    return False


_PLAIN = {int, float, bool, str, type(None), complex, np.dtype}


def _param(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_param, value))
    if isinstance(value, ir.ClosedJaxpr) and hasattr(value, "consts"):
        return (_inner(value.jaxpr), tuple(map(_constant, value.consts)))
    if isinstance(value, ir.Jaxpr):
        return _inner(value)
    if callable(value) and not isinstance(value, type):
        raise Unhashable
    return value


@by_jaxpr
def _inner(jaxpr: Jaxpr) -> Any:
    return fingerprint(jaxpr)


def _constant(value: Any) -> Any:
    if value.size > 1024 or ir.is_tracer(value):
        raise Unhashable
    array = np.asarray(value)
    return (ir.typeof(value), array.tobytes())


def _literal(x: Literal) -> Any:
    value = np.asarray(x.val)
    if value.ndim:
        raise Unhashable
    return (x.aval, value.tobytes())


