"""Counts that are the same on every run: equations, operations, instructions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jax.extend import core


def equations(jaxpr: core.Jaxpr) -> int:
    """Equations with those of inner programs, at each place where they stand.

    A call (``jit``) is as many equations as its body has; a loop, a branch or a
    custom rule is one more than its bodies. All branches count, and a loop's body
    counts once.
    """
    return _equations(jaxpr, {})


def stablehlo_operations(lowered: Any) -> int:
    """Operations of a lowered program in its functions and regions."""
    module = lowered.compiler_ir("stablehlo")
    structure = {"builtin.module", "func.func", "func.return", "stablehlo.return"}
    return sum(op.name not in structure for op in _operations(module.operation))


def _equations(jaxpr: core.Jaxpr, known: dict[int, int]) -> int:
    if id(jaxpr) not in known:
        known[id(jaxpr)] = sum(
            (eqn.primitive.name != "jit")
            + sum(_equations(inner, known) for inner in _inner(eqn.params.values()))
            for eqn in jaxpr.eqns
        )
    return known[id(jaxpr)]


def _inner(params: Any) -> Iterator[core.Jaxpr]:
    for value in params:
        if isinstance(value, core.ClosedJaxpr):
            yield value.jaxpr
        elif isinstance(value, core.Jaxpr):
            yield value
        elif isinstance(value, tuple | list):
            yield from _inner(value)


def _operations(operation: Any) -> Iterator[Any]:
    yield operation
    for region in operation.regions:
        for block in region.blocks:
            for inner in block.operations:
                yield from _operations(inner.operation)
