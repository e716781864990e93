"""Bodies: the jaxprs that an equation holds, made ready to be differentiated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from irad._compat import ir, tracing
from irad._compat.ir import Atom, ClosedJaxpr, Jaxpr, Var
from irad.caching import by_jaxpr
from irad.emitter import Emitter, Snippet, opened, snippet, without_constants
from irad.graph import SplitProgram

__all__ = [
    "code_of",
    "constants",
    "count",
    "lifted",
    "mask",
    "opened",
    "pick",
    "positions",
    "spliced",
    "spread",
    "variables_read",
    "without_constants",
]


def constants(emit: Emitter, closed: ClosedJaxpr) -> list[Atom]:
    """The leading operands of an opened body."""
    return [emit.constant(c) for c in closed.consts]


def lifted(
    emit: Emitter, bodies: Sequence[ClosedJaxpr]
) -> tuple[list[Atom], tuple[ClosedJaxpr, ...]]:
    """Bodies without constants, and the operands that all of them now take first.

    A constant may be a tracer of an outer transformation, which an equation's params
    would hide.
    """
    values = {id(c): c for body in bodies for c in body.consts}
    if not values:
        return [], tuple(bodies)
    made = []
    for body in bodies:
        jaxpr = body.jaxpr
        own = dict(zip(map(id, body.consts), jaxpr.constvars, strict=True))
        leading = [own.get(i) or ir.Var(ir.typeof(c)) for i, c in values.items()]
        inputs = [*leading, *jaxpr.invars]
        made.append(
            ir.closed_jaxpr(
                ir.make_jaxpr_object(inputs, jaxpr.outvars, jaxpr.eqns, "body")
            )
        )
    return [emit.constant(c) for c in values.values()], tuple(made)


def mask(n: int, positions: Sequence[int], shift: int = 0) -> tuple[bool, ...]:
    """Marks some positions among ``n``, each moved by ``shift``."""
    marked = {i + shift for i in positions}
    return tuple(i in marked for i in range(n))


def pick(values: Sequence[Any], marks: Sequence[bool]) -> list[Any]:
    """The marked values."""
    return [x for x, marked in zip(values, marks, strict=True) if marked]


def positions(marks: Sequence[bool]) -> tuple[int, ...]:
    """The positions that are marked."""
    return tuple(i for i, marked in enumerate(marks) if marked)


@by_jaxpr
def code_of(closed: ClosedJaxpr) -> Snippet:
    """A jaxpr as a snippet that takes its inputs and gives its outputs."""
    return snippet(closed.jaxpr, closed.consts, in_place=True)


def spliced(
    emit: Emitter, fun: Callable[..., list[Any]], operands: Sequence[Atom]
) -> list[Any]:
    """Emits the code of a function of values like the operands, on them."""
    jaxpr, consts = tracing.trace(fun, [x.aval for x in operands], "spliced")
    return emit.splice(snippet(jaxpr, consts), operands)


def spread(split: SplitProgram, returned: Sequence[Any]) -> list[Any]:
    """The results of a linear program, with None for those known to be zero."""
    rest = iter(returned)
    return [None if zero else next(rest) for zero in split.zeros]


def count(jaxpr: Jaxpr) -> int:
    """The number of equations, those of inner jaxprs included."""
    total = len(jaxpr.eqns)
    for eqn in jaxpr.eqns:
        for inner in ir.inner_jaxprs(eqn):
            total += count(inner)
    return total


def variables_read(jaxpr: Jaxpr) -> set[Var]:
    """The variables that some equation or output reads."""
    read = {x for eqn in jaxpr.eqns for x in eqn.invars if type(x) is Var}
    return read | {x for x in jaxpr.outvars if type(x) is Var}
