"""The gradient of an adaptive solver: a ``while_loop`` of unknown length, as it is."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

import irad

TOLERANCE = 1e-4


def step(rate: Any, state: Any) -> Any:
    """A step of Heun's method for y' = -rate y^2, taken if its error is small."""
    t, h, y = state
    h = jnp.minimum(h, 1.0 - t)
    first = -rate * y**2
    second = -rate * (y + h * first) ** 2
    error = jnp.abs(h * (second - first)) / 2 + 1e-12
    taken = error < TOLERANCE
    y = jnp.where(taken, y + h * (first + second) / 2, y)
    t = jnp.where(taken, t + h, t)
    return t, h * jnp.clip(0.9 * jnp.sqrt(TOLERANCE / error), 0.3, 2.0), y


def solve(rate: Any, start: Any) -> tuple[Any, Any]:
    """The solution at t = 1, and how many steps were tried."""
    n, (_, _, y) = lax.while_loop(
        lambda carry: carry[1][0] < 1.0,
        lambda carry: (carry[0] + 1, step(rate, carry[1])),
        (0, (0.0, 1e-3, start)),
    )
    return y, n


def unrolled(rate: Any, start: Any, n: int) -> Any:
    """The same with the number of steps given, which JAX differentiates."""
    first = (0.0, 1e-3, start)
    return lax.scan(lambda s, _: (step(rate, s), None), first, length=n)[0][2]


def gradients(start: float) -> tuple[int, Any, Any]:
    """The steps from a start, the loop's gradient, and that of the unrolled one."""
    both = irad.value_and_grad(solve, argnums=(0, 1), has_aux=True)
    (_, n), found = both(1.0, start)
    return int(n), found, jax.grad(unrolled, argnums=(0, 1))(1.0, start, int(n))


def main() -> None:
    """Prints the gradients for starts that take different numbers of steps."""
    for start in (0.5, 2.0, 8.0):
        n, found, expected = gradients(start)
        for name, (rate, first) in (("loop", found), ("unrolled", expected)):
            print(f"{n} steps, {name}: dy/drate {rate:.5f}, dy/dy(0) {first:.5f}")


if __name__ == "__main__":
    main()
