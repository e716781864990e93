"""Common subexpressions: equal equations, computed once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from irad_passes._compat import (
    DropVar,
    Jaxpr,
    JaxprEqn,
    Literal,
    Primitive,
    Var,
    remat_p,
)
from irad_passes.bodies import BodyRewriter
from irad_passes.keys import equation_key
from irad_passes.rewriting import Atom, replace_results

# To compute it twice is what a remat is for.
_KEPT: frozenset[Primitive] = frozenset((remat_p,))


def cse(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr with each computation done once, in its bodies too.

    Two pure equations are the same when primitive, parameters, context and operands
    are; literals are compared by type and bits. Sub-programs are compared by identity.
    Equations with effects, with parameters that have no hash, remats and barriers stay.
    """
    # Exact keys are made only for equations that look alike.
    alike: dict[Hashable, JaxprEqn] = {}
    seen: dict[Hashable, list[Var]] = {}

    def earlier(eqn: JaxprEqn) -> Sequence[Atom] | None:
        if eqn.primitive in _KEPT:
            return None
        look = (eqn.primitive, *[_name(x) for x in eqn.invars])
        first = alike.setdefault(look, eqn)
        if first is eqn:
            return None
        seen.setdefault(equation_key(first), first.outvars)
        key = equation_key(eqn)
        results = seen.setdefault(key, eqn.outvars)
        if key is None or results is eqn.outvars:
            return None
        if _covers(results, eqn.outvars):
            return results
        seen[key] = eqn.outvars
        return None

    return replace_results(jaxpr, earlier, _INTO_BODIES)


def _name(x: Atom) -> int:
    return 0 if type(x) is Literal else id(x)


def _covers(results: Sequence[Var], wanted: Sequence[Var]) -> bool:
    """Whether every wanted result was bound to a variable the first time."""
    return not any(
        isinstance(y, DropVar) and not isinstance(w, DropVar)
        for y, w in zip(results, wanted, strict=True)
    )


_INTO_BODIES = BodyRewriter(cse)
