"""Sums over the steps of a loop: what a step reads of an array, it adds to in place.

The cotangent of ``x[i]`` is zeros with an update at ``i``. To add it to a sum as large
as ``x`` would cost every step all of ``x``; only the rows at ``i`` are added to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax import lax

from irad._compat import ir, tracing
from irad._compat.ir import Atom, JaxprEqn, Literal
from irad.emitter import Emitter, snippet


def added(
    emit: Emitter, totals: Sequence[Atom], terms: Sequence[Atom | None]
) -> list[Atom]:
    """Emits each total plus its term, in place where that is zeros but for an update.

    A term that is None is a known zero.
    """
    made = {y: eqn for eqn in emit.eqns for y in eqn.outvars}
    return [
        total if c is None else _added(emit, made, total, c)
        for total, c in zip(totals, terms, strict=True)
    ]


def _added(emit: Emitter, made: dict[Any, JaxprEqn], total: Atom, c: Atom) -> Atom:
    eqn = None if type(c) is Literal else made.get(c)
    if eqn is None:
        return emit.add(total, c)
    if eqn.primitive is ir.add_any_p and _is_update(made, eqn):
        for term in eqn.invars:
            total = _added(emit, made, total, term)
        return total
    if eqn.primitive is lax.dynamic_update_slice_p and _is_zero(made, eqn.invars[0]):
        operands = [total, *eqn.invars[1:]]
        jaxpr, consts = tracing.trace(_at_once, [x.aval for x in operands], "added")
        return emit.splice(snippet(jaxpr, consts), operands)[0]
    if eqn.primitive is lax.scatter_add_p and _is_zero(made, eqn.invars[0]):
        operands = [total, *eqn.invars[1:]]
        return emit.equation(eqn.primitive, operands, [total.aval], eqn.params)[0]
    return emit.add(total, c)


_UPDATES = (lax.dynamic_update_slice_p, lax.scatter_add_p)


def _is_update(made: dict[Any, JaxprEqn], eqn: JaxprEqn) -> bool:
    """Whether an update of zeros is a term of a sum."""
    terms = [made[x] for x in eqn.invars if type(x) is not Literal and x in made]
    return any(
        (term.primitive in _UPDATES and _is_zero(made, term.invars[0]))
        or (term.primitive is ir.add_any_p and _is_update(made, term))
        for term in terms
    )


def _is_zero(made: dict[Any, JaxprEqn], x: Atom) -> bool:
    """Whether an array is the zeros that a rule updates."""
    eqn = None if type(x) is Literal else made.get(x)
    if eqn is None or eqn.primitive is not lax.broadcast_in_dim_p:
        return False
    value = eqn.invars[0]
    return type(value) is Literal and value.val == 0


def _at_once(total: Any, c: Any, *start: Any) -> Sequence[Any]:
    before = lax.dynamic_slice_p.bind(total, *start, slice_sizes=c.shape)
    return [lax.dynamic_update_slice_p.bind(total, before + c, *start)]
