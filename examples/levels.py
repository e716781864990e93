"""One gradient, four levels: JAX's AD, the jaxpr, the StableHLO text, the HLO text.

The last two know nothing of the Python that the program was written in. Run with
``python -m examples.levels``.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

import irad

LAYERS, WIDTH, BATCH = 6, 64, 32


def loss(parameters: list[dict[str, Any]], x: Any, y: Any) -> Any:
    """The mean squared error of a residual net."""
    for layer in parameters:
        x = x + jax.nn.gelu(x @ layer["W"] + layer["b"])
    return jnp.mean((x - y) ** 2)


def arguments() -> tuple[Any, Any, Any]:
    """Weights, inputs and targets."""
    keys = iter(jax.random.split(jax.random.key(0), LAYERS + 2))
    parameters = [
        {
            "W": jax.random.normal(next(keys), (WIDTH, WIDTH)) / WIDTH,
            "b": jnp.zeros(WIDTH),
        }
        for _ in range(LAYERS)
    ]
    x, y = (jax.random.normal(next(keys), (BATCH, WIDTH)) for _ in range(2))
    return parameters, x, y


def main(seconds: float = 1.0) -> None:
    """Prints the comparison; the gradients were held against one another before."""
    print(irad.compare(loss, *arguments(), seconds=seconds))


if __name__ == "__main__":
    main()
