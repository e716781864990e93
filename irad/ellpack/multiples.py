"""Multiples: residuals that are a number times another, or one number throughout.

Factors of entries are collected on the host and multiplied in once, at the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from jax import lax

from irad._compat.ir import Literal, Var, is_inexact

Multiple = tuple[float, Any]
"""A number, and the atom that it is times; None where it is a number throughout."""

LEAST, LARGEST = 1e-12, 1e12
"""Other factors are multiplied in at once: none of a product may overflow."""

_MOVES = frozenset(
    {lax.broadcast_in_dim_p, lax.reshape_p, lax.squeeze_p, lax.copy_p, lax.transpose_p}
)


def multiple_of(eqn: Any, known: Mapping[Var, Multiple]) -> Multiple | None:
    """What a result is a multiple of, if it is; ``known`` says so of earlier ones."""
    (y, *more) = eqn.outvars
    if more or not is_inexact(y.aval.dtype):
        return None
    x = [_multiple(atom, known) for atom in eqn.invars]
    if eqn.primitive in _MOVES:
        c, base = x[0]
        return (c, None) if base is None else None
    if eqn.primitive is lax.neg_p:
        c, base = x[0]
        return -c, base
    if eqn.primitive is not lax.mul_p:
        return None
    (a, left), (b, right) = x
    if left is not None and right is not None:
        return None
    base = right if left is None else left
    if base is not None and base.aval != y.aval:
        return None
    return bounded(a * b, base)


def bounded(c: float, base: Any) -> Multiple | None:
    """A multiple by a number that is far from overflow."""
    return (c, base) if LEAST <= abs(c) <= LARGEST else None


def _multiple(atom: Any, known: Mapping[Var, Multiple]) -> Multiple:
    if isinstance(atom, Literal):
        number = np.asarray(atom.val)
        is_number = number.ndim == 0 and is_inexact(number.dtype)
        return (float(number), None) if is_number else (1.0, atom)
    return known.get(atom, (1.0, atom))
