"""Inlining: small calls, put in the place of the equation that makes them."""

from __future__ import annotations

from collections import Counter
from functools import lru_cache
from typing import Any

from irad_passes._compat import (
    DropVar,
    Jaxpr,
    JaxprEqn,
    Literal,
    Var,
    called_from,
    is_unspecified,
    jit_p,
    leaves_inlining_to_jax,
)
from irad_passes.bodies import BODY_PARAMS, BodyRewriter, open_jaxpr
from irad_passes.effects import touches_refs, union_of_effects

Atom = Var | Literal

# A body with this many equations costs less as equations than as a call.
_TINY = 8


def inline(jaxpr: Jaxpr, *, max_equations: int = 64, keep_shared: bool = True) -> Jaxpr:
    """The jaxpr with small jit calls replaced by the equations of their bodies.

    A body is small with at most ``max_equations`` equations once its own calls are
    inlined: most calls that ``jax.numpy`` makes have 1 to 20, its largest about 60. A
    body that the jaxpr calls more than once stays a shared call unless it is tiny
    (8 equations, or ``max_equations`` if that is less). Calls with shardings, layouts,
    donated operands or compiler options, and those that ask XLA to keep them, stay.

    Unless ``keep_shared``, a body that is called more than once is treated like others.
    The walk enters large calls, loops, branches and remats, not custom rules.
    """
    if touches_refs(jaxpr):
        return jaxpr
    enter = _into_bodies(max_equations, keep_shared)
    entered = [enter(e) if e.primitive in BODY_PARAMS else e for e in jaxpr.eqns]
    calls = Counter(id(e.params["jaxpr"]) for e in entered if e.primitive is jit_p)
    splicer = _Splicer()
    for eqn in entered:
        if eqn.primitive is jit_p:
            once = calls[id(eqn.params["jaxpr"])] == 1
            alone = once or not keep_shared
            limit = max_equations if alone else min(_TINY, max_equations)
            if _may_be_spliced(eqn, limit):
                splicer.splice(eqn)
                continue
        splicer.keep(eqn)
    if splicer.same_as(jaxpr):
        return jaxpr
    return jaxpr.replace(
        eqns=splicer.eqns,
        outvars=[splicer.read(x) for x in jaxpr.outvars],
        effects=union_of_effects(splicer.eqns),
        debug_info=jaxpr.debug_info,
    )


@lru_cache(maxsize=16)
def _into_bodies(max_equations: int, keep_shared: bool) -> BodyRewriter:
    return BodyRewriter(
        lambda body: inline(body, max_equations=max_equations, keep_shared=keep_shared)
    )


def _may_be_spliced(call: JaxprEqn, limit: int) -> bool:
    params = call.params
    body = open_jaxpr(params["jaxpr"])
    return (
        len(body.eqns) <= limit
        # Values of constants have no place in an open jaxpr.
        and not body.constvars
        and not body.is_high
        and not touches_refs(body)
        and leaves_inlining_to_jax(params["inline"])
        and all(map(is_unspecified, params["in_shardings"]))
        and all(map(is_unspecified, params["out_shardings"]))
        and not any(layout is not None for layout in params["in_layouts"])
        and not any(layout is not None for layout in params["out_layouts"])
        and not any(params["donated_invars"])
        and not params["compiler_options_kvs"]
        and all(map(_same_type, body.invars, call.invars))
        and all(map(_same_type, body.outvars, call.outvars))
    )


def _same_type(a: Atom, b: Atom) -> bool:
    # JAX lets weak types differ between a call and its body.
    return a.aval == b.aval


class _Splicer:
    """The equations of the new jaxpr, and what stands for results of spliced calls."""

    def __init__(self) -> None:
        self.eqns: list[JaxprEqn] = []
        # Keyed by id, so that literals, which have no hash, need no test.
        self._atoms: dict[int, Atom] = {}

    def read(self, x: Atom) -> Atom:
        return self._atoms.get(id(x), x)

    def keep(self, eqn: JaxprEqn) -> None:
        if not self._atoms.keys().isdisjoint(map(id, eqn.invars)):
            eqn = eqn.replace(invars=[self.read(x) for x in eqn.invars])
        self.eqns.append(eqn)

    def splice(self, call: JaxprEqn) -> None:
        """Put the body's equations here, with variables of their own."""
        body = open_jaxpr(call.params["jaxpr"])
        inner: dict[int, Atom] = {
            id(v): self.read(x) for v, x in zip(body.invars, call.invars, strict=True)
        }
        for eqn in body.eqns:
            outvars = [_fresh(y) for y in eqn.outvars]
            self.eqns.append(
                eqn.replace(
                    invars=[inner.get(id(x), x) for x in eqn.invars],
                    outvars=outvars,
                    source_info=called_from(eqn.source_info, call.source_info),
                )
            )
            inner.update(zip(map(id, eqn.outvars), outvars, strict=True))
        for y, x in zip(call.outvars, body.outvars, strict=True):
            self._atoms[id(y)] = inner.get(id(x), x)

    def same_as(self, jaxpr: Jaxpr) -> bool:
        eqns: Any = zip(self.eqns, jaxpr.eqns, strict=False)
        return len(self.eqns) == len(jaxpr.eqns) and all(a is b for a, b in eqns)


def _fresh(y: Var) -> Var:
    return DropVar(y.aval) if isinstance(y, DropVar) else Var(y.aval)
