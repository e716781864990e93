"""irad on five models: the gradient, checked against JAX and finite differences.

At the end one gradient is taken at every level of IR.

Run with ``python -m examples.demo``, or ``make demo``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.extend
import jax.numpy as jnp
import numpy as np
from rich.console import Console
from rich.table import Table

import irad
from examples import levels
from examples.models import MODELS, Model

TOLERANCE = 1e-8
"""Relative difference to jax.grad allowed; central differences get 100 times that."""


def main() -> None:
    """Prints the table, and fails if a gradient is wrong."""
    jax.config.update("jax_enable_x64", True)
    title = f"Gradients by irad beside jax.grad (JAX {jax.__version__}, float64)"
    table = Table(title=title)
    for column in (
        "model",
        "value",
        "|gradient|",
        "vs JAX",
        "vs differences",
        "equations",
        "make (ms)",
        "JAX (ms)",
        "run (ms)",
        "JAX (ms)",
    ):
        table.add_column(column, justify="left" if column == "model" else "right")
    for make in MODELS:
        table.add_row(*row(make(jax.random.key(0))))
    Console(width=132).print(table)
    print(
        "vs JAX: largest difference to jax.grad over the gradient's largest entry; vs "
        "differences:\nthe same for a directional derivative and central differences. "
        "make: tracing the function\nand writing its gradient, afresh; run: the "
        "compiled gradient, median of 20, in turns.\n"
    )
    levels.main()


def row(model: Model) -> list[str]:
    """One model's figures; raises ArithmeticError where they disagree."""
    ours, theirs = irad.value_and_grad(model.loss), jax.value_and_grad(model.loss)
    p = model.parameters
    value, gradient = ours(p)
    _, expected = theirs(p)
    to_jax = difference(gradient, expected)
    to_numbers = numeric_difference(model, gradient)
    if not (to_jax < TOLERANCE and to_numbers < 100 * TOLERANCE):
        raise ArithmeticError(f"{model.name}: off by {to_jax:.1e} and {to_numbers:.1e}")
    jaxpr = jax.make_jaxpr(ours)(p)
    made = in_turns(
        lambda: jax.make_jaxpr(irad.value_and_grad(lambda p: model.loss(p)))(p),
        lambda: jax.make_jaxpr(jax.value_and_grad(lambda p: model.loss(p)))(p),
        repeats=5,
    )
    fast, slow = jax.jit(ours), jax.jit(theirs)
    ran = in_turns(
        lambda: jax.block_until_ready(fast(p)), lambda: jax.block_until_ready(slow(p))
    )
    return [
        model.name,
        f"{value:.6f}",
        f"{norm(gradient):.6f}",
        f"{to_jax:.1e}",
        f"{to_numbers:.1e}",
        str(count_equations(jaxpr.jaxpr)),
        *(f"{t:.1f}" for t in made),
        *(f"{t:.2f}" for t in ran),
    ]


def difference(a: Any, b: Any) -> float:
    """The largest difference of two trees over the largest entry of the second."""
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    scale = max(float(jnp.max(jnp.abs(y))) for y in jax.tree.leaves(b))
    return max(float(jnp.max(jnp.abs(x - y))) for x, y in pairs) / scale


def numeric_difference(model: Model, gradient: Any) -> float:
    """The gradient along a random direction against central differences."""
    leaves, tree = jax.tree.flatten(model.parameters)
    keys = jax.random.split(jax.random.key(1), len(leaves))
    t = [jax.random.normal(k, x.shape) for k, x in zip(keys, leaves, strict=True)]

    def along(s: float) -> float:
        moved = [x + s * d for x, d in zip(leaves, t, strict=True)]
        return float(model.loss(tree.unflatten(moved)))

    eps = 1e-6  # small, so that few relus and max-pools change sides
    expected = (along(eps) - along(-eps)) / (2 * eps)
    pairs = zip(jax.tree.leaves(gradient), t, strict=True)
    got = sum(float(jnp.vdot(x, d)) for x, d in pairs)
    return abs(got - expected) / max(abs(expected), 1e-3 * norm(gradient))


def norm(tree: Any) -> float:
    """The Euclidean norm of a tree."""
    return float(jnp.sqrt(sum(jnp.vdot(x, x) for x in jax.tree.leaves(tree))))


def count_equations(jaxpr: Any) -> int:
    """The number of equations, those of inner programs included."""
    inner = jax.extend.core.jaxprs_in_params
    return sum(
        1 + sum(count_equations(body) for body in inner(eqn.params))
        for eqn in jaxpr.eqns
    )


def in_turns(
    ours: Callable[[], Any], theirs: Callable[[], Any], repeats: int = 20
) -> tuple[float, float]:
    """Median times of two functions in milliseconds, called in turns once warm."""
    ours()
    theirs()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for fun, found in zip((ours, theirs), times, strict=True):
            start = time.perf_counter()
            fun()
            found.append(1e3 * (time.perf_counter() - start))
    return float(np.median(times[0])), float(np.median(times[1]))


if __name__ == "__main__":
    main()
