"""Rules of the primitives that choose elements: gather, scatter, slices.

Indices carry no tangent. Gather and scatter-add are transposes of one another. The
conventions where elements meet:

* ``scatter`` to the same place twice: one update wins, and it alone has a derivative;
* ``scatter_min``, ``scatter_max``: operand and updates that attain a result share it;
* an index out of bounds: what is dropped or filled in has no derivative.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from jax import lax
from jax.lax import GatherDimensionNumbers, GatherScatterMode, ScatterDimensionNumbers

from irad._compat import ir
from irad._compat.storing import stored_p
from irad.linear_map import (
    Apply,
    Array,
    Blocks,
    Function,
    Joint,
    LinearMap,
    Params,
    Scale,
    bind,
)
from irad.rules.registry import (
    Equation,
    Jacobian,
    Rewritten,
    Rule,
    by_case,
    joint,
    jointly,
    linear,
    register,
    replaced,
)
from irad.rules.scattering import scattered_by
from irad.rules.sorting import index_dtype

OPERAND, UPDATES = 0, 2


def _zeros(aval: Any, c: Array) -> Array:
    """Zeros of a type, varying over the mesh axes that ``c`` varies over."""
    return lax.full_like(c, 0, shape=aval.shape, sharding=aval.sharding)


# Gather and scatter as transposes -----------------------------------------------------


def _scatter_add(x: Array, indices: Array, updates: Array, params: Any) -> Array:
    """Adds ``updates`` where a scatter with these params puts them."""
    return lax.scatter_add(
        x,
        indices,
        updates,
        params["dimension_numbers"],
        indices_are_sorted=params["indices_are_sorted"],
        unique_indices=params["unique_indices"],
        mode=params["mode"],
    )


def _gather(
    x: Array, indices: Array, updates_shape: Sequence[int], params: Any
) -> Array:
    """Reads ``x`` where a scatter with these params writes; 0 out of bounds."""
    numbers = params["dimension_numbers"]
    single = {*numbers.inserted_window_dims, *numbers.operand_batching_dims}
    sizes = iter([updates_shape[d] for d in numbers.update_window_dims])
    return lax.gather(
        x,
        indices,
        GatherDimensionNumbers(
            offset_dims=numbers.update_window_dims,
            collapsed_slice_dims=numbers.inserted_window_dims,
            start_index_map=numbers.scatter_dims_to_operand_dims,
            operand_batching_dims=numbers.operand_batching_dims,
            start_indices_batching_dims=numbers.scatter_indices_batching_dims,
        ),
        [1 if d in single else next(sizes) for d in range(x.ndim)],
        unique_indices=params["unique_indices"],
        indices_are_sorted=params["indices_are_sorted"],
        mode=params["mode"],
        fill_value=0,
    )


def _scattered(c: Array, J: Apply) -> Array:
    """The transpose of a gather: the cotangents of an element read twice are added."""
    numbers = J.params["dimension_numbers"]
    inverse = ScatterDimensionNumbers(
        update_window_dims=numbers.offset_dims,
        inserted_window_dims=numbers.collapsed_slice_dims,
        scatter_dims_to_operand_dims=numbers.start_index_map,
        operand_batching_dims=numbers.operand_batching_dims,
        scatter_indices_batching_dims=numbers.start_indices_batching_dims,
    )
    params = {**J.params, "dimension_numbers": inverse}
    return _scatter_add(_zeros(J.domain, c), J.others[1], c, params)


def _gather_blocks(eqn: Equation) -> Blocks:
    """A gather of the tangent, with 0 wherever the gather fills in a value."""
    params = eqn.params
    if params["mode"] is GatherScatterMode.FILL_OR_DROP:
        params = Params({**params, "fill_value": 0})
    domain = ir.tangent_aval(ir.typeof(eqn.x[0]))
    codomain = ir.tangent_aval(ir.typeof(eqn.y[0]))
    others = (None, eqn.x[1])
    J = Apply(domain, codomain, others, eqn.primitive, params, 0, _scattered)
    return Blocks(((J,),))


register(lax.gather_p, Jacobian("linear", _gather_blocks))


# Scatter ------------------------------------------------------------------------------


def _is_linear_in(position: int) -> bool:
    return position in (OPERAND, UPDATES)


def _of_sum(c: Array, J: Joint) -> Sequence[Array | None]:
    shape = J.domains[UPDATES].shape
    return c, None, _gather(c, J.others[1], shape, J.params)


def _of_difference(c: Array, J: Joint) -> Sequence[Array | None]:
    shape = J.domains[UPDATES].shape
    return c, None, lax.neg(_gather(c, J.others[1], shape, J.params))


def _of_choice(c: Array, J: Joint) -> Sequence[Array | None]:
    """Cuts what was overwritten out of the operand's cotangent, and hands it over."""
    updates = J.domains[UPDATES]
    cut = bind(J.primitive, [c, J.others[1], _zeros(updates, c)], J.params)
    return cut, None, _gather(c, J.others[1], updates.shape, J.params)


