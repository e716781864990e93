"""Mutable arrays: programs that make and use their own, as programs of values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax._src import core
from jax._src.effects import JaxprInputEffect
from jax._src.state.discharge import discharge_state

from irad._compat import ir

__all__ = ["touches_references", "without_references"]


def touches_references(eqn: ir.JaxprEqn) -> bool:
    """Whether an equation reads or writes a mutable array."""
    return any(isinstance(effect, JaxprInputEffect) for effect in eqn.effects)


def without_references(
    jaxpr: ir.Jaxpr, consts: Sequence[Any]
) -> tuple[ir.Jaxpr, Sequence[Any]]:
    """A program whose own mutable arrays are values that it hands on.

    Those that it was given, or closes over, stay what they are.
    """
    if not any(core.internal_mutable_array_effect in e.effects for e in jaxpr.eqns):
        return jaxpr, consts
    closed = ir.closed_jaxpr(jaxpr, consts)
    given = (False,) * len(closed.in_avals)
    made = discharge_state(closed, should_discharge=given, lower=False)
    return made.jaxpr, made.consts
