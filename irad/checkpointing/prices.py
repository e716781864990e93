"""Prices, in seconds: what it costs to keep a value and what to compute it again.

A value that a loop keeps is written to a stack that outgrows every cache and read back
from it. One that is computed again in a kernel with others costs its arithmetic alone;
a contraction, a factorization or a loop costs what it costs.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from typing import Any

from irad._compat import ir
from irad._compat.ir import JaxprEqn, Var
from irad.cost import MACHINES, Machine, equation_cost, seconds
from irad.cost.operations import is_entrywise, operations, CONTRACTIONS, FUNCTIONS, MOVES
from irad_passes import Price
from jax import lax

STORE = float(os.environ.get("STORE", "3")) * 1e-9 / 4
DOT = float(os.environ.get("DOT", "2.0"))


def bytes_of(aval: Any) -> int:
    """Bytes of a value of a type."""
    return getattr(aval, "size", 0) * getattr(aval.dtype, "itemsize", 8)


def kept(v: Var) -> float:
    return STORE * bytes_of(v.aval) + 1e-12


def computed(eqn: JaxprEqn) -> float:
    found = operations(eqn)
    if found is None or found.contracted:
        return seconds(equation_cost(eqn)) * DOT
    fused = eqn.primitive in FUNCTIONS or eqn.primitive in MOVES
    if not fused:
        return seconds(equation_cost(eqn))
    machine = MACHINES["cpu"]
    simple = found.flops - found.transcendentals
    return (simple / machine.flops + found.transcendentals * machine.transcendental) + 1e-13


def price(storing: float = 1.0) -> Price:
    """What a loop's step costs."""
    return Price(lambda v: storing * kept(v), computed)


def deferral_gain(dots: Sequence[JaxprEqn], stacked: Collection[Var], length: int, machine: Machine) -> float:
    if os.environ.get("NODEFER"): return -1
    inside = after = 0.0
    for dot in dots:
        cost = equation_cost(dot)
        out = bytes_of(dot.outvars[0].aval)
        inside += seconds(cost) * DOT + 2 * out / machine.bandwidth(out)
        after += cost.contracted / machine.contracted
    after += sum(STORE * bytes_of(x.aval) for x in stacked)
    if os.environ.get("FORCE"): return 1
    return length * (inside - after)
