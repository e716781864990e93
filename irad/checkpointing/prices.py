"""Prices, in seconds: what it costs a loop to keep a value, or to compute it again.

A value that a loop keeps is written to a stack that outgrows every cache, and read back
from it. One that is computed again inside other kernels costs its arithmetic alone; a
contraction, a factorization or a loop costs what it costs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from irad._compat.ir import JaxprEqn, Var
from irad.cost import Cost, Machine, equation_cost, seconds
from irad.cost.operations import FUNCTIONS, MOVES, operations
from irad_passes import Price

SMALL_PRODUCTS = 2.0
"""So many times longer than at full speed take the products of one step of a loop."""

# Among equals the fewest values are kept, and of those the fewest computed again.
_LEAST_KEPT, _LEAST_COMPUTED = 1e-12, 1e-13


def bytes_of(aval: Any) -> int:
    """Bytes of a value of a type; those of a key are a guess."""
    return getattr(aval, "size", 0) * getattr(aval.dtype, "itemsize", 8)


def loop_price(machine: Machine, storing: float) -> Price:
    """What a step of a loop pays for what it keeps and computes again.

    ``storing`` multiplies the price of what is kept.
    """
    keeping = storing * machine.keeping

    def kept(v: Var) -> float:
        return keeping * bytes_of(v.aval) + _LEAST_KEPT

    return Price(kept, _computed(machine))


def _computed(machine: Machine) -> Callable[[JaxprEqn], float]:
    def computed(eqn: JaxprEqn) -> float:
        work = operations(eqn)
        if work is None or work.contracted:
            return SMALL_PRODUCTS * seconds(equation_cost(eqn), machine)
        if eqn.primitive in FUNCTIONS or eqn.primitive in MOVES:
            inside = Cost(work.flops, work.transcendentals)
            return seconds(inside, machine) + _LEAST_COMPUTED
        return seconds(equation_cost(eqn), machine)

    return computed


def deferral_gain(
    products: Sequence[JaxprEqn], stacked: Collection[Var], machine: Machine
) -> float:
    """Seconds a step saves by leaving sums of its products for after the loop.

    ``stacked`` are the factors that are kept for that alone.
    """
    inside = after = 0.0
    for dot in products:
        cost, total = equation_cost(dot), bytes_of(dot.outvars[0].aval)
        inside += SMALL_PRODUCTS * seconds(cost, machine)
        inside += 2 * total / machine.bandwidth(total)
        after += cost.contracted / machine.contracted
    after += machine.keeping * sum(bytes_of(x.aval) for x in stacked)
    return inside - after
