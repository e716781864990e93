"""Numerical differentiation beside irad: its error over the step, and what it costs."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import irad

POINT = np.linspace(0.3, 1.1, 8)
SUM = np.sum(np.sin(POINT) * np.exp(POINT))
EXACT = 2 * SUM * np.exp(POINT) * (np.sin(POINT) + np.cos(POINT))


def fun(x: Any) -> Any:
    """A smooth function of a vector."""
    return jnp.sum(jnp.sin(x) * jnp.exp(x)) ** 2


def forward(fun: Any, x: np.ndarray, h: float) -> np.ndarray:
    """The gradient by forward differences with step ``h``; their error is O(h)."""
    base = fun(x)
    return np.array([(fun(x + e) - base) / h for e in h * np.eye(x.size)])


def central(fun: Any, x: np.ndarray, h: float) -> np.ndarray:
    """The gradient by central differences; their error is O(h**2)."""
    return np.array([(fun(x + e) - fun(x - e)) / (2 * h) for e in h * np.eye(x.size)])


WAYS: dict[str, Any] = {"forward": forward, "central": central}
WAYS["irad"] = lambda fun, x, h: irad.grad(fun)(x)


def error(way: str, h: float) -> float:
    """The worst entry of a gradient with step ``h``, in float64."""
    with jax.enable_x64(True):
        return float(np.max(np.abs(WAYS[way](fun, POINT, h) - EXACT)))


def runs(way: str) -> int:
    """How often the function runs for a gradient."""
    points: list[Any] = []
    WAYS[way](lambda x: (points.append(x), fun(x))[1], POINT, 1e-6)
    return len(points)


def main() -> None:
    """Prints errors, which rounding makes grow again for small steps, and costs."""
    print("error at step", *(f"{way:>9}" for way in WAYS))
    for h in 10.0 ** -np.arange(1, 14):
        print(f"{h:13.0e}", *(f"{error(way, h):9.1e}" for way in WAYS))
    print("function runs", *(f"{runs(way):9}" for way in WAYS))


if __name__ == "__main__":
    main()
