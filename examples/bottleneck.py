"""A function that is narrow inside: its Jacobian is a product of two thin ones.

From 400 inputs through 4 numbers to 400 outputs, forward and reverse mode carry 400
vectors all the way. Better pull 4 rows back, push 4 columns on, and multiply.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import irad

WIDTHS = (400, 400, 4, 400, 400)


def weights() -> list[jax.Array]:
    """Matrices of the layers."""
    draw = np.random.default_rng(0)
    pairs = zip(WIDTHS[1:], WIDTHS[:-1], strict=True)
    return [jnp.array(draw.normal(size=(m, n)) / np.sqrt(n)) for m, n in pairs]


def network(x: Any) -> Any:
    """Layers of tanh."""
    for w in weights():
        x = jnp.tanh(w @ x)
    return x


def flops(jacobian: Callable[..., Any], x: Any) -> float:
    """Operations of the compiled Jacobian, as XLA counts them."""
    return (jax.jit(jacobian).lower(x).compile().cost_analysis() or {})["flops"]


def compared() -> tuple[dict[str, float], float]:
    """Operations of each way, and how far irad's result lies from JAX's."""
    x = jnp.linspace(-1.0, 1.0, WIDTHS[0])
    ways = {"forward": jax.jacfwd, "reverse": jax.jacrev, "irad": irad.jacobian}
    expected = jax.jacrev(network)(x)
    apart = jnp.max(jnp.abs(irad.jacobian(network)(x) - expected))
    counts = {name: flops(way(network), x) for name, way in ways.items()}
    return counts, float(apart / jnp.max(jnp.abs(expected)))


def main() -> None:
    """Prints the plan, then the operations of each way."""
    print(irad.plan(network)(jnp.ones(WIDTHS[0])))
    counts, apart = compared()
    for name, count in counts.items():
        print(f"{name:<8} {count / 1e6:8.1f} million operations")
    print(f"largest difference to JAX: {apart:.1e} of the largest entry")


if __name__ == "__main__":
    main()
