"""A training step for a model of which only a serialized artifact is left.

The loss is exported without a derivative, and irad takes the gradient of the artifact
alone. Run with ``python -m examples.artifact_gradient``.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import irad

STEPS, RATE = 60, 0.05


def exported() -> bytes:
    """The mean squared error of a small net, as an artifact."""

    def loss(w: Any, v: Any, x: Any, y: Any) -> Any:
        return jnp.mean((jnp.tanh(x @ w) @ v - y) ** 2)

    return jax.export.export(jax.jit(loss))(*data()).mlir_module_serialized


def data() -> list[np.ndarray]:
    """Weights to start from, and a function to learn."""
    draw = np.random.default_rng(0).normal
    w, v, x = (draw(size=s) for s in ((2, 16), (16,), (64, 2)))
    y = np.sin(x[:, 0]) + x[:, 1] / 2
    return [np.asarray(a, np.float32) for a in (w, 0.1 * v, x, y)]


def train(artifact: bytes) -> list[float]:
    """The losses of gradient descent on an artifact."""
    module = irad.stablehlo.load(artifact)
    step = irad.stablehlo.value_and_grad(module, wrt=(0, 1))
    (w, v, x, y), losses = data(), list[float]()
    for _ in range(STEPS):
        value, of_w, of_v = step(w, v, x, y)
        w, v = w - RATE * of_w, v - RATE * of_v
        losses.append(float(value))
    return losses


def main() -> None:
    """Trains on the artifact and prints the losses."""
    artifact = exported()
    print(f"an artifact of {len(artifact)} bytes, and no source")
    losses = train(artifact)
    for i in (*range(0, STEPS, STEPS // 5), STEPS - 1):
        print(f"step {i:3}: loss {losses[i]:.4f}")


if __name__ == "__main__":
    main()
