"""Solutions by LU factors, read back: their derivative is by another solve.

The factors that ``numpy.linalg.solve`` solves with are not differentiated; a module has
nothing else. Their own derivative takes products of whole matrices, that of a solution
one solve for each right-hand side, and an outer product.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
from jax import lax
from jax.lax.linalg import lu_p, triangular_solve_p

from irad._compat.ir import Atom, Jaxpr, JaxprEqn
from irad.emitter import Snippet, Spliced, snippet, with_snippets
from irad.linear_map import Array
from irad.rules.matrices import matmul, permuted_rows, solved_by_factors
from irad_passes.bodies import BodyRewriter

_LOWER, _UPPER = (
    {
        "left_side": True,
        "lower": lower,
        "transpose_a": False,
        "conjugate_a": False,
        "unit_diagonal": lower,
    }
    for lower in (True, False)
)


def as_solves(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr with linear solves in the place of solutions by LU factors.

    With ``P A = L U``, what ``U^-1 L^-1 b`` gives is the solution of ``P A x = b``,
    however ``b`` came to have its rows in that order.
    """
    makers: dict[int, JaxprEqn] = {}

    def solution(eqn: JaxprEqn) -> Spliced | None:
        found = _system(eqn, makers)
        makers.update({id(y): eqn for y in eqn.outvars})
        return (_code(*(x.aval for x in found)), found) if found else None

    return with_snippets(jaxpr, solution, _INTO_BODIES)


_INTO_BODIES = BodyRewriter(as_solves)


def _system(eqn: JaxprEqn, makers: dict[int, JaxprEqn]) -> list[Atom]:
    """A, its factors, the order of rows and the right-hand side of a solution.

    Nothing where an equation is not the second step of one.
    """
    half = _solved(eqn, _UPPER) and _maker(eqn.invars[1], makers)
    if not half or not _solved(half, _LOWER) or half.invars[0] is not eqn.invars[0]:
        return []
    factors = makers.get(id(eqn.invars[0]))
    if factors is None or factors.primitive is not lu_p:
        return []
    lu, _, permutation = factors.outvars
    return [factors.invars[0], lu, permutation, half.invars[1]]


def _maker(x: Atom, makers: dict[int, JaxprEqn]) -> JaxprEqn | None:
    """The equation that makes a matrix, which may be reshaped and reshaped back."""
    eqn = makers.get(id(x))
    while eqn is not None and eqn.primitive is lax.reshape_p:
        eqn = makers.get(id(eqn.invars[0]))
    same = eqn is not None and eqn.outvars[0].aval == x.aval
    return eqn if same else None


def _solved(eqn: JaxprEqn, params: dict[str, bool]) -> bool:
    return eqn.primitive is triangular_solve_p and eqn.params == params


@functools.cache
def _code(*avals: Any) -> Snippet:
    def solve(a: Array, lu: Array, permutation: Array, b: Array) -> Array:
        return lax.custom_linear_solve(
            lambda x: permuted_rows(matmul(a, x), permutation),
            b,
            lambda _, b: solved_by_factors(lu, b),
            lambda _, c: solved_by_factors(lu, c, transpose=True),
        )

    structs = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in avals]
    with jax.enable_x64(True):
        made = jax.make_jaxpr(solve)(*structs)
    return snippet(made.jaxpr, made.consts)
