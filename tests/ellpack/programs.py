"""Linear programs for every rule, and operands whose Jacobians have every form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core.primitives import copy_p

from irad._compat import ir
from irad._compat.storing import stored_p

Array = Any
Program = Callable[[Array], Any]

RNG = np.random.default_rng(3)


def array(*shape: int) -> Array:
    """A random array, away from zero."""
    return jnp.asarray(RNG.uniform(0.3, 1.5, shape) * RNG.choice([-1.0, 1.0], shape))


A, B, C = array(3, 4), array(3, 4, 2), array(4, 5)
MASK = jnp.asarray(RNG.random((3, 4)) < 0.5)
WHICH = jnp.asarray(RNG.integers(0, 3, (3, 4)))
X = jnp.asarray([2, 0, 2, 1])
SINGULAR = jnp.where(MASK, A, jnp.inf)
ENDS = jnp.asarray([jnp.inf, 1.0, 2.0, jnp.nan])


def take(x: Array, index: Any, mode: str) -> Array:
    """Elements of the last axis, negative indices not wrapped."""
    d = lax.GatherDimensionNumbers(
        offset_dims=tuple(range(x.ndim - 1)),
        collapsed_slice_dims=(x.ndim - 1,),
        start_index_map=(x.ndim - 1,),
    )
    sizes = (*x.shape[:-1], 1)
    places = jnp.asarray(index).reshape(-1, 1)
    return lax.gather(x, places, d, sizes, mode=mode, fill_value=0)


def put(x: Array, index: Any, updates: Array, mode: str, *, add: bool) -> Array:
    """Updates of the last axis, negative indices not wrapped."""
    d = lax.ScatterDimensionNumbers(
        update_window_dims=tuple(range(x.ndim - 1)),
        inserted_window_dims=(x.ndim - 1,),
        scatter_dims_to_operand_dims=(x.ndim - 1,),
    )
    places = jnp.asarray(index).reshape(-1, 1)
    scatter = lax.scatter_add if add else lax.scatter
    return scatter(x, places, updates, d, mode=mode)


def windows(x: Array, starts: Any, mode: str) -> Array:
    """Slices of two columns, one below the other."""
    d = lax.GatherDimensionNumbers(
        offset_dims=(1, 2), collapsed_slice_dims=(), start_index_map=(1,)
    )
    places = jnp.asarray(starts).reshape(-1, 1)
    return lax.gather(x, places, d, (3, 2), mode=mode, fill_value=0)


def in_batches(x: Array) -> Array:
    """Elements by an index of their own in each row."""
    return jnp.take_along_axis(
        x, jnp.asarray([[1, 1], [0, 3], [2, 9]]), 1, mode="fill", fill_value=0.0
    )


PROGRAMS: dict[str, tuple[Program, tuple[int, ...]]] = {
    "neg": (lambda x: -x, (3, 4)),
    "neg, rank 0": (lambda x: -x, ()),
    "neg, nothing": (lambda x: -x, (0, 4)),
    "copy": (lambda x: copy_p.bind(x), (3, 4)),
    "stored": (lambda x: stored_p.bind(x), (3, 4)),
    "barrier": (lambda x: lax.optimization_barrier((x, 2 * x)), (3, 4)),
    "convert": (lambda x: x.astype("float32").astype("float64"), (3, 4)),
    "mul": (lambda x: A * x, (3, 4)),
    "mul by a number": (lambda x: 2.5 * x, (3, 4)),
    "mul, rank 0": (lambda x: 2.5 * (A[0, 0] * x), ()),
    "mul, one by one": (lambda x: A[:1, :1] * x, (1, 1)),
    "mul after mul": (lambda x: A * (0.5 * (A * x)), (3, 4)),
    "div": (lambda x: x / A, (3, 4)),
    "div by a number": (lambda x: x / 2.5 / A, (3, 4)),
    "add": (lambda x: x + A * x, (3, 4)),
    "add any": (lambda x: ir.add_any_p.bind(x, A * x), (3, 4)),
    "sub": (lambda x: A * x - x[::-1] - 2.0 * x, (3, 4)),
    "sub, all": (lambda x: x - x, (3, 4)),
    "many shifts": (
        lambda x: sum((jnp.roll(x, i % 4, 1) * i for i in range(9)), 0.0 * x),
        (3, 4),
    ),
    "select": (lambda x: jnp.where(MASK, A * x, x[:, ::-1]), (3, 4)),
    "select zero": (lambda x: jnp.where(MASK, x, 0.0), (3, 4)),
    "select, rank 0": (lambda x: lax.select(MASK[0, 0], x, 2 * x), (3, 4)),
    "select of three": (lambda x: lax.select_n(WHICH, x, 2 * x, x[::-1]), (3, 4)),
    "select, unknown": (lambda x: jnp.where(A > 0, x, x[::-1]), (3, 4)),
    "select, one": (lambda x: jnp.where(MASK[:1, :1], x, 0.0), (1, 1)),
    "reshape": (lambda x: x.reshape(2, 6), (3, 4)),
    "reshape, ones": (lambda x: x.reshape(3, 1, 2, 2, 1), (1, 3, 4)),
    "reshape to rank 0": (lambda x: x.reshape(()), (1, 1)),
    "reshape of rank 0": (lambda x: x.reshape(1, 1), ()),
    "reshape, nothing": (lambda x: x.reshape(2, 0, 3), (0, 4)),
    "squeeze": (lambda x: lax.squeeze(x, (0, 2)), (1, 3, 1, 4)),
    "transpose": (lambda x: x.transpose(2, 0, 1), (2, 3, 4)),
    "transpose, ones": (lambda x: x.T, (1, 4)),
    "broadcast": (lambda x: lax.broadcast_in_dim(x, (2, 3, 4), (0, 2)), (2, 1)),
    "broadcast, rank 0": (lambda x: jnp.broadcast_to(x, (2, 3)), ()),
    "broadcast to nothing": (lambda x: jnp.broadcast_to(x, (0, 4)), (1, 4)),
    "reverse": (lambda x: lax.rev(x, (0, 1)), (3, 4)),
    "reverse, one": (lambda x: lax.rev(x, (0,)), (1, 4)),
    "slice": (lambda x: lax.slice(x, (0, 1), (3, 4), (2, 2)), (3, 4)),
    "slice of one": (lambda x: x[1:], (1, 4)),
    "slice to nothing": (lambda x: x[3:3] * 2, (3, 4)),
    "split": (lambda x: jnp.split(x, [1, 1], 1), (3, 4)),
    "pad": (lambda x: lax.pad(x, 0.0, [(1, 2, 0), (0, 1, 0)]), (3, 4)),
    "pad, negative": (lambda x: lax.pad(x, 0.0, [(-1, 2, 0), (2, -3, 0)]), (3, 4)),
    "pad, interior": (lambda x: lax.pad(x, 0.0, [(0, 0, 2), (-1, 1, 1)]), (3, 4)),
    "pad, one": (lambda x: lax.pad(x, 0.0, [(1, 1, 3)]), (1,)),
    "pad, nothing": (lambda x: lax.pad(x, 0.0, [(1, 1, 2), (0, 0, 0)]), (0, 4)),
    "pad away": (lambda x: lax.pad(x, 0.0, [(-1, -2, 0)]), (3,)),
    "pad with itself": (lambda x: lax.pad(x, x[0, 0], [(1, 0, 0), (0, 1, 0)]), (3, 4)),
    "concatenate": (lambda x: jnp.concatenate([x, A, 2 * x[:1]]), (3, 4)),
    "concatenate, last": (
        lambda x: jnp.concatenate([A * x, x[:, :1], A[:, :2], x[:, :0]], 1),
        (3, 4),
    ),
    "concatenate, equal columns": (
        lambda x: jnp.concatenate([(A * x + x[:, ::-1])[:, 1:2], (x + x)[:, :1]], 1),
        (3, 1 + 3),
    ),
    "concatenate and sum": (
        lambda x: jnp.sum(jnp.concatenate([x, A[:1], A * x]), 0),
        (3, 4),
    ),
    "stack": (lambda x: jnp.stack([x, A, x[::-1]], 1), (3, 4)),
    "stack of rank 0": (lambda x: jnp.stack([x, 2 * x, A[0, 0]]), ()),
    "stack of sums": (lambda x: jnp.stack([jnp.sum(x), 3 * x[0, 0]]), (3, 4)),
    "unstack": (lambda x: jnp.unstack(x, axis=1), (3, 4)),
    "sum": (lambda x: jnp.sum(A * x, 0), (3, 4)),
    "sum, all": (lambda x: jnp.sum(x), (3, 4)),
    "sum, one": (lambda x: jnp.sum(x, 1), (3, 1)),
    "sum, nothing": (lambda x: jnp.sum(x, 0), (0, 4)),
    "sum of sums": (lambda x: jnp.sum(jnp.sum(B * x[..., None], 2), 1), (3, 4)),
    "sum of what is stretched": (
        lambda x: jnp.sum(jnp.broadcast_to(x[:, None], (3, 5, 4)), (1, 2)),
        (3, 4),
    ),
    "dot": (lambda x: x @ C, (3, 4)),
    "dot, turned": (lambda x: C.T @ x.T, (3, 4)),
    "dot, batched": (lambda x: jnp.einsum("bi,bij->bj", x, B), (3, 4)),
    "dot, batched and turned": (lambda x: jnp.einsum("bij,bi->bj", B, x), (3, 4)),
    "dot of two": (lambda x: jnp.einsum("bij,bij->", B, x), (3, 4, 2)),
    "dot, outer": (lambda x: jnp.einsum("i,jk->ijk", x, A), (2,)),
    "dot of one": (lambda x: jnp.einsum("bi,ij->bj", x, C[:1]), (3, 1)),
    "dot of nothing": (lambda x: x @ jnp.ones((0, 2)), (3, 0)),
    "dot of what is stretched": (
        lambda x: jnp.broadcast_to(x[:, None], (3, 4)) @ C,
        (3,),
    ),
    "running sum": (lambda x: jnp.cumsum(x, 1), (3, 4)),
    "running sum, back": (lambda x: lax.cumsum(A * x, 0, reverse=True), (3, 4)),
    "running sum of what is stretched": (
        lambda x: jnp.cumsum(jnp.broadcast_to(x[:, None], (3, 4)), 1),
        (3,),
    ),
    "running sum, one": (lambda x: jnp.cumsum(x, 0), (1, 4)),
    "running sum, nothing": (lambda x: jnp.cumsum(x, 0), (0, 4)),
    "gather, filled": (lambda x: take(x, [1, 1, 9, -1, 0], "fill"), (3, 4)),
    "gather, clipped": (lambda x: take(x, [1, 1, 9, -3, 0], "clip"), (3, 4)),
    "gather, promised": (
        lambda x: take(x, [1, 1, 3, 0], "promise_in_bounds"),
        (3, 4),
    ),
    "gather nothing": (lambda x: take(x, np.zeros(0, int), "fill"), (3, 4)),
    "gather one": (lambda x: take(x, [0, 2, 0], "fill"), (3, 1)),
    "gather, unsigned": (lambda x: take(x, np.uint8([3, 0]), "clip"), (3, 4)),
    "gather in steps": (lambda x: x.reshape(-1)[jnp.arange(0, 12, 5)], (3, 4)),
    "gather windows": (lambda x: windows(x, [0, 2, 3, -1], "fill"), (3, 4)),
    "gather windows, clipped": (lambda x: windows(x, [0, 9, -1], "clip"), (3, 4)),
    "gather in batches": (in_batches, (3, 4)),
    "gather, unknown": (lambda x: take(x, jnp.argsort(A[0]), "fill"), (3, 4)),
    "scatter": (lambda x: put(x, [2, 0], x[:, 1:3], "fill", add=False), (3, 4)),
    "scatter, dropped": (
        lambda x: put(A * x, [9, 0, -1], x[:, :3], "fill", add=False),
        (3, 4),
    ),
    "scatter, clipped": (
        lambda x: put(A * x, [9, -4], x[:, :2], "clip", add=False),
        (3, 4),
    ),
    "scatter zeros": (lambda x: x.at[:, jnp.asarray([1, 2])].set(0.0), (3, 4)),
    "scatter-add": (lambda x: put(x, X, A * x, "fill", add=True), (3, 4)),
    "scatter-add, clipped": (
        lambda x: put(x, [9, 9, -1], x[:, :3], "clip", add=True),
        (3, 4),
    ),
    "scatter-add, dropped": (
        lambda x: put(x, [9, 1, -1], x[:, :3], "fill", add=True),
        (3, 4),
    ),
    "scatter-add into zeros": (
        lambda x: put(jnp.zeros((3, 4)), X, x, "fill", add=True),
        (3, 4),
    ),
    "scatter-add nothing": (
        lambda x: put(x, np.zeros(0, int), x[:, :0], "fill", add=True),
        (3, 4),
    ),
    "scatter, unknown": (
        lambda x: x.at[jnp.argsort(A[:, 0])].add(2 * x),
        (3, 4),
    ),
    "dynamic slice": (
        lambda x: lax.dynamic_slice(x, (jnp.asarray(1), jnp.asarray(9)), (2, 2)),
        (3, 4),
    ),
    "dynamic slice, unknown": (
        lambda x: lax.dynamic_slice_in_dim(x, jnp.argmax(A[0]), 2, 1),
        (3, 4),
    ),
    "update slice": (
        lambda x: lax.dynamic_update_slice(A * x, x[:2, :2], (jnp.asarray(7), 1)),
        (3, 4),
    ),
    "update slice with nothing": (
        lambda x: lax.dynamic_update_slice(x, x[:0], (jnp.asarray(1), 0)),
        (3, 4),
    ),
    "update slice of zeros": (
        lambda x: lax.dynamic_update_slice(0 * A, x[:1], (jnp.asarray(2), 0)),
        (3, 4),
    ),
    "loop": (
        lambda x: lax.scan(lambda s, a: (s[::-1] * a, s[0]), x, A[:, 0]),
        (3, 4),
    ),
    "branches": (
        lambda x: lax.cond(A[0, 0] > 0, lambda x: 2 * x, lambda x: x[::-1], x),
        (3, 4),
    ),
    "running sum as a whole": (lambda x: jnp.cumsum(A * x, 0)[1:], (3, 4)),
    "set over infinities": (
        lambda x: put(ENDS * x, [0, 3], jnp.zeros((3, 2)), "clip", add=False),
        (3, 4),
    ),
    "select over infinities": (
        lambda x: jnp.where(MASK, SINGULAR * x, x[::-1]),
        (3, 4),
    ),
    "pad infinities away": (
        lambda x: lax.pad(ENDS * x, 0.0, [(0, 0, 0), (-1, -1, 0)]),
        (3, 4),
    ),
    "slice infinities away": (
        lambda x: jnp.sum((ENDS * x)[:, 1:3], 1),
        (3, 4),
    ),
}
"""Each rule's troubles: a linear function, and the shape of what it takes."""

