"""Rules of forward mode for JAX, of primitives that are irad's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jax.interpreters import ad

from irad._compat import ir

__all__ = ["differentiate_in_jax"]


def differentiate_in_jax(primitive: Any, tangent: Callable[..., Sequence[Any]]) -> None:
    """Lets JAX differentiate a primitive of several results.

    ``tangent`` takes results, operands, tangents and params; None is a zero.
    """

    def rule(x: Sequence[Any], t: Sequence[Any], **params: Any) -> Any:
        y = primitive.bind(*x, **params)
        moving = [None if type(t_i) is ad.Zero else t_i for t_i in t]
        pushed = tangent(y, x, moving, **params)
        return y, [
            ad.Zero(ir.tangent_aval(ir.typeof(y_i))) if p is None else p
            for y_i, p in zip(y, pushed, strict=True)
        ]

    ad.primitive_jvps[primitive] = rule
