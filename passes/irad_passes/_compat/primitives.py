"""Primitives that ``jax.lax`` does not export."""

from __future__ import annotations

from jax._src.lax.lax import eq_to_p, le_to_p, lt_to_p
from jax._src.lax.linalg import geqp3_p, geqrf_p, ormqr_p

__all__ = ["eq_to_p", "geqp3_p", "geqrf_p", "le_to_p", "lt_to_p", "ormqr_p"]
