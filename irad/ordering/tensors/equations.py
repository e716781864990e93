"""The tensor graph of a jaxpr: one vertex an equation, one row a primitive.

A factor that is the same number for every entry is not stored: ``2 * x`` is a multiple
of a Kronecker delta, and so is ``x + y`` for a scalar ``y``. What is stored otherwise
has the shape of the formula of the partial.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from jax import lax

from irad._compat import ir
from irad.ordering.graph import Graph
from irad.ordering.tensors.graph import TensorGraph
from irad.ordering.tensors.moves import (
    Drop,
    Insert,
    Move,
    Permute,
    Rearrange,
    Resize,
    Shape,
)
from irad.ordering.tensors.partial import Partial, added
from irad.ordering.tensors.structure import Axis, Structure, diagonal

Shapes: TypeAlias = Sequence[Shape]
Params: TypeAlias = dict[str, Any]
# Shapes of the operands, shape of the result and params, to a partial in each operand.
Rule: TypeAlias = Callable[[Shapes, Shape, Params], Sequence[Partial | None]]


def tensor_graph(jaxpr: ir.Jaxpr) -> TensorGraph:
    """The graph of a jaxpr as it stands: nothing is shared or left out.

    Each input is a vertex, then each equation. Literals and constants carry no edge,
    and what has no derivative has none. Calls are to be inlined before. Raises
    ValueError for a primitive whose structure is not known.
    """
    number: dict[Any, int] = {v: i for i, v in enumerate(jaxpr.invars)}
    shapes = [_shape(v) for v in jaxpr.invars]
    edges: dict[tuple[int, int], Partial] = {}
    for eqn in jaxpr.eqns:
        to = len(shapes)
        shapes.append(_shape(eqn.outvars[0]))
        for x, partial in zip(eqn.invars, partials(eqn), strict=True):
            of = None if isinstance(x, ir.Literal) else number.get(x)
            if of is None or partial is None:
                continue
            known = edges.get((of, to))
            if known is not None:
                partial = added(known, partial, shapes[to])
            edges[of, to] = partial
        number[eqn.outvars[0]] = to
    outputs = [number[v] for v in jaxpr.outvars]
    plain = Graph(len(jaxpr.invars), edges, outputs)
    return TensorGraph(plain, tuple(shapes), tuple(edges.values()))


def partials(eqn: ir.JaxprEqn) -> Sequence[Partial | None]:
    """The partial in each operand, None where there is no derivative."""
    if eqn.primitive not in RULES:
        raise ValueError(f"the structure of '{eqn.primitive}' is not known")
    x = [_shape(v) for v in eqn.invars]
    return RULES[eqn.primitive](x, _shape(eqn.outvars[0]), eqn.params)


def _shape(v: Any) -> Shape:
    return tuple(v.aval.shape)


# Elementwise --------------------------------------------------------------------------


def _function(x: Shapes, y: Shape, _: Params) -> Sequence[Partial]:
    return [Partial(diagonal(y, y))]


def _of_the_other(x: Shapes, y: Shape, _: Params) -> Sequence[Partial]:
    """The partial in each operand has the shape of the other: a product, or a sum."""
    a, b = x
    return [_entrywise(a, y, b), _entrywise(b, y, a)]


def _quotient(x: Shapes, y: Shape, _: Params) -> Sequence[Partial]:
    """``1 / b`` and ``-a / b**2``."""
    a, b = x
    return [_entrywise(a, y, b), _entrywise(b, y, y)]


def _of_both(x: Shapes, y: Shape, _: Params) -> Sequence[Partial]:
    a, b = x
    return [_entrywise(a, y, y), _entrywise(b, y, y)]


def _entrywise(x: Shape, y: Shape, factor: Shape) -> Partial:
    """In an operand that may have rank 0 or axes of size 1 against the result."""
    stored = factor if math.prod(factor) > 1 else (0,) * len(y)
    if not x:
        rows = tuple(map(Axis, y, stored))
        return Partial(Structure(rows, ()))
    sizes = enumerate(zip(y, x, strict=True))
    partners = [at if m == n else None for at, (m, n) in sizes]
    rows = tuple(map(Axis, y, stored, partners))
    columns = (
        Axis(n, row.stored if row.partner is not None else 0, row.partner)
        for n, row in zip(x, rows, strict=True)
    )
    return Partial(Structure(rows, tuple(columns)))


# Contractions and reductions ----------------------------------------------------------


def _dot(x: Shapes, y: Shape, params: Params) -> Sequence[Partial]:
    """Results have the axes of the batch, then the free ones of each operand."""
    contracted, batch = params["dimension_numbers"]
    free = [
        [at for at in range(len(x[i])) if at not in (*contracted[i], *batch[i])]
        for i in range(2)
    ]
    first = len(batch[0]), len(batch[0]) + len(free[0])
    rows = [{at: first[i] + n for n, at in enumerate(free[i])} for i in range(2)]
    return [Partial(_dot_in(x[i], y, batch[i], rows[i])) for i in range(2)]


def _dot_in(
    x: Shape, y: Shape, batch: Sequence[int], free: dict[int, int]
) -> Structure:
    """Free axes are pairs without a value, axes of the batch pairs with one."""
    row_of = {at: row for row, at in enumerate(batch)} | free
    columns = tuple(
        Axis(n, 0 if at in free else n, row_of.get(at)) for at, n in enumerate(x)
    )
    column_of = {row: at for at, row in row_of.items()}
    rows = (
        Axis(m, columns[column_of[row]].stored, column_of[row])
        if row in column_of
        else Axis(m, m)
        for row, m in enumerate(y)
    )
    return Structure(tuple(rows), columns)


def _sum(x: Shapes, y: Shape, params: Params) -> Sequence[Partial]:
    return [Partial(_reduced(x[0], params["axes"], lambda size: 0))]


def _extremum(x: Shapes, y: Shape, params: Params) -> Sequence[Partial]:
    return [Partial(_reduced(x[0], params["axes"], lambda size: size))]


def _reduced(x: Shape, axes: Sequence[int], stored: Callable[[int], int]) -> Structure:
    """Reduced axes are dense; of the others, pairs, something may be stored."""
    left = [at for at in range(len(x)) if at not in axes]
    columns = (
        Axis(n, stored(n), left.index(at)) if at in left else Axis(n, n)
        for at, n in enumerate(x)
    )
    return Structure(
        tuple(Axis(x[at], stored(x[at]), at) for at in left), tuple(columns)
    )


# Moves --------------------------------------------------------------------------------


def _moved(*moves: Move) -> Sequence[Partial]:
    return [Partial(None, moves)]


def _broadcast(x: Shapes, y: Shape, params: Params) -> Sequence[Partial]:
    """Axes that grow are left out and put in again."""
    places = params["broadcast_dimensions"]
    grown = [at for at, place in enumerate(places) if x[0][at] != y[place]]
    kept = [place for at, place in enumerate(places) if at not in grown]
    new = [at for at in range(len(y)) if at not in kept]
    return _moved(
        Drop(tuple(grown), tuple(x[0][at] for at in grown)),
        Insert(tuple(new), tuple(y[at] for at in new)),
    )


def _concatenate(x: Shapes, y: Shape, params: Params) -> Sequence[Partial]:
    at = params["dimension"]
    return [Partial(None, (Resize(at, a[at], y[at]),)) for a in x]


def _squeeze(x: Shapes, y: Shape, params: Params) -> Sequence[Partial]:
    places = params["dimensions"]
    return _moved(Drop(tuple(places), (1,) * len(places)))


def _transpose(x: Shapes, y: Shape, params: Params) -> Sequence[Partial]:
    return _moved(Permute(tuple(params["permutation"])))


def _rearrange(x: Shapes, y: Shape, _: Params) -> Sequence[Partial]:
    return _moved(Rearrange(x[0], y))


def _copy(x: Shapes, y: Shape, _: Params) -> Sequence[Partial]:
    return _moved()


def _no_derivative(x: Shapes, y: Shape, _: Params) -> Sequence[None]:
    return [None] * len(x)


_FUNCTIONS = (
    *(lax.neg_p, lax.abs_p, lax.integer_pow_p, lax.square_p, lax.sqrt_p, lax.rsqrt_p),
    *(lax.exp_p, lax.log_p, lax.log1p_p, lax.logistic_p, lax.erf_p),
    *(lax.sin_p, lax.cos_p, lax.tan_p, lax.asin_p, lax.acos_p, lax.atan_p),
    *(lax.sinh_p, lax.cosh_p, lax.tanh_p, lax.asinh_p, lax.acosh_p, lax.atanh_p),
)
RULES: dict[Any, Rule] = {
    **dict.fromkeys(_FUNCTIONS, _function),
    lax.add_p: _of_the_other,
    lax.sub_p: _of_the_other,
    lax.mul_p: _of_the_other,
    lax.div_p: _quotient,
    lax.atan2_p: _of_both,
    lax.pow_p: _of_both,
    lax.max_p: _of_both,
    lax.min_p: _of_both,
    lax.dot_general_p: _dot,
    lax.reduce_sum_p: _sum,
    lax.reduce_max_p: _extremum,
    lax.reduce_min_p: _extremum,
    lax.transpose_p: _transpose,
    lax.reshape_p: _rearrange,
    lax.slice_p: _rearrange,
    lax.broadcast_in_dim_p: _broadcast,
    lax.concatenate_p: _concatenate,
    lax.squeeze_p: _squeeze,
    lax.convert_element_type_p: _copy,
    lax.iota_p: _no_derivative,
    lax.stop_gradient_p: _no_derivative,
}
