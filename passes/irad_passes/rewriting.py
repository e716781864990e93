"""The walk of every pass that replaces results by earlier values."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from irad_passes._compat import DropVar, Jaxpr, JaxprEqn, Literal, Var
from irad_passes.bodies import BODY_PARAMS
from irad_passes.effects import is_pure, touches_refs, union_of_effects

Atom = Var | Literal


def replace_results(
    jaxpr: Jaxpr,
    replacement: Callable[[JaxprEqn], Sequence[Atom] | None],
    enter: Callable[[JaxprEqn], JaxprEqn],
) -> Jaxpr:
    """The jaxpr without the equations for whose results there is a replacement.

    ``replacement`` sees every pure equation in order, with its operands replaced, and
    returns one atom a result, or None to keep the equation. What it returns must be in
    scope there. A replacement of another type (weak types and shardings count) is not
    taken. ``enter`` rewrites bodies, and has done so before ``replacement`` looks.
    """
    if touches_refs(jaxpr):
        return jaxpr
    # Keyed by id, so that literals, which have no hash, need no test.
    replaced: dict[int, Atom] = {}
    eqns: list[JaxprEqn] = []
    same = True
    for old in jaxpr.eqns:
        eqn = _read(old, replaced) if replaced else old
        if eqn.primitive in BODY_PARAMS:
            eqn = enter(eqn)
        atoms = replacement(eqn) if is_pure(eqn) else None
        if atoms is not None and _same_types(eqn.outvars, atoms):
            replaced.update(zip(map(id, eqn.outvars), atoms, strict=True))
            continue
        eqns.append(eqn)
        same = same and eqn is old
    if same and not replaced:
        return jaxpr
    return jaxpr.replace(
        eqns=eqns,
        outvars=[replaced.get(id(x), x) for x in jaxpr.outvars],
        effects=union_of_effects(eqns),
        debug_info=jaxpr.debug_info,
    )


def _read(eqn: JaxprEqn, replaced: dict[int, Atom]) -> JaxprEqn:
    if replaced.keys().isdisjoint(map(id, eqn.invars)):
        return eqn
    return eqn.replace(invars=[replaced.get(id(x), x) for x in eqn.invars])


def _same_types(results: Sequence[Var], atoms: Sequence[Atom]) -> bool:
    return all(
        y.aval == x.aval or isinstance(y, DropVar)
        for y, x in zip(results, atoms, strict=True)
    )
