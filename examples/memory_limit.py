"""The gradient of a deep net and of a long loop, in less and less memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

import irad

W = np.random.default_rng(0).normal(size=(32, 32)).astype(np.float32) / 8


def net(x: Any) -> Any:
    """24 layers, written out."""
    for _ in range(24):
        x = jnp.tanh(x @ W) + x
    return jnp.sum(x**2)


def loop(x: Any) -> Any:
    """2000 steps of a recurrent network."""
    return jnp.sum(lax.scan(lambda s, _: (jnp.tanh(s @ W), None), x, length=2000)[0])


PROGRAMS = {
    "deep net": (net, np.ones((1024, 32), np.float32), ("2.5MB", "1.5MB", "1MB")),
    "long loop": (loop, np.ones((8, 32), np.float32), ("500kB", "50kB", "1kB")),
}


def reports(fun: Any, x: Any, limits: tuple[str, ...]) -> Iterator[Any]:
    """What the gradient keeps without a limit and with each, or why there is none."""
    for limit in (None, *limits):
        try:
            yield limit, irad.residuals(fun, memory_limit=limit)(x)
        except irad.PlanError as error:
            yield limit, error


def main() -> None:
    """Prints the memory that XLA reports for each limit, and the operations."""
    for name, program in PROGRAMS.items():
        flops = 0
        for limit, found in reports(*program):
            if isinstance(found, irad.PlanError):
                print(f"{name} in {limit}: {found}")
                continue
            flops = flops or found.cost.flops
            times = f"{found.cost.flops / flops:.2f} times the operations"
            held = f"{found.xla_bytes / 1e3:.0f} kB"
            print(f"{name} in {limit or 'any memory'}: {held}, {times}")


if __name__ == "__main__":
    main()
