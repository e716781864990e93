"""Gradients by central differences: what one has without differentiating."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree


def differentiated(argnums: int | tuple[int, ...], arguments: tuple[Any, ...]) -> Any:
    """The arguments that a gradient is taken in, as the tree that it has."""
    if isinstance(argnums, int):
        return arguments[argnums]
    return tuple(arguments[i] for i in argnums)


def central(
    fun: Callable[..., jax.Array], argnums: int | tuple[int, ...]
) -> Callable[..., Any]:
    """``(f(x + h e) - f(x - h e)) / 2h`` for each entry, one entry after the other.

    The step is the cube root of the rounding error, relative to the entry: it balances
    rounding and truncation (Nocedal, Wright, Numerical optimization (2006), 8.1).
    """
    places = (argnums,) if isinstance(argnums, int) else argnums

    def gradient(*arguments: Any) -> Any:
        flat, unravel = ravel_pytree(differentiated(argnums, arguments))
        scale = float(jnp.finfo(flat.dtype).eps) ** (1 / 3)
        steps = scale * jnp.maximum(1, jnp.abs(flat))

        def value(x: jax.Array) -> jax.Array:
            given = list(arguments)
            parts = unravel(x)
            parts = (parts,) if isinstance(argnums, int) else parts
            for i, part in zip(places, parts, strict=True):
                given[i] = part
            return fun(*given)

        def entry(i: jax.Array) -> jax.Array:
            up, down = flat.at[i].add(steps[i]), flat.at[i].add(-steps[i])
            # What was added, which rounding has made another number than the step.
            return (value(up) - value(down)) / (up[i] - down[i])

        return unravel(jax.lax.map(entry, jnp.arange(flat.size)))

    return gradient
