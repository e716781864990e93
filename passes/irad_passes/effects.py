"""Effects: which equations a pass may drop, merge or move."""

from __future__ import annotations

from collections.abc import Iterable

from jax import lax

from irad_passes._compat import (
    Effect,
    Effects,
    Jaxpr,
    JaxprEqn,
    JaxprInputEffect,
    NamedAxisEffect,
    Primitive,
    no_effects,
    optimization_barrier_p,
)
from irad_passes.bodies import BODY_PARAMS, Memo, bodies_of

# A draw differs from call to call, and a barrier is there to keep passes out.
_STAYS: frozenset[Primitive] = frozenset((lax.rng_uniform_p, optimization_barrier_p))

_PURE, _DRAWS = Memo(), Memo()


def union_of_effects(eqns: Iterable[JaxprEqn]) -> Effects:
    """The effects of a jaxpr of these equations."""
    effects = [eqn.effects for eqn in eqns if eqn.effects]
    return frozenset[Effect]().union(*effects) if effects else no_effects


def touches_refs(jaxpr: Jaxpr) -> bool:
    """Whether equations of this jaxpr read or write mutable arrays.

    Order and number of such equations are meaning, though no dataflow shows it: every
    pass leaves such a jaxpr as it is.
    """
    return _names_inputs(jaxpr.effects) or any(
        _names_inputs(eqn.effects) for eqn in jaxpr.eqns if eqn.effects
    )


def _names_inputs(effects: Effects) -> bool:
    return any(isinstance(effect, JaxprInputEffect) for effect in effects)


def is_observable(effects: Effects) -> bool:
    """Whether someone could tell that an equation was not run.

    Naming a mesh axis is an effect in JAX's book-keeping only.
    """
    return any(not isinstance(effect, NamedAxisEffect) for effect in effects)


def is_pure(eqn: JaxprEqn) -> bool:
    """Whether an equation may be moved, or run once in the place of twice."""
    if eqn.effects or eqn.primitive in _STAYS:
        return False
    return eqn.primitive not in BODY_PARAMS or all(map(_is_pure_body, bodies_of(eqn)))


def _is_pure_body(body: Jaxpr) -> bool:
    return _PURE.get(body, None, lambda: all(map(is_pure, body.eqns)))


def draws_anew(eqn: JaxprEqn) -> bool:
    """Whether an equation would draw other numbers if it ran again: it has no key."""
    return eqn.primitive is lax.rng_uniform_p or any(map(_holds_draws, bodies_of(eqn)))


def _holds_draws(body: Jaxpr) -> bool:
    return _DRAWS.get(body, None, lambda: any(map(draws_anew, body.eqns)))
