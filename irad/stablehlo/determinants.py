"""Diagonals of LU factors, read back: their derivative is by two solves.

A determinant needs of the factors the diagonal alone, and JAX's functions know its
derivative; a module has nothing else than the factors'. With ``P A = L U``,

    d u_ii = u_ii (L^-1 P dA U^-1)_ii,

which takes no product of matrices.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.lax import gather_p
from jax.lax.linalg import lu_p

from irad._compat.ir import Jaxpr, JaxprEqn
from irad.compression.known import Scope
from irad.emitter import Snippet, Spliced, snippet, with_snippets
from irad.linear_map import Array, bind
from irad.rules.matrices import numbers_along
from irad_passes.bodies import BodyRewriter

_LARGEST = 2**24
"""Elements of a matrix whose diagonal is looked for: it is, by numbering them."""


def as_diagonals(jaxpr: Jaxpr) -> Jaxpr:
    """The jaxpr with diagonals that know their derivative in the place of gathers."""
    made: dict[int, JaxprEqn] = {}  # matrices of factors, and what factorizes

    def diagonal(eqn: JaxprEqn) -> Spliced | None:
        if eqn.primitive is lu_p:
            made[id(eqn.outvars[0])] = eqn
        factors = made.get(id(eqn.invars[0])) if eqn.primitive is gather_p else None
        if factors is None or not _is_diagonal(eqn, Scope(jaxpr, _unknown)):
            return None
        lu, _, permutation = factors.outvars
        operands = [factors.invars[0], lu, permutation, eqn.invars[1]]
        params = tuple(eqn.params.items())
        return _code(params, *(x.aval for x in operands)), operands

    return with_snippets(jaxpr, diagonal, _INTO_BODIES)


_INTO_BODIES = BodyRewriter(as_diagonals)


def _unknown(v: Any) -> None:
    """The value of an input."""
    del v


def _is_diagonal(gather: JaxprEqn, scope: Scope) -> bool:
    """Whether what a gather takes of matrices is their diagonals, whatever they are."""
    aval: Any = gather.invars[0].aval
    *_, rows, columns = shape = aval.shape
    if rows != columns or not 0 < aval.size <= _LARGEST:
        return False
    indices = scope.value(gather.invars[1])
    if indices is None:
        return False
    numbers = np.arange(aval.size, dtype=np.int32).reshape(shape)
    params = {**gather.params, "fill_value": None}
    with jax.ensure_compile_time_eval():
        found = np.asarray(bind(gather_p, [numbers, indices], params))
    expected = np.diagonal(numbers, axis1=-2, axis2=-1)
    return found.shape == expected.shape and np.array_equal(found, expected)


@functools.cache
def _code(params: tuple[tuple[str, Any], ...], *avals: Any) -> Snippet:
    def taken(x: Array, indices: Array) -> Array:
        return bind(gather_p, [x, indices], dict(params))

    @jax.custom_jvp
    def diagonal(a: Array, lu: Array, permutation: Array, indices: Array) -> Array:
        del a, permutation
        return taken(lu, indices)

    @diagonal.defjvp
    def _(x: tuple[Array, ...], t: tuple[Array, ...]) -> tuple[Array, Array]:
        _, lu, permutation, indices = x
        y = diagonal(*x)
        half = lax.linalg.triangular_solve(
            lu,
            _with_rows_at(t[0], _inverse(permutation)),
            left_side=True,
            lower=True,
            unit_diagonal=True,
        )
        whole = lax.linalg.triangular_solve(lu, half, lower=False)
        return y, y * taken(whole, indices)

    structs = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in avals]
    with jax.enable_x64(True):
        made = jax.make_jaxpr(diagonal)(*structs)
    return snippet(made.jaxpr, made.consts)


def _with_rows_at(x: Array, places: Array) -> Array:
    """Matrices with each row in another place; pulled back, rows are read there."""
    batch = tuple(range(x.ndim - 2))
    numbers = lax.ScatterDimensionNumbers(
        update_window_dims=(x.ndim - 1,),
        inserted_window_dims=(x.ndim - 2,),
        scatter_dims_to_operand_dims=(x.ndim - 2,),
        operand_batching_dims=batch,
        scatter_indices_batching_dims=batch,
    )
    return _put(lax.full_like(x, 0), places, x, numbers)


def _inverse(permutation: Array) -> Array:
    """The place of each number in a permutation."""
    batch = tuple(range(permutation.ndim - 1))
    numbers = lax.ScatterDimensionNumbers(
        update_window_dims=(),
        inserted_window_dims=(permutation.ndim - 1,),
        scatter_dims_to_operand_dims=(permutation.ndim - 1,),
        operand_batching_dims=batch,
        scatter_indices_batching_dims=batch,
    )
    places = numbers_along(permutation, permutation.ndim - 1)
    return _put(lax.full_like(permutation, 0), permutation, places, numbers)


def _put(x: Array, places: Array, updates: Array, numbers: Any) -> Array:
    return lax.scatter(
        x,
        lax.expand_dims(places, (places.ndim,)),
        updates,
        numbers,
        unique_indices=True,
        mode=lax.GatherScatterMode.PROMISE_IN_BOUNDS,
    )
