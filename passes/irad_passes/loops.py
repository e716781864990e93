"""Counted loops: a ``while`` whose steps are known in number, as a ``scan``.

What a step reads from an array at its own number is a slice of the scan, what it writes
there a result, and what it hands on unchanged a constant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jax import lax

from irad_passes._compat import (
    Jaxpr,
    JaxprEqn,
    Literal,
    Primitive,
    Var,
    jit_p,
    remat_p,
    scan_counts,
)
from irad_passes.bodies import BODY_PARAMS, BodyRewriter, Memo, bodies_of, open_jaxpr
from irad_passes.counting import count_of
from irad_passes.dce import dce
from irad_passes.effects import is_observable, touches_refs, union_of_effects
from irad_passes.inline import inline
from irad_passes.lines import Line, Lines
from irad_passes.scans import Replacement, scan_of

Atom = Var | Literal
Known = tuple[Line | None, ...]

_HAS_LOOPS = Memo()


def as_scans(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr with a scan in the place of each while whose steps can be counted.

    The condition compares a counter with a number, the counter starts from a number and
    each step adds a number to it: literals here, or around the calls and loops that
    hold this one. A counter that leaves its type counts nothing. Loops with effects
    stay as they are.

    An array that is handed on unchanged, and of which each step reads a row further on,
    becomes slices, and one whose rows are all written in this way a stacked result.
    """
    new = _rewritten(jaxpr)
    return new if new is jaxpr else dce(new)


def _rewritten(jaxpr: Jaxpr, known: Known | None = None) -> Jaxpr:
    """The jaxpr with scans, given the inputs that are known numbers."""
    if not _has_loops(jaxpr) or touches_refs(jaxpr):
        return jaxpr
    lines = Lines(0)
    lines.learn(jaxpr.invars, known or [None] * len(jaxpr.invars))
    replaced: dict[int, Atom] = {}
    eqns: list[JaxprEqn] = []
    same = True
    for old in jaxpr.eqns:
        eqn = old
        if not replaced.keys().isdisjoint(map(id, old.invars)):
            eqn = old.replace(invars=[replaced.get(id(x), x) for x in old.invars])
        eqn = _INTO_BODIES(eqn, **_known_inside(eqn, lines))
        made = _scan(eqn, lines) if eqn.primitive is lax.while_p else None
        same = same and made is None and eqn is old
        if made is None:
            eqns.append(eqn)
            lines.follow(eqn)
            continue
        eqns += made.eqns
        replaced.update(made.results)
    if same:
        return jaxpr
    return jaxpr.replace(
        eqns=eqns,
        outvars=[replaced.get(id(x), x) for x in jaxpr.outvars],
        effects=union_of_effects(eqns),
        debug_info=jaxpr.debug_info,
    )


_INTO_BODIES = BodyRewriter(_rewritten)


def _has_loops(jaxpr: Jaxpr) -> bool:
    """Whether a while is here or in a body."""

    def look() -> bool:
        holding = [eqn for eqn in jaxpr.eqns if eqn.primitive in BODY_PARAMS]
        return any(
            eqn.primitive is lax.while_p or any(map(_has_loops, bodies_of(eqn)))
            for eqn in holding
        )

    return _HAS_LOOPS.get(jaxpr, None, look)


def _scan(eqn: JaxprEqn, lines: Lines) -> Replacement | None:
    if is_observable(eqn.effects):
        return None
    body = dce(inline(open_jaxpr(eqn.params["body_jaxpr"])))
    count = count_of(eqn, body, [lines.of(x) for x in eqn.invars])
    return None if count is None else scan_of(eqn, body, count)


def _of_all(eqn: JaxprEqn, numbers: Known) -> dict[str, Known]:
    del eqn
    return {"jaxpr": numbers}


def _of_branches(eqn: JaxprEqn, numbers: Known) -> dict[str, Known]:
    del eqn
    return {"branches": numbers[1:]}


def _of_scan(eqn: JaxprEqn, numbers: Known) -> dict[str, Known]:
    """Constants are known, carries and slices differ from step to step."""
    consts, _ = scan_counts(eqn.params)
    return {"jaxpr": (*numbers[:consts], *(None for _ in numbers[consts:]))}


def _of_while(eqn: JaxprEqn, numbers: Known) -> dict[str, Known]:
    """Constants are known, and so are carries that every step hands on."""
    body = open_jaxpr(eqn.params["body_jaxpr"])
    a, b = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    carries = zip(numbers[a + b :], body.invars[b:], body.outvars, strict=True)
    kept = (x if v is y else None for x, v, y in carries)
    return {"body_jaxpr": (*numbers[a : a + b], *kept)}


_KNOWN: dict[Primitive, Callable[[JaxprEqn, Known], dict[str, Known]]] = {
    jit_p: _of_all,
    remat_p: _of_all,
    lax.cond_p: _of_branches,
    lax.scan_p: _of_scan,
    lax.while_p: _of_while,
}


def _known_inside(eqn: JaxprEqn, lines: Lines) -> dict[str, Any]:
    """What is known of the inputs of an equation's bodies, by their parameter."""
    row = _KNOWN.get(eqn.primitive)
    numbers = tuple(map(lines.of, eqn.invars)) if row else ()
    return row(eqn, numbers) if row and any(numbers) else {}
