"""A function of a few small arrays that was drawn at random: 70 operations, in order.

Source: Lohoff & Neftci, Optimizing Automatic Differentiation with Deep Reinforcement
Learning (NeurIPS 2024, arXiv 2406.05027), the task f.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.programs.program import Draw


def dot(a: jax.Array, b: jax.Array, i: int, j: int) -> jax.Array:
    """The product summed over axis ``i`` of ``a`` and axis ``j`` of ``b``."""
    return lax.dot_general(a, b, (((i,), (j,)), ((), ())))


def fun(
    v0: jax.Array, v1: jax.Array, v2: jax.Array, v4: jax.Array
) -> tuple[jax.Array, ...]:
    """The names are those of the source; each is one operation."""
    v5 = v2**3
    v6 = dot(v4, v5, 0, 0)
    v7 = dot(v5, v6, 0, 1)
    v8 = v6**2
    v9 = dot(v0, v8, 0, 1)
    v10 = jnp.sqrt(v0)
    v11 = jnp.arccos(v7)
    v13 = dot(v11, v8, 1, 0)
    v14 = v11 + v9.reshape(1, 1)
    v15 = v14 - v9.reshape(1, 1)
    v16 = jnp.cos(v9)
    v17 = v10.reshape(4, 1) + v13
    v18 = jnp.arcsinh(v17)
    v19 = v15 + v16.reshape(1, 1)
    v20 = -v1
    v21 = jnp.sqrt(v10)
    v22 = dot(v21, v18, 0, 1)
    v23 = jnp.tanh(v1)
    v24 = jnp.arctan(v19)
    v25 = jnp.square(v24)
    v26 = jnp.cos(v22)
    v27 = v16.reshape(1, 1) - v25
    v28 = jnp.cosh(v23)
    v29 = jnp.sum(v20, 0)
    v30 = v28.T
    v31 = jnp.sum(v16, 0)
    v33 = v29.reshape(3, 1) - v30
    v34 = v31 / v33
    v35 = v13 + v10.reshape(4, 1)
    v36 = v26.reshape(4, 1) * v35
    v37 = v26**2
    v38 = jnp.max(v34, 1)
    v39 = jnp.sinh(v36)
    v40 = jnp.exp(v27)
    v41 = v39[3:4, 3:4]
    v42 = jnp.sum(v37, 0)
    v43 = v42 + v38
    v44 = dot(v26, v40, 0, 0)
    v45 = jnp.arcsinh(v43)
    v46 = dot(v24, v15, 1, 1)
    v47 = lax.stop_gradient(v41)
    v48 = lax.logistic(v45)
    v49 = dot(v29, v48, 0, 0)
    v50 = dot(v22, v21, 0, 0)
    v51 = dot(v44, v47, 0, 1)
    v52 = dot(v30, v33, 0, 0)
    v53 = v46 * v50
    v54 = jnp.sqrt(v37)
    v55 = jnp.sqrt(jnp.abs(v51))
    v56 = v52 - v49
    v57 = jnp.cosh(v54)
    v58 = -v37
    v59 = v57.reshape(4, 1) + v53
    v60 = jnp.square(v57)
    v61 = jnp.sin(v58)
    v62 = jnp.arctan(v59)
    v63 = jnp.sum(v62, 0)
    v64 = jnp.min(v63, 0)
    v65 = v64 - v55
    v66 = jnp.sqrt(v2)
    v67 = jnp.sum(v56, 1)
    v68 = v61.reshape(4, 1) - v66
    v69 = dot(v60, v61, 0, 0)
    v70 = dot(v68, v62, 0, 0)
    v71 = v22.reshape(4, 1) + v2
    v72 = lax.logistic(v70)
    v73 = dot(v72, v71, 0, 0)
    v74 = v6 / v37.reshape(1, 4)
    return v74, v65, v67, v69, v73


def arguments() -> tuple[Any, ...]:
    """Small enough for every operation to have a derivative."""
    draw = Draw()
    shapes = (4,), (2, 3), (4, 4), (4, 1)
    return tuple(draw.uniform(*shape, low=0.2, high=0.7) for shape in shapes)
