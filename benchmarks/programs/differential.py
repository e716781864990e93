"""Time stepping: a neural differential equation, gravity, and nonlinear heat."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.programs.program import Draw, Program, Size

NEURAL = (
    "Chen et al., Neural ordinary differential equations (2018), arXiv:1806.07366, "
    "stepped by the classical Runge-Kutta method"
)
GRAVITY = (
    "Aarseth, Gravitational N-body simulations (2003): softened gravity by leapfrog"
)
HEAT = (
    "LeVeque, Finite difference methods for ordinary and partial differential "
    "equations (2007), explicit steps with a conductivity that depends on heat"
)


class Sizes(NamedTuple):
    """Steps and states of the neural equation, of gravity and of heat."""

    ode: tuple[int, int, int, int]  # steps, batch, states, hidden
    bodies: tuple[int, int]  # steps, bodies
    heat: tuple[int, int]  # steps, width


SIZES: dict[Size, Sizes] = {
    "small": Sizes(ode=(20, 4, 4, 16), bodies=(20, 8), heat=(20, 32)),
    "full": Sizes(ode=(500, 32, 16, 64), bodies=(1000, 32), heat=(200, 256)),
}


def neural(steps: int) -> Callable[..., jax.Array]:
    def loss(
        params: dict[str, jax.Array], start: jax.Array, target: jax.Array
    ) -> jax.Array:
        dt = 1.0 / steps

        def field(y: jax.Array) -> jax.Array:
            hidden = jnp.tanh(y @ params["in"] + params["bias"])
            return hidden @ params["out"]

        def step(y: jax.Array, _: None) -> tuple[jax.Array, None]:
            k1 = field(y)
            k2 = field(y + 0.5 * dt * k1)
            k3 = field(y + 0.5 * dt * k2)
            k4 = field(y + dt * k3)
            return y + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

        y, _ = lax.scan(step, start, length=steps)
        return jnp.mean((y - target) ** 2)

    return loss


def gravity(steps: int) -> Callable[..., jax.Array]:
    def loss(
        positions: jax.Array, velocities: jax.Array, masses: jax.Array
    ) -> jax.Array:
        dt = 1.0 / steps

        def acceleration(x: jax.Array) -> jax.Array:
            apart = x[None, :, :] - x[:, None, :]
            squared = jnp.sum(apart**2, axis=-1) + 0.05
            return jnp.einsum("ijk,ij,j->ik", apart, squared**-1.5, masses)

        def step(
            state: tuple[jax.Array, jax.Array], _: None
        ) -> tuple[tuple[jax.Array, jax.Array], None]:
            x, v = state
            v = v + 0.5 * dt * acceleration(x)
            x = x + dt * v
            return (x, v + 0.5 * dt * acceleration(x)), None

        (x, v), _ = lax.scan(step, (positions, velocities), length=steps)
        return jnp.sum(x**2) + jnp.sum(v**2)

    return loss


def heat(steps: int) -> Callable[..., jax.Array]:
    def loss(start: jax.Array, conductivity: jax.Array) -> jax.Array:
        def step(u: jax.Array, _: None) -> tuple[jax.Array, None]:
            k = conductivity * (1.0 + 0.5 * jnp.tanh(u))
            right = (jnp.roll(u, -1, 0) - u) * 0.5 * (jnp.roll(k, -1, 0) + k)
            up = (jnp.roll(u, -1, 1) - u) * 0.5 * (jnp.roll(k, -1, 1) + k)
            flow = right - jnp.roll(right, 1, 0) + up - jnp.roll(up, 1, 1)
            return u + 0.1 * flow, None

        u, _ = lax.scan(step, start, length=steps)
        return jnp.mean(u**2)

    return loss


def programs(size: Size) -> list[Program]:
    steps, batch, states, hidden = SIZES[size].ode
    moves, bodies = SIZES[size].bodies
    ticks, width = SIZES[size].heat

    def field() -> tuple[Any, ...]:
        draw = Draw()
        params = {
            "in": draw.weights(states, hidden),
            "bias": draw.normal(hidden, scale=0.1),
            "out": draw.weights(hidden, states),
        }
        return params, draw.normal(batch, states), draw.normal(batch, states)

    def cluster() -> tuple[Any, ...]:
        draw = Draw()
        start = draw.normal(bodies, 3), draw.normal(bodies, 3, scale=0.3)
        return (*start, draw.uniform(bodies, low=0.5, high=1.5) / bodies)

    def plate() -> tuple[Any, ...]:
        draw = Draw()
        return draw.normal(width, width), draw.uniform(width, width, low=0.5)

    return [
        Program(
            name="neural ODE, RK4",
            make=lambda: neural(steps),
            arguments=field,
            source=NEURAL,
        ),
        Program(
            name="N-body, leapfrog",
            make=lambda: gravity(moves),
            arguments=cluster,
            argnums=(0, 1, 2),
            source=GRAVITY,
        ),
        Program(
            name="nonlinear heat",
            make=lambda: heat(ticks),
            arguments=plate,
            argnums=(0, 1),
            source=HEAT,
        ),
    ]