DENSE = 9
"""Columns enough for dense terms to stay dense beside zeros."""


def _matrix(n: int, m: int) -> Array:
    return jnp.asarray(np.random.default_rng(n + 31 * m).uniform(0.5, 1.5, (n, m)))


OPERANDS: dict[str, Callable[[Array, tuple[int, ...]], Array]] = {
    "unit": lambda z, shape: z[: _size(shape)].reshape(shape),
    "total": lambda z, shape: jnp.broadcast_to(jnp.sum(z), shape),
    "dense": lambda z, shape: (_matrix(_size(shape), z.size) @ z).reshape(shape),
    "with gaps": lambda z, shape: jnp.where(
        jnp.asarray(np.arange(_size(shape)).reshape(shape) % 3 != 1),
        z[: _size(shape)].reshape(shape),
        0.0,
    ),
    "stretched": lambda z, shape: (
        jnp.broadcast_to(z[: shape[-1]], shape)
        if shape and 0 not in shape
        else z[: _size(shape)].reshape(shape)
    ),
    "two terms": lambda z, shape: (
        2.0 * z[: _size(shape)].reshape(shape)
        + jnp.sin(jnp.arange(float(_size(shape)))).reshape(shape)
        * z[: _size(shape)][::-1].reshape(shape)
    ),
    "dense and diagonal": lambda z, shape: (
        jnp.sum(z) - 3.0 * z[: _size(shape)].reshape(shape)
    ),
    "nothing": lambda z, shape: jnp.ones(shape),
}
"""Linear functions of a vector whose Jacobians have every form of terms."""


def _size(shape: tuple[int, ...]) -> int:
    return int(np.prod(shape))


def composed(program: Program, shape: tuple[int, ...], operand: str) -> Program:
    """A program applied to an operand of one form, as a function of a vector."""
    return lambda z: jax.tree.leaves(program(OPERANDS[operand](z, shape)))
