"""Which order a Jacobian is computed in, for a few functions, and the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

import irad

DRAW = np.random.default_rng(0)
UP, DOWN = DRAW.normal(size=(300, 5)), DRAW.normal(size=(5, 300))


def neighbours(x: Any) -> Any:
    """Each entry and the next."""
    return jnp.sin(x) * jnp.roll(x, -1)


FUNCTIONS: dict[str, tuple[Callable[..., Any], Any]] = {
    "few inputs": (lambda x: jnp.tanh(UP @ x), np.ones(5)),
    "few outputs": (lambda x: jnp.tanh(DOWN @ x), np.ones(300)),
    "narrow inside": (lambda x: jnp.tanh(UP @ jnp.tanh(DOWN @ x)), np.ones(300)),
    "each by itself": (lambda x: jnp.exp(-x * x), np.ones(300)),
    "neighbours": (neighbours, np.ones(300)),
}


def plans() -> dict[str, irad.Plan]:
    """The plan for each function."""
    return {name: irad.plan(fun)(x) for name, (fun, x) in FUNCTIONS.items()}


def main() -> None:
    """Prints each plan: what every way would cost, and why one is taken."""
    for name, plan in plans().items():
        print(f"{name}: {plan.order}")
        print(plan, end="\n\n")


if __name__ == "__main__":
    main()