joint(lax.scatter_add_p, _of_sum, operands=_is_linear_in)
joint(lax.scatter_sub_p, _of_difference, operands=_is_linear_in)
CHOICE = jointly(_of_choice, operands=_is_linear_in)


@by_case(lax.scatter_p)
def _scatter(params: Any, avals: Any, active: tuple[int, ...]) -> Rule | None:
    """Linear if no two active updates can meet; ``scatter_apply`` is JAX's."""
    del avals
    if params["update_jaxpr"] is not None:
        return None
    if params["unique_indices"] or UPDATES not in active:
        return CHOICE
    return Rewritten(_scatter_of_winners)


def _scatter_of_winners(x: Array, indices: Array, u: Array, **params: Any) -> Array:
    """Scatter as a sum: every place but one of several updates to it is masked.

    Which update wins is for the backend to say, and it need not say the same twice. So
    numbers are scattered first, and the winners are read off.
    """
    numbers = params["dimension_numbers"]
    shape = [1 if d in numbers.update_window_dims else n for d, n in enumerate(u.shape)]
    dtype = index_dtype(math.prod(shape) + 1)
    names = lax.reshape(lax.iota(dtype, math.prod(shape)), shape) + dtype(1)
    names = lax.broadcast_in_dim(names, u.shape, range(u.ndim))
    nobody = lax.full_like(x, 0, dtype=dtype)
    places = lax.scatter(
        nobody,
        indices,
        names,
        numbers,
        indices_are_sorted=params["indices_are_sorted"],
        mode=params["mode"],
    )
    winners = _gather(places, indices, u.shape, params)
    kept = lax.select(lax.eq(places, nobody), x, lax.full_like(x, 0))
    won = lax.select(lax.eq(names, winners), u, lax.full_like(u, 0))
    return _scatter_add(kept, indices, won, params)


@by_case(lax.scatter_mul_p)
def _scatter_mul(params: Any, avals: Any, active: tuple[int, ...]) -> Rule | None:
    """In updates that may meet, one after another: JAX has no derivative in these."""
    del avals
    if UPDATES in active and not params["unique_indices"]:
        clips = params["mode"] is GatherScatterMode.CLIP
        return None if clips else Rewritten(_scatter_mul_in_turn)
    return Jacobian("product", _product_blocks)


def _scatter_mul_in_turn(x: Array, indices: Array, u: Array, **params: Any) -> Array:
    """The product with one update after another."""
    numbers = params["dimension_numbers"]
    (y,) = scattered_by(_multiplied, [x], indices, [u], numbers, unique=False)
    return y


def _multiplied(x: Array, u: Array) -> Sequence[Array]:
    return (lax.mul(x, u),)


