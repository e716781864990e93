"""Calls that JAX writes out while it traces, as most functions of ``jax.numpy`` are.

What JAX looks up again at each call is looked up once for each body: its equations are
recorded in a third of the time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from jax._src import util
from jax._src.interpreters import partial_eval as pe
from jax._src.named_sharding import UnspecifiedValue

from irad._compat import ir

_NOWHERE = frozenset((UnspecifiedValue, type(None)))
_PLACES = ("in_shardings", "out_shardings", "in_layouts", "out_layouts")


@dataclass(frozen=True, eq=False)
class Body:
    """Equations over slots: the operands, then the literals, then the results.

    ``steps`` are (primitive, params, operand slots, result types, names around it,
    context); ``outs`` are slots.
    """

    literals: tuple[Any, ...]
    steps: tuple[tuple[Any, Any, tuple[int, ...], tuple[Any, ...], Any, Any], ...]
    outs: tuple[int, ...]


def body_of(primitive: Any, params: dict[str, Any]) -> Body | None:
    """The body of a call that is to be written out; None of any other equation.

    One with constants, effects or mutable types is left to JAX.
    """
    if primitive is not ir.jit_p:
        return None
    inline = params["inline"]
    # A bool in JAX 0.10, one of several ways from 0.11 on.
    if inline is not True and getattr(inline, "name", None) != "JAX_EARLY":
        return None
    if params["compiler_options_kvs"]:
        return None
    for name in _PLACES:
        if not _NOWHERE.issuperset(map(type, params[name])):
            return None
    return _body(params["jaxpr"])


@util.weakref_lru_cache
def _body(closed: Any) -> Body | None:
    jaxpr = closed.jaxpr
    if closed.consts or jaxpr.effects or jaxpr.is_high:
        return None
    slots = {v: i for i, v in enumerate(jaxpr.invars)}
    read = [x for eqn in jaxpr.eqns for x in eqn.invars] + jaxpr.outvars
    literals = {id(x): x for x in read if type(x) is ir.Literal}
    numbers = {key: len(slots) + i for i, key in enumerate(literals)}
    count = len(slots) + len(literals)

    def slot(x: Any) -> int:
        return numbers[id(x)] if type(x) is ir.Literal else slots[x]

    steps = []
    for eqn in jaxpr.eqns:
        operands = tuple(map(slot, eqn.invars))
        slots.update({v: count + j for j, v in enumerate(eqn.outvars)})
        count += len(eqn.outvars)
        avals = tuple(v.aval for v in eqn.outvars)
        names = eqn.source_info.name_stack or None
        steps.append((eqn.primitive, eqn.params, operands, avals, names, eqn.ctx))
    outs = tuple(map(slot, jaxpr.outvars))
    return Body(tuple(literals.values()), tuple(steps), outs)


def record(
    trace: Any,
    tracer: Callable[..., Any],
    body: Body,
    operands: Sequence[Any],
    here: Any,
) -> list[Any]:
    """Records a body applied to ``operands``; ``tracer`` makes its results."""
    slots = list(operands)
    slots += [pe.DynamicJaxprTracer(trace, x.aval, x, here) for x in body.literals]
    for primitive, params, reads, avals, names, ctx in body.steps:
        at = here
        if names is not None:
            at = here.replace(name_stack=here.name_stack + names)
        x = [slots[i] for i in reads]
        if primitive in pe.const_fold_rules:
            folded = pe.try_constant_folding(primitive, x, params, avals)
            if folded is not None:
                pairs = zip(folded, avals, strict=True)
                slots += [trace.new_const(c, at, aval) for c, aval in pairs]
                continue
        results = [ir.Var(aval) for aval in avals]
        eqn = pe.TracingEqn(x, results, primitive, params, ir.no_effects, at, ctx)
        trace.frame.add_eqn(eqn)
        slots += [tracer(trace, v.aval, v, at, eqn) for v in results]
    return [slots[i] for i in body.outs]
