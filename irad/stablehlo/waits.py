"""Values that wait, read back: they are the same numbers, with the same derivative.

A gradient that computes again has values that are there only once the cotangent is. In
a module such a value is made of bits, to which a count of other bits is added that is
always zero, and bits have no derivative.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import jax
from jax import lax

from irad._compat.ir import Atom, Jaxpr, JaxprEqn, Literal, Primitive
from irad._compat.waiting import after_p
from irad.emitter import Snippet, Spliced, snippet, with_snippets
from irad_passes.bodies import BodyRewriter

_PASSED_ON = (lax.broadcast_in_dim_p, lax.convert_element_type_p, lax.reshape_p)


def as_waits(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr with values that wait in the place of sums of their bits and zeros."""
    makers: dict[int, JaxprEqn] = {}

    def waiting(eqn: JaxprEqn) -> Spliced | None:
        found = _waiting(eqn, makers)
        makers.update({id(y): eqn for y in eqn.outvars})
        return (_code(*(x.aval for x in found)), found) if found else None

    return with_snippets(jaxpr, waiting, _INTO_BODIES)


_INTO_BODIES = BodyRewriter(as_waits)


def _waiting(eqn: JaxprEqn, makers: dict[int, JaxprEqn]) -> list[Atom]:
    """The value that an equation makes anew of its bits, and what that waits for."""
    total = _maker(eqn, lax.bitcast_convert_type_p, makers, 0)
    if total is None or total.primitive is not lax.add_p:
        return []
    for i in (0, 1):
        bits = makers.get(id(total.invars[i]))
        witness = _witness(makers.get(id(total.invars[1 - i])), makers)
        if bits is None or bits.primitive is not lax.bitcast_convert_type_p:
            continue
        if witness is not None and bits.invars[0].aval == eqn.outvars[0].aval:
            return [bits.invars[0], witness]
    return []


def _witness(eqn: JaxprEqn | None, makers: dict[int, JaxprEqn]) -> Atom | None:
    """The number whose bits are counted for a zero; None if it is no such zero."""
    while eqn is not None and eqn.primitive in _PASSED_ON:
        eqn = makers.get(id(eqn.invars[0]))
    if eqn is None:
        return None
    count = _maker(eqn, lax.shift_right_logical_p, makers, 0)
    if count is None or count.primitive is not lax.population_count_p:
        return None
    (witness,) = count.invars
    aval: Any = witness.aval
    _, by = eqn.invars
    beyond = math.ceil(math.log2(8 * aval.dtype.itemsize + 1))
    return witness if type(by) is Literal and int(by.val) >= beyond else None


def _maker(
    eqn: JaxprEqn, primitive: Primitive, makers: dict[int, JaxprEqn], i: int
) -> JaxprEqn | None:
    """The equation that makes an operand of one that is of a primitive."""
    return makers.get(id(eqn.invars[i])) if eqn.primitive is primitive else None


@functools.cache
def _code(x: Any, witness: Any) -> Snippet:
    structs = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in (x, witness)]
    with jax.enable_x64(True):
        made = jax.make_jaxpr(after_p.bind)(*structs)
    return snippet(made.jaxpr, made.consts)
