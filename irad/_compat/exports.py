"""What ``jax.export`` keeps of a function, and how its derivative is put in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from jax import export
from jax._src import core

Exported = export.Exported


def with_vjp(exported: Exported, make: Callable[[Exported], Exported]) -> Exported:
    """The same export with another pullback, made when it is asked for."""
    return dataclasses.replace(exported, _get_vjp=make)


def is_symbolic(exported: Exported) -> bool:
    """Whether a function was exported for shapes that are not known."""
    return any(not core.is_constant_shape(aval.shape) for aval in exported.in_avals)
