"""Rules of the reductions and of the cumulative reductions.

Conventions as in JAX: elements that attain a maximum or minimum share its tangent in
equal parts, ``cummax`` and ``cummin`` share a tie as ``max`` does at each step of the
scan, and products of zeros are differentiated without dividing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import numpy as np
from jax import lax
from jax import numpy as jnp

from irad._compat import ir, mesh
from irad._compat.storing import stored_p
from irad.linear_map import Apply, Array, Blocks, Function, bind
from irad.rules.registry import Equation, linear, replaced, rewritten

# Sums ---------------------------------------------------------------------------------


def _repeated(c: Array, J: Apply) -> Array:
    x, axes = J.domain, J.params["axes"]
    kept = [d for d in range(len(x.shape)) if d not in axes]
    return lax.broadcast_in_dim(c, x.shape, kept, out_sharding=x.sharding)


def _summed_from_the_other_end(c: Array, J: Apply) -> Array:
    return lax.cumsum(c, J.params["axis"], reverse=not J.params["reverse"])


linear(lax.reduce_sum_p, _repeated)
linear(lax.cumsum_p, _summed_from_the_other_end)

# Extrema ------------------------------------------------------------------------------


def _extremum(eqn: Equation) -> tuple[Sequence[Array], Blocks]:
    """The mean over the elements that attain the extremum: ``sum(t * m) / sum(m)``.

    ``m`` is 1 where ``x == y`` and 0 elsewhere; a NaN attains nothing.
    """
    # What is compared is computed once, or it might attain nothing.
    x, axes = stored_p.bind(eqn.x[0]), eqn.params["axes"]
    y = bind(eqn.primitive, [x], eqn.params)
    kept = [d for d in range(x.ndim) if d not in axes]

    def spread(y: Array) -> Array:
        return lax.broadcast_in_dim(
            y, x.shape, kept, out_sharding=ir.typeof(x).sharding
        )

    def attained(leaves: Any) -> tuple[Array, Array]:
        x, y = leaves
        mask = lax.convert_element_type(lax.eq(x, spread(y)), x.dtype)
        return mask, lax.reduce_sum(mask, axes)

    def push(leaves: Any, t: Array) -> Array:
        mask, count = attained(leaves)
        return lax.div(lax.reduce_sum(lax.mul(t, mask), axes), count)

    def pull(leaves: Any, c: Array) -> Array:
        mask, count = attained(leaves)
        return lax.mul(spread(lax.div(c, count)), mask)

    domain, codomain = (ir.tangent_aval(ir.typeof(a)) for a in (x, y))
    return (y,), Blocks(((Function(domain, codomain, (x, y), push, pull),),))


replaced(lax.reduce_max_p)(_extremum)
replaced(lax.reduce_min_p)(_extremum)

# Products and other functions, as trees -----------------------------------------------

Reducer = Callable[[Sequence[Array], Sequence[Array]], Sequence[Array]]


def _halved(xs: Sequence[Array], reducer: Reducer, axis: int) -> Sequence[Array]:
    """Reduces a non-empty axis to size 1, each time the first half with the second.

    The tree has depth log2(n), and so has the chain of factors in a derivative.
    """
    while (n := xs[0].shape[axis]) > 1:
        half = n // 2
        low = [lax.slice_in_dim(x, 0, half, axis=axis) for x in xs]
        high = [lax.slice_in_dim(x, half, 2 * half, axis=axis) for x in xs]
        rest = [lax.slice_in_dim(x, 2 * half, n, axis=axis) for x in xs]
        xs = reducer(low, high)
        if n % 2:
            xs = [lax.concatenate(pair, axis) for pair in zip(xs, rest, strict=True)]
    return xs


@rewritten(lax.reduce_prod_p)
def _product(x: Array, *, axes: Sequence[int], **_: Any) -> Array:
    shape = [n for d, n in enumerate(x.shape) if d not in axes]
    if x.size == 0:
        return lax.full_like(x, 1, shape=tuple(shape))
    for axis in axes:
        x = _multiplied(x, axis)
    return lax.squeeze(x, axes)


def _multiplied(x: Array, axis: int) -> Array:
    """The product along a non-empty axis as a tree, an odd half filled up with a one.

    XLA fuses a pad into the product, where it would copy what is concatenated.
    """
    while (n := x.shape[axis]) > 1:
        half = (n + 1) // 2
        low = lax.slice_in_dim(x, 0, half, axis=axis)
        high = lax.slice_in_dim(x, half, n, axis=axis)
        if n % 2:
            config = [(0, int(d == axis), 0) for d in range(x.ndim)]
            high = lax.pad(high, lax.full_like(x, 1, shape=()), config)
        x = lax.mul(low, high)
    return x


@rewritten(lax.reduce_p)
def _reduction(
    *operands: Array, computation: Any, jaxpr: Any, dimensions: Sequence[int]
) -> Sequence[Array]:
    """A reduction by a function: of halves, and at last with the initial values.

    A function that such an order would change takes one element after another, as XLA
    does on CPU.
    """
    del computation
    k = len(operands) // 2
    xs, init = operands[:k], operands[k:]
    scalars = ir.jaxpr_as_fun(ir.closed(jaxpr))
    shape = [n for d, n in enumerate(xs[0].shape) if d not in dimensions]
    starts = [
        mesh.varying_as(lax.broadcast(a, shape), x)
        for a, x in zip(init, xs, strict=True)
    ]
    if xs[0].size == 0:
        return starts
    reducer = partial(elementwise_reducer, scalars)
    if not _takes_any_order(reducer, [ir.typeof(x).dtype for x in init]):
        return _one_by_one(xs, starts, reducer, dimensions)
    for axis in dimensions:
        xs = _halved(xs, reducer, axis)
    return reducer(starts, [lax.squeeze(x, dimensions) for x in xs])


def _one_by_one(
    xs: Sequence[Array],
    starts: Sequence[Array],
    reducer: Reducer,
    dimensions: Sequence[int],
) -> Sequence[Array]:
    """Reduces element by element, the last axis first."""
    kept = [d for d in range(xs[0].ndim) if d not in dimensions]
    order = (*sorted(dimensions), *kept)
    count = math.prod(xs[0].shape[d] for d in dimensions)
    rows = [lax.reshape(lax.transpose(x, order), (count, *starts[0].shape)) for x in xs]
    return lax.scan(lambda y, row: (list(reducer(y, row)), None), list(starts), rows)[0]


def _takes_any_order(reducer: Reducer, dtypes: Sequence[Any]) -> bool:
    """Whether a function is associative and commutative, as some numbers show it."""

    def ways(a: Any, b: Any, c: Any) -> Any:
        ab, bc = reducer(a, b), reducer(b, c)
        return [*reducer(ab, c), *ab], [*reducer(a, bc), *reducer(b, a)]

    def close(x: Any, y: Any) -> bool:
        exact = not ir.is_inexact(x.dtype)
        tolerance = 0 if exact else float(jnp.finfo(x.dtype).eps) ** 0.5
        wide = x.astype(np.complex128), y.astype(np.complex128)
        return np.allclose(*wide, rtol=tolerance, atol=tolerance)

    given = [[_some_numbers(dtype, seed) for dtype in dtypes] for seed in range(3)]
    with jax.ensure_compile_time_eval():
        one, other = map(_as_numpy, jax.jit(ways)(*given))
    return all(map(close, one, other))


def _as_numpy(xs: Sequence[Array]) -> list[Any]:
    return list(map(np.asarray, xs))


def _some_numbers(dtype: Any, seed: int) -> Any:
    """Eight numbers of a dtype, small integers where it is one."""
    numbers = 2 * np.sin(np.arange(8) * (1.3 + seed) + seed)
    if np.issubdtype(dtype, np.complexfloating):
        return (numbers + 1j * numbers[::-1]).astype(dtype)
    return (numbers if ir.is_inexact(dtype) else np.abs(4 * numbers)).astype(dtype)


def elementwise_reducer(
    scalars: Callable[..., Sequence[Array]], a: Sequence[Array], b: Sequence[Array]
) -> Sequence[Array]:
    """Applies a function of scalars to the elements of arrays of one shape."""
    for _ in a[0].shape:
        scalars = jax.vmap(scalars)
    return scalars(*a, *b)


# Cumulative reductions, as scans ------------------------------------------------------


def _scanned(
    combine: Callable[[Array, Array], Array], x: Array, **params: Any
) -> Array:
    return lax.associative_scan(combine, x, **params)


for _primitive, _combine in {
    lax.cumprod_p: lax.mul,
    lax.cummax_p: lax.max,
    lax.cummin_p: lax.min,
    lax.cumlogsumexp_p: jnp.logaddexp,
}.items():
    rewritten(_primitive)(partial(_scanned, _combine))
