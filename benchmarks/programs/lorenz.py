"""The flow of the Lorenz equations: few inputs and outputs, a long loop between."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.programs.derivative import Derivative
from benchmarks.programs.program import Size

SOURCE = (
    "Lorenz, Deterministic nonperiodic flow (1963), by the classical Runge-Kutta "
    "method; by hand the variational equations of Hairer, Norsett, Wanner, Solving "
    "ordinary differential equations I (1993), I.14"
)
SIGMA, RHO, BETA = 10.0, 28.0, 8 / 3
DT = 0.002
STEPS: dict[Size, int] = {"small": 50, "full": 1000}


def field(s: jax.Array) -> jax.Array:
    x, y, z = s
    return jnp.stack([SIGMA * (y - x), x * (RHO - z) - y, x * y - BETA * z])


def along(s: jax.Array, t: jax.Array) -> jax.Array:
    """The field's Jacobian at ``s`` times the columns of ``t``."""
    x, y, z = s
    tx, ty, tz = t
    return jnp.stack(
        [SIGMA * (ty - tx), (RHO - z) * tx - x * tz - ty, y * tx + x * ty - BETA * tz]
    )


def flow(steps: int) -> Callable[..., jax.Array]:
    def fun(start: jax.Array) -> jax.Array:
        def step(s: jax.Array, _: None) -> tuple[jax.Array, None]:
            k1 = field(s)
            k2 = field(s + DT / 2 * k1)
            k3 = field(s + DT / 2 * k2)
            k4 = field(s + DT * k3)
            return s + DT / 6 * (k1 + 2 * k2 + 2 * k3 + k4), None

        end, _ = lax.scan(step, start, length=steps)
        return end

    return fun


def variation(steps: int) -> Callable[[jax.Array], jax.Array]:
    """The flow's Jacobian, carried along: each stage and its tangents."""

    def by_hand(start: jax.Array) -> jax.Array:
        def step(
            carry: tuple[jax.Array, jax.Array], _: None
        ) -> tuple[tuple[jax.Array, jax.Array], None]:
            s, t = carry
            total, slope = jnp.zeros_like(s), jnp.zeros_like(t)
            k, m = jnp.zeros_like(s), jnp.zeros_like(t)
            for ahead, weight in ((0.0, 1.0), (0.5, 2.0), (0.5, 2.0), (1.0, 1.0)):
                at, direction = s + ahead * DT * k, t + ahead * DT * m
                k, m = field(at), along(at, direction)
                total, slope = total + weight * k, slope + weight * m
            return (s + DT / 6 * total, t + DT / 6 * slope), None

        (_, jacobian), _ = lax.scan(
            step, (start, jnp.eye(3, dtype=start.dtype)), length=steps
        )
        return jacobian

    return by_hand


def programs(size: Size) -> list[Derivative]:
    steps = STEPS[size]
    return [
        Derivative(
            name="Lorenz",
            make=lambda: flow(steps),
            arguments=lambda: (jnp.array([1.0, 2.0, 20.0], jnp.float32),),
            by_hand=variation(steps),
            source=SOURCE,
            # Rounding grows with the flow as the derivative does.
            tolerance=2e-3,
        )
    ]
