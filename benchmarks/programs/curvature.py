"""Functions to minimize, and their Hessians."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.programs.derivative import Derivative, Pattern
from benchmarks.programs.program import Draw, Size

ROSENBROCK = (
    "Rosenbrock, An automatic method for finding the greatest or least value of a "
    "function (1960), chained as in More, Garbow, Hillstrom (1981)"
)
NEIGHBOURS = "synthetic: each entry tied to its two neighbours by a Gaussian"
NETWORK = (
    "Bishop, Pattern recognition and machine learning (2006), 5.4: the Hessian of a "
    "network with one hidden layer"
)


class Sizes(NamedTuple):
    """Entries of the vectors; inputs, hidden units and samples of the network."""

    rosenbrock: tuple[int, ...]
    neighbours: int
    network: tuple[int, int, int]


SIZES: dict[Size, Sizes] = {
    "small": Sizes(rosenbrock=(100, 200), neighbours=200, network=(3, 6, 16)),
    "full": Sizes(rosenbrock=(1000, 10_000), neighbours=10_000, network=(9, 30, 256)),
}


def rosenbrock() -> Callable[..., jax.Array]:
    def fun(x: jax.Array) -> jax.Array:
        return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    return fun


def rosenbrock_by_hand(x: jax.Array) -> jax.Array:
    """The diagonal, the one below, the one above."""
    beside = -400 * x[:-1]
    inner = 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    middle = jnp.pad(inner, (0, 1)) + 200 * np.append(0, np.ones(x.size - 1, x.dtype))
    return jnp.concatenate([middle, beside, beside])


def neighbours() -> Callable[..., jax.Array]:
    def fun(x: jax.Array) -> jax.Array:
        step = x[1:] - x[:-1]
        return jnp.sum(jnp.exp(-(step[:-1] ** 2) - step[1:] ** 2))

    return fun


def neighbours_by_hand(x: jax.Array) -> jax.Array:
    """The diagonal, the two first ones beside it, the two second ones.

    With a and b the steps to and from the middle of three entries, the gradient of
    ``e = exp(-a^2 - b^2)`` in them is ``e (2a, 2b - 2a, -2b)``.
    """
    step = x[1:] - x[:-1]
    a, b = 2 * step[:-1], 2 * step[1:]
    e = jnp.exp(-(a * a + b * b) / 4)
    left, right, both = e * (a * a - 2), e * (b * b - 2), e * a * b
    middle = (
        jnp.pad(left, (0, 2))
        + jnp.pad(left + right - 2 * both, 1)
        + jnp.pad(right, (2, 0))
    )
    first = jnp.pad(both - left, (0, 1)) + jnp.pad(both - right, (1, 0))
    return jnp.concatenate([middle, first, first, -both, -both])


def network(inputs: int, hidden: int) -> Callable[..., jax.Array]:
    def fun(params: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        inner, bias, outer = jnp.split(params, (inputs * hidden, (inputs + 1) * hidden))
        units = jnp.tanh(x @ inner.reshape(inputs, hidden) + bias)
        return 0.5 * jnp.mean((units @ outer - y) ** 2)

    return fun


def network_by_hand(
    inputs: int, hidden: int
) -> Callable[[jax.Array, jax.Array, jax.Array], jax.Array]:
    """Gauss and Newton's product, and the residuals times each unit's curvature.

    With ``z = (x, 1)`` the input of a unit, ``v`` its weight in the output and ``s``
    its value, the output's Hessian is ``v s'' z z^T`` in the unit's own weights,
    ``s' z`` in them and ``v``, and zero elsewhere.
    """

    def derivative(params: jax.Array, x: jax.Array, y: jax.Array) -> jax.Array:
        inner, bias, outer = jnp.split(params, (inputs * hidden, (inputs + 1) * hidden))
        samples = x.shape[0]
        s = jnp.tanh(x @ inner.reshape(inputs, hidden) + bias)
        slope = 1 - s * s
        residual = (s @ outer - y)[:, None] / samples
        z = jnp.pad(x, ((0, 0), (0, 1)), constant_values=1)
        within = (z[:, :, None] * (slope * outer)[:, None]).reshape(samples, -1)
        rows = jnp.concatenate([within, s], axis=1)
        bent = -2 * residual * s * slope * outer
        own = (bent.T[:, None] * z.T) @ z
        mixed = z.T @ (residual * slope)
        return _add_units(rows.T @ rows / samples, own, mixed)

    return derivative


def _add_units(hessian: jax.Array, own: jax.Array, mixed: jax.Array) -> jax.Array:
    """Adds each unit's block in its own weights, and that with its output weight.

    A unit's weight for input i has the number ``i * hidden + unit``, the bias is the
    last input, and the output weights come after all of them.
    """
    size, hidden = mixed.shape
    numbers = np.arange(size * hidden).reshape(size, hidden)
    last = size * hidden + np.arange(hidden)
    hessian = hessian.at[numbers.T[:, :, None], numbers.T[:, None, :]].add(
        own, unique_indices=True
    )
    hessian = hessian.at[numbers, last].add(mixed, unique_indices=True)
    return hessian.at[last, numbers].add(mixed, unique_indices=True)


def programs(size: Size) -> list[Derivative]:
    sizes = SIZES[size]
    inputs, hidden, samples = sizes.network

    def fitted() -> tuple[Any, ...]:
        draw = Draw()
        params = draw.normal(hidden * (inputs + 2), scale=0.5)
        return params, draw.normal(samples, inputs), draw.normal(samples)

    def valley(n: int, name: str) -> Derivative:
        return Derivative(
            name=f"Rosenbrock, {name}",
            make=rosenbrock,
            arguments=lambda: (Draw().normal(n),),
            by_hand=rosenbrock_by_hand,
            pattern=lambda: Pattern.banded(n, 0, -1, 1),
            source=ROSENBROCK,
            order=2,
        )

    return [
        Derivative(
            name="network with one hidden layer",
            make=lambda: network(inputs, hidden),
            arguments=fitted,
            by_hand=network_by_hand(inputs, hidden),
            source=NETWORK,
            order=2,
        ),
        *map(valley, sizes.rosenbrock, ("short", "long")),
        Derivative(
            name="neighbour-exponential",
            make=neighbours,
            arguments=lambda: (Draw().normal(sizes.neighbours),),
            by_hand=neighbours_by_hand,
            pattern=lambda: Pattern.banded(sizes.neighbours, 0, -1, 1, -2, 2),
            source=NEIGHBOURS,
            order=2,
        ),
    ]
