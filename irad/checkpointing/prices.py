"""Prices, in seconds: what it costs a loop to keep a value, or to compute it again.

A value that a loop keeps is written to a stack and read back from it, which is dear
where the stack outgrows the cache. One that is computed again inside other kernels
costs its arithmetic alone; a contraction, a factorization or a loop costs what it
costs.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from jax import lax

from irad import cost
from irad._compat.ir import JaxprEqn, Var
from irad.cost import Machine, seconds
from irad.cost.contractions import CONTRACTIONS
from irad.cost.operations import FUNCTIONS, MOVES, operations
from irad_passes import Price

SMALL_PRODUCTS = 1.5
"""So many times longer than at full speed take the products of one step of a loop."""

# What runs inside the kernels that read it; a concatenation is a kernel of its own.
_FREE = MOVES - {lax.concatenate_p}

# Among equals the fewest values are kept, and of those the fewest computed again.
_LEAST_KEPT, _LEAST_COMPUTED = 1e-12, 1e-13


def bytes_of(aval: Any) -> int:
    """Bytes of a value of a type; those of a key are a guess."""
    return getattr(aval, "size", 0) * getattr(aval.dtype, "itemsize", 8)


def loop_price(machine: Machine, keeping: float) -> Price:
    """What a step of a loop pays for what it keeps and computes again.

    ``keeping`` is the price of a byte that it stacks.
    """

    def kept(v: Var) -> float:
        return keeping * bytes_of(v.aval) + _LEAST_KEPT

    return Price(kept, _computed(machine))


def _computed(machine: Machine) -> Callable[[JaxprEqn], float]:
    def computed(eqn: JaxprEqn) -> float:
        if eqn.primitive in _FREE:
            return _LEAST_COMPUTED
        function = FUNCTIONS.get(eqn.primitive)
        if function is not None:
            # The function's own count, since this is asked of each equation.
            simple = function.flops - function.transcendentals
            entry = simple / machine.flops
            entry += function.transcendentals * machine.transcendental
            aval: Any = eqn.outvars[0].aval
            return aval.size * entry + _LEAST_COMPUTED
        if eqn.primitive in CONTRACTIONS:
            return SMALL_PRODUCTS * _alone(eqn, machine)
        return seconds(cost.equation_cost(eqn), machine)

    return computed


def _alone(product: JaxprEqn, machine: Machine) -> float:
    """Seconds for a product at full speed, its factors in the cache."""
    work = operations(product)
    moved = sum(bytes_of(x.aval) for x in (*product.invars, *product.outvars))
    contracting = 0.0 if work is None else work.contracted / machine.contracted
    return max(contracting, moved / machine.bandwidth(moved)) + machine.kernel


def deferral_gain(
    products: Sequence[JaxprEqn],
    stacked: Collection[Var],
    machine: Machine,
    keeping: float,
) -> float:
    """Seconds a step saves by leaving sums of its products for after the loop.

    ``stacked`` are the factors that are kept for that alone, at ``keeping`` a byte.
    """
    inside = after = 0.0
    for dot in products:
        work, total = operations(dot), bytes_of(dot.outvars[0].aval)
        inside += SMALL_PRODUCTS * _alone(dot, machine)
        inside += 2 * total / machine.bandwidth(total)
        after += work.contracted / machine.contracted if work else 0.0
    after += keeping * sum(bytes_of(x.aval) for x in stacked)
    return inside - after
