"""``map``: a body of scalars, applied to every element."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from jax import lax

from irad_passes._compat import Literal, Primitive, Var
from irad_passes._compat.mlir import ShapedArray, only_equation
from irad_passes.modules.converters import Table
from irad_passes.modules.frames import Atom, Frame
from irad_passes.modules.regions import scalar_program
from irad_passes.modules.tables import CHLO, COMPARISONS, ELEMENTWISE

TABLE = Table()


@TABLE.converts("stablehlo.map")
def _map(frame: Frame, op: Any) -> Sequence[Atom] | None:
    """The equations of the body, with arrays in the place of scalars."""
    program = scalar_program(frame, op.regions[0])
    known = elementwise_primitives()
    if program is None or not {e.primitive for e in program.jaxpr.eqns} <= known:
        return None
    (aval,) = frame.avals(op)
    arrays: dict[Var, Atom] = dict(
        zip(program.jaxpr.invars, frame.operands(op), strict=True)
    )

    def array(x: Atom) -> Atom:
        return frame.broadcast(x, aval.shape) if isinstance(x, Literal) else arrays[x]

    for eqn in program.jaxpr.eqns:
        operands = list(map(array, eqn.invars))
        types = [ShapedArray(aval.shape, v.aval.dtype) for v in eqn.outvars]
        results = frame.equation(eqn.primitive, operands, types, **eqn.params)
        arrays.update(zip(eqn.outvars, results, strict=True))
    return list(map(array, program.jaxpr.outvars))


@functools.cache
def elementwise_primitives() -> frozenset[Primitive]:
    """The primitives whose params say nothing of shapes."""
    rows = (ELEMENTWISE | CHLO).values()
    return frozenset(
        {
            *(only_equation(*row)[0] for row in rows),
            *COMPARISONS.values(),
            lax.convert_element_type_p,
            lax.reduce_precision_p,
            lax.select_n_p,
        }
    )
