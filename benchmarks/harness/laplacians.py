"""The ways to a Laplacian: irad's, JAX's, and folx where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from benchmarks.harness.derivatives import library
from benchmarks.harness.peers import Peer

Function: TypeAlias = Callable[[jax.Array], jax.Array]


@dataclass(frozen=True)
class Way:
    """A named way from a function of one vector to its Laplacian.

    What ``is_peer`` may fail, be wrong or be absent, and its line says so.
    """

    name: str
    laplacian: Callable[[Function], Function]
    is_ours: bool = False
    is_peer: bool = False


def trace(hessian: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """The sum of the diagonal of a whole Hessian."""
    return lambda fun: lambda x: jnp.trace(hessian(fun)(x))


def along_axes(
    grad: Callable[..., Any], jvp: Callable[..., Any]
) -> Callable[[Function], Function]:
    """Tangents of the gradient along all axes at once; one entry is kept of each."""

    def laplacian(fun: Function) -> Function:
        def second(x: jax.Array, axis: jax.Array) -> jax.Array:
            _, t = jvp(grad(fun), (x,), (axis,))
            return jnp.vdot(t, axis)

        def result(x: jax.Array) -> jax.Array:
            axes = jnp.eye(x.size, dtype=x.dtype)
            return jnp.sum(jax.vmap(second, (None, 0))(x, axes))

        return result

    return laplacian


def twice_forward(jvp: Callable[..., Any]) -> Callable[[Function], Function]:
    """Tangents of tangents, both along the same axis."""

    def laplacian(fun: Function) -> Function:
        def second(x: jax.Array, axis: jax.Array) -> jax.Array:
            def first(x: jax.Array) -> jax.Array:
                return jvp(fun, (x,), (axis,))[1]

            return jvp(first, (x,), (axis,))[1]

        def result(x: jax.Array) -> jax.Array:
            axes = jnp.eye(x.size, dtype=x.dtype)
            return jnp.sum(jax.vmap(second, (None, 0))(x, axes))

        return result

    return laplacian


def loop_over_axes(fun: Function) -> Function:
    """One axis after the other, as it is written where memory is short."""
    gradient = jax.grad(fun)

    def result(x: jax.Array) -> jax.Array:
        axes = jnp.eye(x.size, dtype=x.dtype)

        def add(total: jax.Array, axis: jax.Array) -> tuple[jax.Array, None]:
            _, t = jax.jvp(gradient, (x,), (axis,))
            return total + jnp.vdot(t, axis), None

        return jax.lax.scan(add, jnp.zeros((), x.dtype), axes)[0]

    return result


def folx(fun: Function) -> Function:
    """The forward Laplacian of Li et al. (2023), arXiv:2307.08214, by the library."""
    forward = library("folx").forward_laplacian(fun)
    return lambda x: forward(x).laplacian


def ways(peer: Peer) -> list[Way]:
    """All sides of a row, JAX's Hessian first: it is what the others are held to."""
    name, jvp = peer.name, peer.jvp
    return [
        Way("jax.hessian, trace", trace(jax.hessian)),
        Way("jax jvp of grad", along_axes(jax.grad, jax.jvp)),
        Way("jax jvp of grad, in a loop", loop_over_axes),
        Way(f"{name}, trace of hessian", trace(peer.whole[2]), is_ours=True),
        Way(f"{name}, jvp of grad", along_axes(peer.grad, jvp), is_ours=True),
        Way(f"{name}, jvp of jvp", twice_forward(jvp), is_ours=True),
        Way("folx", folx, is_peer=True),
    ]
