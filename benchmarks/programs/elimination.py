"""Elimination tasks on arrays, as JAX programs: their vertices are whole arrays.

The scalar tasks are in ``scalar_graphs``, and as graphs in ``elimination_graphs``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.programs import random_arrays
from benchmarks.programs.derivative import Derivative
from benchmarks.programs.program import Draw, Program, Size

SOURCE = "Lohoff & Neftci, Optimizing AD with Deep RL (2024), arXiv 2406.05027"
GAMMA = 0.5


def roe_flux_3d(
    l0: jax.Array,
    l: jax.Array,  # noqa: E741
    l4: jax.Array,
    r0: jax.Array,
    r: jax.Array,
    r4: jax.Array,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    jump0, jump, jump4 = r0 - l0, r - l, r4 - l4
    jump1, jump2, jump3 = jump[0:1], jump[1:2], jump[2:3]
    vl, vr = l / l0, r / r0
    (pl, hl), (pr, hr) = _gas(l0, l, l4), _gas(r0, r, r4)
    weight = jnp.sqrt(l0) + jnp.sqrt(r0)
    velocity = (jnp.sqrt(l0) * vl + jnp.sqrt(r0) * vr) / weight
    u, v, w = velocity[0:1], velocity[1:2], velocity[2:3]
    h = (jnp.sqrt(l0) * hl + jnp.sqrt(r0) * hr) / weight
    q = jnp.sum(velocity**2)
    squared = (GAMMA - 1) * (h - 0.5 * q)
    a = jnp.sqrt(squared)
    plus, minus = u + a, u - a
    along = jnp.dot(velocity, jump)
    c3 = ((GAMMA - 1) / squared * ((h - q) * jump0 + along - jump4)) * u
    c2 = (jump3 / w - jump1) * u
    c1 = (jump2 / v - jump0) * u
    k1, k2 = jump0 - c3, (jump1 - u * jump0) / a
    c0, c4 = 0.5 * (k1 - k2) * minus, 0.5 * (k1 + k2) * plus
    d0 = c0 + c3 + c4 * plus
    d1 = c0 * minus + c3 * u + c4 * plus
    d2 = c0 * v + c1 * v + c3 * v + c4 * v
    d3 = c0 * w + c2 * w + c3 * w + c4 * w
    d4 = c0 * (h - u * a) + c1 * v**2 + c2 * w**2 + c3 * 0.5 * q + c4 * (h + u * a)
    left, right = _flux(l, vl, l4, pl), _flux(r, vr, r4, pr)
    drops = (d0, jnp.concatenate([d1, d2, d3]), d4)
    f0, f, f4 = (0.5 * (a + b - d) for a, b, d in zip(left, right, drops, strict=True))
    return f0, f, f4


def _gas(u0: jax.Array, u: jax.Array, u4: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Pressure and enthalpy."""
    p = (GAMMA - 1) * (u4 - 0.5 * jnp.sum(u**2) / u0)
    return p, (u4 + p) / u0


