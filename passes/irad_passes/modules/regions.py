"""Regions that work on scalars: what they compute, as far as it has a name."""

from __future__ import annotations

import functools
from collections.abc import Hashable
from typing import Any

from irad_passes._compat import Literal, Var
from irad_passes._compat.mlir import (
    ClosedJaxpr,
    ShapedArray,
    current_equation_context,
    equation,
    ir,
    named_source,
    only_equation,
)
from irad_passes.inline import inline
from irad_passes.keys import atom_key, param_key
from irad_passes.modules.frames import Frame, jaxpr_of
from irad_passes.modules.tables import ELEMENTWISE

COMMUTATIVE = frozenset(
    f"stablehlo.{name}"
    for name in ("add", "and", "maximum", "minimum", "multiply", "or", "xor")
)
"""The operations whose operands may stand in either order."""


def scalar_program(frame: Frame, region: Any) -> ClosedJaxpr | None:
    """A region as a jaxpr of its arguments; None if it reads values around it."""
    body = frame.body(region)
    return None if body.captured else ClosedJaxpr(inline(body.jaxpr), ())


@functools.cache
def combination(name: str, dtype: Any) -> ClosedJaxpr:
    """The program that applies one operation to two scalars."""
    primitive, params = only_equation(*ELEMENTWISE[name])
    aval = ShapedArray((), dtype)
    given = [Var(aval), Var(aval)]
    source, ctx = named_source(""), current_equation_context()
    eqn = equation(primitive, given, [aval], params, source, ctx)
    return ClosedJaxpr(jaxpr_of(given, eqn.outvars, [eqn]), ())


def operations_of_body(region: Any) -> list[str]:
    """The operations by which a body makes each result of two of its arguments.

    Result ``i`` of ``n`` is to come from arguments ``i`` and ``n + i``, in this order:
    ``"return"`` is the second argument itself, the empty text anything else.
    """
    (block,) = region.blocks
    given = list(block.arguments)
    results = list(block.operations[len(block.operations) - 1].operation.operands)
    count = len(results)
    if 2 * count != len(given):
        return [""] * count
    return [
        _operation_on(result, given[i], given[count + i])
        for i, result in enumerate(results)
    ]


def _operation_on(result: Any, first: Any, second: Any) -> str:
    if result == second:
        return "return"
    if isinstance(result, ir.BlockArgument):
        return ""
    op = result.owner
    op = op.operation
    if op.name == "sdy.sharding_constraint":
        return _operation_on(op.operands[0], first, second)
    operands = list(op.operands)
    swapped = op.name in COMMUTATIVE and operands == [second, first]
    return op.name if operands == [first, second] or swapped else ""


def computes_same(a: ClosedJaxpr, b: ClosedJaxpr) -> bool:
    """Whether two programs compute the same in the same way.

    Each value is named by what computes it, so that the order of equations, and what is
    computed twice or never read, make no difference.
    """
    if list(map(str, a.in_avals)) != list(map(str, b.in_avals)):
        return False
    names: dict[Hashable, int] = {}
    return _named_results(a, names) == _named_results(b, names)


def _named_results(program: ClosedJaxpr, names: dict[Hashable, int]) -> list[Hashable]:
    known: dict[Var, Hashable] = {
        v: ("input", i) for i, v in enumerate(program.jaxpr.invars)
    }

    def name(x: Var | Literal) -> Hashable:
        return known[x] if isinstance(x, Var) else atom_key(x)

    for eqn in program.jaxpr.eqns:
        what = (eqn.primitive, param_key(eqn.params), *map(name, eqn.invars))
        number = names.setdefault(what, len(names))
        for j, v in enumerate(eqn.outvars):
            known[v] = (number, j)
    return list(map(name, program.jaxpr.outvars))
