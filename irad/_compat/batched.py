"""Primitives that are others until they are batched, and something else in a batch."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.interpreters import ad, batching, mlir

from irad._compat.ir import Primitive

__all__ = ["IN_LIBRARY", "few_dots_p", "few_sum_p", "turned_dots_p"]

VECTORS = 16
"""Of so few tangents each has a copy of small matrices."""

IN_LIBRARY = 16 * 1024
"""The bytes from which on XLA for CPUs has a library add. What is smaller it adds in
the kernel that computes it: slices of a CRF with 5 tags took 1.11 times as long."""

Dims = Sequence[Any]
Batcher = Callable[..., tuple[Any, int]]


def _until_batched(name: str, plain: Any, batcher: Batcher) -> Primitive:
    """A primitive with the values, the types and the derivatives of another one."""
    made = Primitive(name)
    made.def_impl(plain.bind)
    made.def_abstract_eval(lambda *x, **params: plain.abstract_eval(*x, **params)[0])
    mlir.register_lowering(made, mlir.lower_fun(plain.bind, multiple_results=False))
    ad.primitive_jvps[made] = lambda x, t, **params: ad.primitive_jvps[plain](
        x, t, **params
    )
    batching.primitive_batchers[made] = batcher
    return made


def _sum_of_slices(
    args: Sequence[Any], dims: Dims, *, axes: tuple[int], **_: Any
) -> tuple[Any, int]:
    (x,), (axis,) = args, axes
    x = jnp.moveaxis(x, dims[0], 0)
    if x.size * x.dtype.itemsize < IN_LIBRARY:
        return lax.reduce_sum(x, (axis + 1,)), 0
    parts = [
        lax.index_in_dim(x, i, axis + 1, keepdims=False)
        for i in range(x.shape[axis + 1])
    ]
    return functools.reduce(lax.add, parts), 0


def _products_of_copies(
    args: Sequence[Any], dims: Dims, **params: Any
) -> tuple[Any, int]:
    size = next(x.shape[d] for x, d in zip(args, dims, strict=True) if d is not None)
    if size > VECTORS:
        plain = functools.partial(lax.dot_general_p.bind, **params)
        return jax.vmap(plain, in_axes=tuple(dims))(*args), 0
    x, y = (
        lax.broadcast(a, (size,)) if d is None else jnp.moveaxis(a, d, 0)
        for a, d in zip(args, dims, strict=True)
    )
    contracted, batch = (
        [tuple(axis + 1 for axis in axes) for axes in pair]
        for pair in params["dimension_numbers"]
    )
    both = tuple((0, *axes) for axes in batch)
    numbers = (tuple(contracted), both)
    return lax.dot_general_p.bind(x, y, **{**params, "dimension_numbers": numbers}), 0


def _turned_products(args: Sequence[Any], dims: Dims, **params: Any) -> tuple[Any, int]:
    """The products of ``y.T`` with ``x.T``, turned, where ``y`` alone has a batch."""
    x, y = args
    if dims[0] is not None:
        plain = functools.partial(lax.dot_general_p.bind, **params)
        return jax.vmap(plain, in_axes=tuple(dims))(x, y), 0
    contracted, batch = params["dimension_numbers"]
    numbers = (contracted[::-1], batch[::-1])

    def turned(y: Any) -> Any:
        product = lax.dot_general_p.bind(
            y, x, **{**params, "dimension_numbers": numbers}
        )
        start = len(batch[0])
        middle = start + y.ndim - len(contracted[1]) - len(batch[1])
        places = range(product.ndim)
        return lax.transpose(
            product, (*places[:start], *places[middle:], *places[start:middle])
        )

    return jax.vmap(turned, in_axes=dims[1])(y), 0


few_sum_p = _until_batched("sum_of_few", lax.reduce_sum_p, _sum_of_slices)
few_dots_p = _until_batched("small_products", lax.dot_general_p, _products_of_copies)
turned_dots_p = _until_batched("turned_products", lax.dot_general_p, _turned_products)
