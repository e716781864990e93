"""Counts that are the same on every run: equations, operations, instructions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from irad._compat import ir
from irad._compat.ir import Jaxpr


def equations(jaxpr: Jaxpr) -> int:
    """Equations with those of inner programs, at each place where they stand.

    A call (``jit``) is as many equations as its body has; a loop, a branch or a
    custom rule is one more than its bodies. All branches count, and a loop's body
    counts once.
    """
    return _equations(jaxpr, {})


def stablehlo_operations(module: Any) -> int:
    """Operations of a module in its functions and regions."""
    structure = {"builtin.module", "func.func", "func.return", "stablehlo.return"}
    return sum(op.name not in structure for op in _operations(module.operation))


def _equations(jaxpr: Jaxpr, known: dict[int, int]) -> int:
    if id(jaxpr) not in known:
        known[id(jaxpr)] = sum(
            (eqn.primitive.name != "jit")
            + sum(_equations(inner, known) for inner in ir.inner_jaxprs(eqn))
            for eqn in jaxpr.eqns
        )
    return known[id(jaxpr)]


def _operations(operation: Any) -> Iterator[Any]:
    yield operation
    for region in operation.regions:
        for block in region.blocks:
            for inner in block.operations:
                yield from _operations(inner.operation)
