"""Numerical differentiation beside irad: its error over the step, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import irad

POINT = np.linspace(0.3, 1.1, 8)


def fun(x: Any) -> Any:
    """A smooth function of a vector."""
    return jnp.sum(jnp.sin(x) * jnp.exp(x)) ** 2


def differences(
    fun: Callable[..., Any], x: np.ndarray, h: float, *, central: bool
) -> np.ndarray:
    """The gradient by forward or central differences with step ``h``."""
    steps = h * np.eye(x.size)
    if central:
        return np.array([(fun(x + e) - fun(x - e)) / (2 * h) for e in steps])
    base = fun(x)
    return np.array([(fun(x + e) - base) / h for e in steps])


def errors() -> list[tuple[float, float, float]]:
    """(step, error of forward differences, error of central ones), worst entry."""
    with jax.enable_x64(True):
        exact = irad.grad(fun)(POINT)
        rows = []
        for k in range(1, 14):
            h = 10.0**-k
            pair = (differences(fun, POINT, h, central=c) for c in (False, True))
            rows.append((h, *(float(jnp.max(jnp.abs(d - exact))) for d in pair)))
    return rows


def evaluations(n: int) -> dict[str, int]:
    """How often the function runs for a gradient in ``n`` variables."""
    calls = 0

    def counted(x: Any) -> Any:
        nonlocal calls
        calls += 1
        return fun(x)

    found = {}
    for name, gradient in (
        ("forward", lambda x: differences(counted, x, 1e-6, central=False)),
        ("central", lambda x: differences(counted, x, 1e-6, central=True)),
        ("reverse", irad.grad(counted)),
    ):
        calls = 0
        gradient(np.linspace(0.3, 1.1, n))
        found[name] = calls
    return found


def main() -> None:
    """Prints errors and costs."""
    print(f"{'step':>8}{'forward':>12}{'central':>12}")
    for h, forward, central in errors():
        print(f"{h:8.0e}{forward:12.1e}{central:12.1e}")
    print("evaluations for 8 variables:", evaluations(8))


if __name__ == "__main__":
    main()
