"""Gauss-Newton on cameras and points, with irad's sparse Jacobian.

Source: Triggs et al., Bundle adjustment, a modern synthesis (2000), on generated data.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve

import irad

CAMERAS, POINTS = 6, 60
WHO, WHAT = np.indices((CAMERAS, POINTS)).reshape(2, -1)


def seen(camera: Any, x: Any) -> Any:
    """Where a camera (turn, move, focal length) sees a point, for small turns."""
    moved = x + jnp.cross(camera[:3], x) + jnp.append(camera[3:5], 5.0)
    return camera[5] * moved[:2] / moved[2]


def errors(unknowns: Any, observed: Any) -> Any:
    """What separates all observations from what the cameras would see."""
    cameras = unknowns[: 6 * CAMERAS].reshape(CAMERAS, 6)
    points = unknowns[6 * CAMERAS :].reshape(POINTS, 3)
    return jax.vmap(seen)(cameras[WHO], points[WHAT]) - observed


def fit(steps: int = 8, damping: float = 1e-3) -> tuple[list[float], Any]:
    """The error's norm before each damped step, and the last Jacobian."""
    draw = np.random.default_rng(0)
    cameras = np.append(np.zeros(5), 1.0) + 0.1 * draw.normal(size=(CAMERAS, 6))
    true = np.append(cameras, draw.normal(size=(POINTS, 3))).astype(np.float32)
    observed = errors(true, np.float32(0))
    x = true + np.float32(0.05) * draw.normal(size=true.shape).astype(np.float32)
    jacobian = irad.value_and_jacobian(errors, format="scipy")
    norms, J = [], None
    for _ in range(steps):
        value, J = jacobian(x, observed)
        norms.append(float(jnp.linalg.norm(value)))
        normal = (J.T @ J + damping * sparse.eye_array(x.size)).tocsc()
        x = x - spsolve(normal, J.T @ np.ravel(value)).astype(np.float32)
    return norms, J


def main() -> None:
    """Prints the Jacobian's size, and the error before each step."""
    norms, J = fit()
    print(f"Jacobian {J.shape[0]} x {J.shape[1]}, {J.nnz // J.shape[0]} entries a row")
    print(*(f"step {i}: error {x:.1e}" for i, x in enumerate(norms)), sep="\n")


if __name__ == "__main__":
    main()