def _product_blocks(eqn: Equation) -> Blocks:
    """``y = x * u`` at the places of the updates, ``y = x`` elsewhere."""
    x, indices, u = eqn.x
    params, shape = eqn.params, u.shape
    codomain = ir.tangent_aval(ir.typeof(eqn.y[0]))

    def again(c: Array, J: Apply) -> Array:
        return bind(J.primitive, [c, *J.others[1:]], J.params)

    def push(leaves: Any, t: Array) -> Array:
        x, indices = leaves
        placed = _scatter_add(lax.full_like(x, 0), indices, t, params)
        return lax.mul(x, placed)

    def pull(leaves: Any, c: Array) -> Array:
        x, indices = leaves
        return _gather(lax.mul(c, x), indices, shape, params)

    def block(i: int) -> LinearMap:
        domain = ir.tangent_aval(ir.typeof(eqn.x[i]))
        if i == UPDATES:
            return Function(domain, codomain, (x, indices), push, pull)
        others = (None, indices, u)
        return Apply(domain, codomain, others, eqn.primitive, params, 0, again)

    return Blocks((tuple(block(i) for i in eqn.active),))


def _extremum(eqn: Equation) -> tuple[Sequence[Array], Blocks]:
    """All of operand and updates that attain the result at a place share its tangent.

    With ``n`` such updates the operand's share is ``1 / (n + 1)`` if it attains the
    result too (where there is no update it always does) and 0 if not. An operand that
    is NaN keeps its tangent, an update that is NaN gets none.
    """
    # What is compared is computed once, or it might attain nothing.
    x, indices, u = stored_p.bind(eqn.x[0]), eqn.x[1], stored_p.bind(eqn.x[2])
    params, shape = eqn.params, u.shape
    y = bind(eqn.primitive, [x, indices, u], params)
    codomain = ir.tangent_aval(ir.typeof(y))
    one, zero = lax.full_like(u, 1), lax.full_like(u, 0)
    attains = lax.eq(u, _gather(y, indices, shape, params))
    n = _scatter_add(
        lax.full_like(x, 0), indices, lax.select(attains, one, zero), params
    )
    kept = lax.bitwise_or(lax.eq(x, y), lax.ne(x, x))
    zero_x = lax.full_like(x, 0)
    parts = lax.add(n, lax.select(kept, lax.full_like(x, 1), zero_x))

    def push(leaves: Any, t: Array) -> Array:
        share, indices = leaves
        return _scatter_add(_zeros(codomain, t), indices, lax.mul(t, share), params)

    def pull(leaves: Any, c: Array) -> Array:
        share, indices = leaves
        return lax.mul(_gather(c, indices, shape, params), share)

    def block(i: int) -> LinearMap:
        domain = ir.tangent_aval(ir.typeof(eqn.x[i]))
        if i == OPERAND:
            share = lax.select(kept, lax.div(lax.full_like(x, 1), parts), zero_x)
            return Scale(domain, codomain, share)
        share = lax.div(one, _gather(parts, indices, shape, params))
        share = lax.select(attains, share, zero)
        return Function(domain, codomain, (share, indices), push, pull)

    return (y,), Blocks((tuple(block(i) for i in eqn.active),))


replaced(lax.scatter_min_p)(_extremum)
replaced(lax.scatter_max_p)(_extremum)

# Dynamic slices -----------------------------------------------------------------------

NOTHING = Params()


def _placed(c: Array, J: Apply) -> Array:
    operands = [_zeros(J.domain, c), c, *J.others[1:]]
    return bind(lax.dynamic_update_slice_p, operands, NOTHING)


def _taken_out(c: Array, J: Joint) -> Sequence[Array | None]:
    """Cuts the updated block out of the operand's cotangent, and hands it over.

    The indices are already counted from the front, so the primitives are used directly.
    """
    start = J.others[2:]
    update = J.domains[1]
    cut = bind(J.primitive, [c, _zeros(update, c), *start], J.params)
    sizes = Params(slice_sizes=update.shape)
    return [cut, bind(lax.dynamic_slice_p, [c, *start], sizes), *[None] * len(start)]


linear(lax.dynamic_slice_p, _placed)
joint(lax.dynamic_update_slice_p, _taken_out, operands=lambda position: position < 2)
