"""Ties: operands that make a program run after the cotangent is known.

What is computed again must not be merged with what was computed before. It is not if
each of its equations that does arithmetic depends on an operand that is itself there
only after the cotangent (``after``). A tied operand may cost a copy: as few bytes as
possible are tied, and weights that only meet tied values are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from irad._compat import ir, mesh
from irad._compat.ir import Atom, Jaxpr, Var
from irad._compat.waiting import after_p
from irad.checkpointing.prices import bytes_of
from irad.cost.operations import MOVES
from irad.emitter import Emitter


def tied_inputs(jaxpr: Jaxpr, known: Sequence[bool]) -> tuple[bool, ...]:
    """Which inputs to tie, among those that are ``known`` before the others.

    Greedily, as for a set cover: the input that reaches the most equations for a byte.
    """
    reached: dict[Var, frozenset[int]] = {
        v: frozenset((i,)) for i, v in enumerate(jaxpr.invars)
    }
    # An equation is the set of inputs that reach it; it is covered by any of them.
    work: list[frozenset[int]] = []
    late = {i for i, k in enumerate(known) if not k}
    for eqn in jaxpr.eqns:
        sources = frozenset[int]().union(
            *(reached.get(x, ()) for x in eqn.invars if type(x) is Var)
        )
        reached.update((y, sources) for y in eqn.outvars)
        if eqn.primitive not in MOVES and sources and sources.isdisjoint(late):
            work.append(sources)
    tied: set[int] = set()
    while work:
        counts: dict[int, int] = {}
        for sources in work:
            for i in sources:
                counts[i] = counts.get(i, 0) + 1
        size = {i: 1 + bytes_of(jaxpr.invars[i].aval) for i in counts}
        best = max(counts, key=lambda i: counts[i] / size[i])
        tied.add(best)
        work = [sources for sources in work if best not in sources]
    return tuple(i in tied for i in range(len(jaxpr.invars)))


def tie(emit: Emitter, x: Atom, witness: Any) -> Atom:
    """A value that is there only after ``witness``; itself where that has no meaning.

    Keys and tokens have no bits to add to, and shards of an array no common witness.
    """
    aval: Any = x.aval
    if not mesh.is_on_one_device(aval) or ir.is_extended(aval.dtype) or not aval.size:
        return x
    return emit.equation(after_p, [x, witness], [aval], {})[0]


def witness_of(given: Sequence[Any]) -> Any | None:
    """A cotangent that others can wait for; None where there is none."""
    return next((c for c in given if c.aval.size), None)
