"""The models as functions of a few inputs to a few outputs, in four shapes.

A version gives the loss at a few points around a model's parameters, as a function of
how far some of the parameters are moved: the sensitivities of a study of its
neighbourhood. Which of JAX's modes is better depends on the shape.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from benchmarks.programs.derivative import Derivative
from benchmarks.programs.program import Draw, Program


class Shape(NamedTuple):
    """Outputs and inputs of a version."""

    rows: int
    columns: int


SHAPES = {
    "square": Shape(6, 6),
    "tall": Shape(12, 3),
    "wide": Shape(3, 12),
    "scalar": Shape(1, 12),
}


def _make(program: Program, shape: Shape) -> Callable[..., jax.Array]:
    """``fun(moved, points, *arguments)``: the loss at each of the points."""
    loss = program.make()
    argnums = program.argnums
    places = [argnums] if isinstance(argnums, int) else list(argnums)

    def fun(moved: jax.Array, points: jax.Array, *arguments: Any) -> jax.Array:
        flat, unravel = ravel_pytree([arguments[i] for i in places])
        chosen = np.linspace(0, flat.size - 1, shape.columns).astype(np.int32)

        def at(point: jax.Array) -> jax.Array:
            given = list(arguments)
            near = unravel(flat.at[chosen].add(moved + point))
            for i, parameters in zip(places, near, strict=True):
                given[i] = parameters
            return loss(*given)

        return at(points[0]) if shape.rows == 1 else jax.vmap(at)(points)

    return fun


def version(program: Program, name: str) -> Derivative:
    """A model in one of the shapes; nobody writes its Jacobian by hand."""
    shape = SHAPES[name]

    def arguments() -> tuple[Any, ...]:
        points = Draw(1).normal(*shape, scale=0.01)
        return jnp.zeros(shape.columns, points.dtype), points, *program.arguments()

    return Derivative(
        name=f"{program.name}, {name}",
        make=lambda: _make(program, shape),
        arguments=arguments,
        source=program.source,
        tolerance=2e-3,
    )
