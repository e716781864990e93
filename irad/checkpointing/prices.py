"""Prices, in seconds: what it costs to keep a value and what to compute it again.

A value that a loop keeps is written to a stack that outgrows every cache and read back
from it. One that is computed again in a kernel with others costs its arithmetic alone;
a contraction, a factorization or a loop costs what it costs.
"""

from __future__ import annotations

import os
from irad._compat import ir
from irad._compat.ir import JaxprEqn, Var
from irad.cost import MACHINES, equation_cost, seconds
from irad.cost.operations import is_entrywise, operations, CONTRACTIONS, FUNCTIONS, MOVES
from irad_passes import Price
from jax import lax

STORE = float(os.environ.get("STORE", "0.6")) * 1e-9 / 4
FACTOR = float(os.environ.get("FACTOR", "1.0"))


def bytes_of(v: Var) -> int:
    aval = v.aval
    return getattr(aval, "size", 0) * getattr(aval.dtype, "itemsize", 8)


def kept(v: Var) -> float:
    return STORE * bytes_of(v) + 1e-12


def computed(eqn: JaxprEqn) -> float:
    found = operations(eqn)
    if found is None or found.contracted:
        if os.environ.get("NODOT"):
            return float("inf")
        return seconds(equation_cost(eqn)) * float(os.environ.get("DOT", "1.0"))
    fused = eqn.primitive in FUNCTIONS or eqn.primitive in MOVES
    if not fused:
        return seconds(equation_cost(eqn))
    machine = MACHINES["cpu"]
    simple = found.flops - found.transcendentals
    return FACTOR * (simple / machine.flops + found.transcendentals * machine.transcendental) + 1e-13


PRICE = Price(kept, computed)
