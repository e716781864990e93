"""Newton's method on the Bratu equation: irad's sparse Jacobian, scipy's solver.

-Laplace(u) = 6 exp(u) on the unit square and u = 0 on its boundary, by the 5-point
stencil. Source: Kelley, Solving nonlinear equations with Newton's method (2003).
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy.sparse.linalg import spsolve

import irad

HEAT = 6.0


def residual(u: Any) -> Any:
    """What the equation leaves at each point of a square grid."""
    h = 1 / (u.shape[0] + 1)
    v = jnp.pad(u, 1)
    around = v[:-2, 1:-1] + v[2:, 1:-1] + v[1:-1, :-2] + v[1:-1, 2:]
    return 4 * u - around - HEAT * h**2 * jnp.exp(u)


def newton(side: int, tolerance: float = 1e-5) -> tuple[Any, list[float], int]:
    """The solution, the residual's norm before each step, the Jacobian's entries."""
    jacobian = irad.value_and_jacobian(residual, format="scipy")
    u, norms = np.zeros((side, side), np.float32), []
    while True:
        value, matrix = jacobian(u)
        norms.append(float(jnp.linalg.norm(value)))
        if norms[-1] < tolerance:
            return u, norms, matrix.nnz
        if len(norms) > 20:
            raise ArithmeticError(f"no convergence: {norms}")
        step = spsolve(matrix, np.ravel(value))
        u = u - step.reshape(u.shape)


def main() -> None:
    """Prints the Jacobian's pattern and the residual after each step."""
    side = 64
    print(irad.sparsity(residual)(np.zeros((side, side), np.float32)))
    u, norms, entries = newton(side)
    print(f"{entries:,} of {side**4:,} entries of the Jacobian are stored")
    for i, norm in enumerate(norms):
        print(f"step {i}: residual {norm:.1e}")
    print(f"highest value {u.max():.4f}")


if __name__ == "__main__":
    main()
