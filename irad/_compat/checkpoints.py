"""``jax.checkpoint``: what a policy decides, and which effects may be run again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax._src import core
from jax._src.effects import remat_allowed_effects
from jax._src.interpreters import partial_eval

from irad._compat import ir

__all__ = ["Policy", "Spaces", "decision", "forbidden_effects", "moved"]

Policy = Callable[..., Any]
Spaces = tuple[Any, Any]
"""The memory spaces that a value is offloaded from and to."""


def decision(policy: Policy, eqn: ir.JaxprEqn) -> bool | Spaces:
    """Whether a policy saves an equation's results; spaces where it offloads them."""
    avals = [x.aval for x in eqn.invars]
    decided = policy(eqn.primitive, *avals, **eqn.params)
    decided = partial_eval.ensure_enum(decided)
    if isinstance(decided, partial_eval.Offloadable):
        spaces = map(core.mem_kind_to_space, (decided.src, decided.dst))
        return tuple(spaces)  # type: ignore[return-value]
    return isinstance(decided, partial_eval.SaveableType)


def forbidden_effects(of: ir.Jaxpr | ir.JaxprEqn) -> Sequence[Any]:
    """The effects of a body, or of an equation, that ``jax.checkpoint`` refuses."""
    return remat_allowed_effects.filter_not_in(of.effects)


def moved(x: Any, space: Any) -> Any:
    """An array in another memory space."""
    return jax.device_put(x, space)
