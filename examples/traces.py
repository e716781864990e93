"""Forward and reverse trace of y = ln(x1) + x1 x2 - sin(x2) at (2, 5), node by node.

The worked example of Baydin et al., Automatic differentiation in machine learning: a
survey (2018), tables 2 and 3. Every node gets a perturbation of zero: the tangent of a
node is what forward mode makes of it, its adjoint is the gradient in its perturbation.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

import irad

NODES = ("v-1 = x1", "v0 = x2", "v1 = ln v-1", "v2 = v-1 v0", "v3 = sin v0")
NODES += ("v4 = v1 + v2", "v5 = v4 - v3")


def nodes(x: jax.Array, nudge: jax.Array) -> jax.Array:
    """The values of all nodes, each nudged."""
    a, b = x[0] + nudge[0], x[1] + nudge[1]
    v1 = jnp.log(a) + nudge[2]
    v2 = a * b + nudge[3]
    v3 = jnp.sin(b) + nudge[4]
    v4 = v1 + v2 + nudge[5]
    return jnp.stack([a, b, v1, v2, v3, v4, v4 - v3 + nudge[6]])


def traces() -> tuple[jax.Array, jax.Array, jax.Array]:
    """Values, tangents in the direction of x1, and adjoints of y, node by node."""
    x, none = jnp.array([2.0, 5.0]), jnp.zeros(len(NODES))
    values, tangents = irad.jvp(
        lambda x: nodes(x, none), (x,), (jnp.array([1.0, 0.0]),)
    )
    adjoints = irad.grad(lambda nudge: nodes(x, nudge)[-1])(none)
    return values, tangents, adjoints


def main() -> None:
    """Prints both traces."""
    print(f"{'node':<14}{'value':>9}{'tangent':>9}{'adjoint':>9}")
    for name, *numbers in zip(NODES, *traces(), strict=True):
        print(f"{name:<14}" + "".join(f"{float(v):9.3f}" for v in numbers))


if __name__ == "__main__":
    main()
