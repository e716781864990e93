"""Rules of the operations with bodies that only modules have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from irad._compat import ir
from irad._compat.ir import ClosedJaxpr
from irad.linear_map import Array, Blocks, Params, bind
from irad.rules.index import permuted
from irad.rules.registry import Equation, replaced, rewritten
from irad.rules.scattering import scattered_by
from irad_passes.modules import scatter_by_p, sort_by_p


@replaced(sort_by_p)
def _sort_by(eqn: Equation) -> tuple[Sequence[Array], Blocks]:
    def sort(xs: Sequence[Array]) -> Sequence[Array]:
        comparator = _with_pair(eqn.params["comparator"], ir.typeof(xs[-1]).dtype)
        return bind(eqn.primitive, xs, Params({**eqn.params, "comparator": comparator}))

    return permuted(eqn, sort)


def _with_pair(comparator: ClosedJaxpr, dtype: Any) -> ClosedJaxpr:
    """A comparator that takes one more pair of scalars, and does not compare it."""
    aval = ir.ShapedArray((), dtype)
    jaxpr = comparator.jaxpr
    invars = [*jaxpr.invars, ir.Var(aval), ir.Var(aval)]
    made = ir.make_jaxpr_object(invars, jaxpr.outvars, jaxpr.eqns, "comparator")
    return ir.closed_jaxpr(made)


@rewritten(scatter_by_p)
def _scatter_by(
    *operands: Array,
    body: ClosedJaxpr,
    dimension_numbers: Any,
    unique_indices: bool,
    **_: Any,
) -> Sequence[Array]:
    count = len(operands) // 2
    return scattered_by(
        ir.jaxpr_as_fun(body),
        operands[:count],
        operands[count],
        operands[count + 1 :],
        dimension_numbers,
        unique=unique_indices,
    )