def _flux(
    u: jax.Array, v: jax.Array, u4: jax.Array, p: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    pressure = jnp.concatenate([p, jnp.zeros(2, p.dtype)])
    return u[0:1], pressure + u * v, v[0:1] * (p + u4)


def normalized(x: jax.Array, gamma: jax.Array, beta: jax.Array) -> jax.Array:
    """Layer normalization over the last axis."""
    mean = jnp.mean(x, axis=-1, keepdims=True)
    variance = jnp.mean((x - mean) ** 2, axis=-1, keepdims=True)
    return (x - mean) / jnp.sqrt(variance + 1e-6) * gamma + beta


def softmax(x: jax.Array) -> jax.Array:
    """Over the last axis."""
    largest = jax.lax.stop_gradient(jnp.max(x, axis=-1, keepdims=True))
    weights = jnp.exp(x - largest)
    return weights / jnp.sum(weights, axis=-1, keepdims=True)


def cross_entropy(x: jax.Array, y: jax.Array) -> jax.Array:
    return -jnp.sum(y * jnp.log(softmax(x)), axis=-1)


def perceptron(
    x: jax.Array,
    y: jax.Array,
    w1: jax.Array,
    b1: jax.Array,
    w2: jax.Array,
    b2: jax.Array,
    gamma: jax.Array,
    beta: jax.Array,
) -> jax.Array:
    """A loss of one example."""
    hidden = jnp.tanh(w1 @ x + b1)
    out = jnp.tanh(w2 @ normalized(hidden, gamma, beta) + b2)
    return cross_entropy(out, y)


Block = tuple[jax.Array, ...]


def encoder(x: jax.Array, y: jax.Array, first: Block, second: Block) -> jax.Array:
    return cross_entropy(_block(_block(x, *first), *second), y)


def _block(
    x: jax.Array,
    query: jax.Array,
    key: jax.Array,
    value: jax.Array,
    w: jax.Array,
    b: jax.Array,
    gamma: jax.Array,
    beta: jax.Array,
) -> jax.Array:
    """One head of attention, normalization, and a layer with SiLU."""
    scores = softmax((query @ x).T @ (key @ x))
    attended = x + scores @ (value @ x)
    before = w @ normalized(attended, gamma, beta) + b
    return before * (1 / (1 + jnp.exp(-before)))


def _roe_arguments() -> tuple[Any, ...]:
    left, right = np.array([[0.1, 0.2, 0.3], [0.2, 0.2, 0.4]], np.float32)
    at = np.array([[0.1], [0.5], [0.2], [0.6]], np.float32)
    return at[0], left, at[1], at[2], right, at[3]


def _perceptron_arguments() -> tuple[Any, ...]:
    draw = Draw()
    layers = (draw.normal(8, 4), draw.normal(8), draw.normal(4, 8), draw.normal(4))
    return np.ones(4, np.float32), draw.normal(4), *layers, np.float32(0), np.float32(1)


def _encoder_arguments() -> tuple[Any, ...]:
    draw = Draw()
    heads = [tuple(draw.normal(4, 4) for _ in range(3)) for _ in range(2)]
    scale = (np.float32(0), np.float32(1))
    first = (*heads[0], draw.normal(4, 4), draw.normal(4), *scale)
    second = (*heads[1], draw.normal(2, 4), draw.normal(2, 1), *scale)
    return np.ones((4, 4), np.float32), draw.normal(2, 4), first, second


def roe_flux_of_states() -> Callable[[jax.Array], jax.Array]:
    """The flux in three dimensions as a function of one vector: both states."""

    def flux(states: jax.Array) -> jax.Array:
        left, right = states.reshape(2, 5)
        parts = [(x[0:1], x[1:4], x[4:5]) for x in (left, right)]
        return jnp.concatenate(roe_flux_3d(*parts[0], *parts[1]))

    return flux


def jacobians(_: Size) -> list[Derivative]:
    """What is wanted whole; nobody writes it by hand."""
    return [
        Derivative(
            name="Roe flux, 3d",
            make=roe_flux_of_states,
            arguments=lambda: (np.concatenate(_roe_arguments()),),
            source=SOURCE,
        )
    ]


def programs(_: Size) -> list[Program]:
    tasks: list[tuple[str, Callable[..., Any], Callable[[], Any], int]] = [
        ("RoeFlux_3d", roe_flux_3d, _roe_arguments, 6),
        ("f", random_arrays.fun, random_arrays.arguments, 4),
        ("MLP", perceptron, _perceptron_arguments, 8),
        ("Encoder", encoder, _encoder_arguments, 4),
    ]
    return [
        Program(
            name=name,
            make=lambda fun=fun: lambda *args: fun(*args),
            arguments=arguments,
            argnums=tuple(range(inputs)),
            source=SOURCE,
        )
        for name, fun, arguments, inputs in tasks
    ]
