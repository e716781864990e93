"""Bodies: the jaxprs that an equation holds, made ready to be differentiated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from irad._compat import ir
from irad._compat.ir import Atom, ClosedJaxpr, Jaxpr
from irad.caching import by_jaxpr
from irad.emitter import Emitter, Snippet, snippet
from irad.graph import SplitProgram


@by_jaxpr
def opened(closed: ClosedJaxpr) -> Jaxpr:
    """A closed jaxpr with its constants as leading inputs."""
    jaxpr = closed.jaxpr
    if not jaxpr.constvars:
        return jaxpr
    return ir.make_jaxpr_object(
        [*jaxpr.constvars, *jaxpr.invars], jaxpr.outvars, jaxpr.eqns, "body"
    )


def constants(emit: Emitter, closed: ClosedJaxpr) -> list[Atom]:
    """The leading operands of an opened body."""
    return [emit.constant(c) for c in closed.consts]


def mask(n: int, positions: Sequence[int], shift: int = 0) -> tuple[bool, ...]:
    """Marks some positions among ``n``, each moved by ``shift``."""
    marked = {i + shift for i in positions}
    return tuple(i in marked for i in range(n))


def positions(marks: Sequence[bool]) -> tuple[int, ...]:
    """The positions that are marked."""
    return tuple(i for i, marked in enumerate(marks) if marked)


@by_jaxpr
def code_of(closed: ClosedJaxpr) -> Snippet:
    """A jaxpr as a snippet that takes its inputs and gives its outputs."""
    return snippet(closed.jaxpr, closed.consts)


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
