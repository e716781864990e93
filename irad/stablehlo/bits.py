"""Numbers that are read as bits and come back as numbers: no derivative is known.

Bits have derivative zero, in JAX too, which has primitives for what is done with the
bits in between (``nextafter``). A module has the bits alone, so that a derivative would
be zero where it is not. That is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax import lax

from irad._compat import ir
from irad._compat.ir import Jaxpr, JaxprEqn, Var
from irad.errors import NotDifferentiableError
from irad.linearization import is_differentiable


def check_bits(jaxpr: Jaxpr, active: Sequence[bool]) -> None:
    """NotDifferentiableError if a number is made of the bits of an active one."""
    moving = {v for v, a in zip(jaxpr.invars, active, strict=True) if a}
    bits: dict[Var, JaxprEqn] = {}
    for eqn in jaxpr.eqns:
        operands = [x for x in eqn.invars if type(x) is Var]
        of_moving = not moving.isdisjoint(operands)
        read = next((bits[x] for x in operands if x in bits), None)
        if eqn.primitive is lax.bitcast_convert_type_p:
            read = eqn if of_moving else read
            if read is not None and is_differentiable(eqn.outvars[0].aval):
                raise _error(read, eqn)
        for v in eqn.outvars:
            aval: Any = v.aval
            if is_differentiable(aval):
                moving.update([v] if of_moving else [])
            elif read is not None and aval.dtype != bool:
                bits[v] = read
        if of_moving:
            for body in ir.inner_jaxprs(eqn):
                check_bits(body, [is_differentiable(v.aval) for v in body.invars])


def _error(read: JaxprEqn, made: JaxprEqn) -> NotDifferentiableError:
    there = ir.source_line(read)
    again = "" if made is read else f" ({ir.source_line(made)})"
    return NotDifferentiableError(
        f"a differentiated number is read as bits ({there}), and a number is made of "
        f"them{again}: what its derivative is the bits do not say"
    )
