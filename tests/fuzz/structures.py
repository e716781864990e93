"""Random programs over arrays of any shape, made of what has structure in a Jacobian.

A program is a list of instructions ``(operation, i, j, k, inner)``: the operation
applies to values ``i`` and ``j`` of those computed so far, ``k`` chooses an axis, a
start or an index array. Values are small, of rank 0 to 3, some without elements.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st
from jax import lax

Value = Any
Operation = Callable[[Value, Value, int], Value]
Body = Callable[[Value, Value], Value]

MOST = 16
"""Values with more elements are cut to a matrix."""

RNG = np.random.default_rng(11)
POINT = {
    "vector": jnp.asarray(RNG.uniform(-1, 1, 5)),
    "matrix": jnp.asarray(RNG.uniform(-1, 1, (2, 3))),
    "row": jnp.asarray(RNG.uniform(-1, 1, (1, 4))),
    "scalar": jnp.asarray(RNG.uniform(-1, 1)),
    "nothing": jnp.zeros((0, 2)),
}
W = jnp.asarray(RNG.uniform(-1, 1, (MOST, 3)))
INDICES = ([0], [1, 0, 1], [2, -1, 0, 2], [5, 0, 1], [], [3, 3])
MODES = ("clip", "fill", "promise_in_bounds")


def fitted(b: Value, shape: tuple[int, ...]) -> Value:
    """The elements of ``b`` in a shape, repeated or cut."""
    n, flat = int(np.prod(shape)), b.reshape(-1)
    if flat.size == 0:
        return jnp.zeros(shape)
    while flat.size < n:
        flat = jnp.concatenate([flat, flat])
    return flat[:n].reshape(shape)


def limited(a: Value) -> Value:
    """``a``, or its first elements as a matrix."""
    return a if a.size <= MOST else a.reshape(-1)[:12].reshape(3, 4)


def ranked(a: Value) -> Value:
    """``a`` with an axis at least."""
    return a[None] if a.ndim == 0 else a


def axis_of(a: Value, k: int) -> int:
    return k % a.ndim


def _slice(a: Value, b: Value, k: int) -> Value:
    cut = (slice(1, None), slice(None, None, 2), slice(None, None, -1), slice(0, 1))
    a = ranked(a)
    where = (slice(None),) * axis_of(a, k // 4) + (cut[k % 4],)
    return a[where]


def _pad(a: Value, b: Value, k: int) -> Value:
    a = ranked(a)
    rows = ((1, 0, 0), (0, 2, 0), (-1, 1, 0), (1, -1, 1), (0, 0, 2))
    config = [(0, 0, 0)] * a.ndim
    axis = axis_of(a, k)
    config[axis] = rows[k % 5] if a.shape[axis] else (1, 1, 0)
    fill = jnp.zeros((), a.dtype) if k % 2 else fitted(b, ())
    return lax.pad(a, fill, config)


def _concatenate(a: Value, b: Value, k: int) -> Value:
    a = ranked(a)
    axis = axis_of(a, k)
    size = min(1 if k % 3 else 0, a.shape[axis])
    tail = lax.slice_in_dim(fitted(b, a.shape), 0, size, axis=axis)
    return jnp.concatenate([a, tail], axis)


def _stack(a: Value, b: Value, k: int) -> Value:
    pieces = ([a, fitted(b, a.shape)], [jnp.ones(a.shape), a], [a, a * 2.0, -a])
    return jnp.stack(pieces[k % 3], k % (a.ndim + 1))


def _gather(a: Value, b: Value, k: int) -> Value:
    a = ranked(a)
    index, mode = jnp.asarray(INDICES[k % 6], int), MODES[k % 3]
    axis = axis_of(a, k // 2)
    if mode == "promise_in_bounds" or a.shape[axis] == 0:
        index = index % max(a.shape[axis], 1) if a.shape[axis] else index[:0]
    return jnp.take(a, index, axis, mode=mode if k % 3 < 2 else None, fill_value=0.0)


def _gather_computed(a: Value, b: Value, k: int) -> Value:
    a = ranked(a)
    order = jnp.argsort(fitted(b, (a.shape[0],)))
    return a[order] if k % 2 else a[order[:1]]


def _scatter(a: Value, b: Value, k: int) -> Value:
    a = ranked(a)
    index = jnp.asarray(INDICES[k % 6], int)
    update = fitted(b, (index.size, *a.shape[1:]))
    if a.shape[0] == 0:
        return a
    at = a.at[index]
    return at.add(update) if k // 6 % 2 else at.add(update, mode="clip")


def _set(a: Value, b: Value, k: int) -> Value:
    a = ranked(a)
    if a.shape[0] == 0:
        return a
    if k % 3 == 0:
        return a.at[-1].set(fitted(b, a.shape[1:]))
    if k % 3 == 1:
        return a.at[jnp.argmax(a.reshape(a.shape[0], -1).sum(1))].add(
            fitted(b, a.shape[1:])
        )
    return a.at[::2].multiply(0.5)


def _sum(a: Value, b: Value, k: int) -> Value:
    a = ranked(a)
    return jnp.sum(a, axis_of(a, k), keepdims=k % 2 == 0)


def _windows(a: Value, b: Value, k: int) -> Value:
    flat = jnp.pad(a.reshape(-1), 1)
    return flat[2:] - (1.0 + k) * flat[1:-1] + flat[:-2]


def _dot(a: Value, b: Value, k: int) -> Value:
    if a.ndim < 2 or a.size == 0:
        a = fitted(a, (2, 3))
    a = a.reshape(a.shape[0], -1)
    match k % 5:
        case 0:
            return a @ fitted(b, (a.shape[1],))
        case 1:
            return jnp.einsum("ij,ij->i", a, fitted(b, a.shape))
        case 2:
            return a @ W[: a.shape[1]]
        case 3:
            return jnp.einsum("ij,kj->ki", a, fitted(b, (2, a.shape[1])))
        case _:
            return jnp.einsum("bi,bij->bj", a, fitted(W, (*a.shape, 2)))


def _where(a: Value, b: Value, k: int) -> Value:
    b = fitted(b, a.shape)
    fixed = jnp.asarray(np.arange(a.size).reshape(a.shape) % 3 == k % 3)
    match k % 4:
        case 0:
            return jnp.where(fixed, a, b)
        case 1:
            return jnp.where(a > b, a, jnp.sin(b))
        case 2:
            return jnp.where(fixed, a, 0.0)
        case _:
            return jnp.where(jnp.sum(a) > 0.0, a, b)


def _dynamic(a: Value, b: Value, k: int) -> Value:
    a = ranked(a)
    if a.shape[0] == 0:
        return a
    start: Any = k % 3 if k % 2 else jnp.argmax(fitted(b, (3,)))
    if k // 2 % 2:
        return lax.dynamic_slice_in_dim(a, start, 1, 0)
    return lax.dynamic_update_slice_in_dim(a, fitted(b, (1, *a.shape[1:])), start, 0)


def _stretched(a: Value, b: Value, k: int) -> Value:
    match k % 4:
        case 0:
            return a * fitted(b, ())
        case 1:
            a = fitted(a, (1, *a.shape[1:]))
            return a * fitted(b, (2, *a.shape[1:]))
        case 2:
            return ranked(a)[..., :1] + fitted(b, ranked(a).shape)
        case _:
            return jnp.broadcast_to(fitted(a, ()), (3,))


def _nothing(a: Value, b: Value, k: int) -> Value:
    a = ranked(a)
    none = a[:0]
    match k % 4:
        case 0:
            return jnp.concatenate([none, a])
        case 1:
            return a + jnp.sum(none)
        case 2:
            return jnp.pad(none.reshape(-1), 1)
        case _:
            return jnp.concatenate([jnp.cumsum(none.reshape(-1)), fitted(b, (2,))])


OPERATIONS: dict[str, Operation] = {
    "sin": lambda a, b, k: jnp.sin(a),
    "tanh": lambda a, b, k: jnp.tanh(a),
    "square": lambda a, b, k: a * a,
    "linear": lambda a, b, k: (0.5 - k) * a,
    "add": lambda a, b, k: a + fitted(b, a.shape),
    "subtract": lambda a, b, k: a - fitted(b, a.shape),
    "multiply": lambda a, b, k: a * fitted(b, a.shape),
    "divide": lambda a, b, k: a / (2.0 + jnp.cos(fitted(b, a.shape))),
    "slice": _slice,
    "slice again": _slice,
    "pad": _pad,
    "concatenate": _concatenate,
    "stack": _stack,
    "roll": lambda a, b, k: jnp.roll(a, k, axis_of(ranked(a), k) if a.ndim else None),
    "gather": _gather,
    "gather by values": _gather_computed,
    "scatter": _scatter,
    "set": _set,
    "sum": _sum,
    "sum again": _sum,
    "total": lambda a, b, k: jnp.sum(a),
    "center": lambda a, b, k: a - jnp.sum(a) / 3.0,
    "stencil": _windows,
    "dot": _dot,
    "outer": lambda a, b, k: jnp.outer(a.reshape(-1)[:3], b.reshape(-1)[:4]),
    "where": _where,
    "running sum": lambda a, b, k: lax.cumsum(
        ranked(a), axis_of(ranked(a), k), reverse=k % 2 == 0
    ),
    "running product": lambda a, b, k: jnp.cumprod(1.0 + a.reshape(-1) / 4),
    "dynamic": _dynamic,
    "stretch": _stretched,
    "nothing": _nothing,
    "flatten": lambda a, b, k: a.reshape(-1),
    "reshape": lambda a, b, k: fitted(a, ((2, 3), (3, 1, 2), (1, 6), (6,))[k % 4]),
    "transpose": lambda a, b, k: a.T,
    "first": lambda a, b, k: fitted(a, ()),
    "sort": lambda a, b, k: jnp.sort(a.reshape(-1)),
    "softmax": lambda a, b, k: jax.nn.softmax(fitted(a, (2, 3)), axis=k % 2),
    "split": lambda a, b, k: jnp.split(fitted(a, (2, 4)), 2, 1)[k % 2],
    "unstack": lambda a, b, k: jnp.unstack(fitted(a, (3, 2)), axis=k % 2)[k % 2],
    "stop": lambda a, b, k: a + lax.stop_gradient(fitted(b, a.shape)),
}


def _scan(f: Body, a: Value, b: Value, k: int) -> Value:
    def step(s: Value, x: Value) -> tuple[Value, Value]:
        s = jnp.tanh(fitted(f(s, x * s), a.shape)) + x
        return s, s.reshape(-1)[:2]

    last, ys = lax.scan(step, a, fitted(b, (2 + k % 2,)), reverse=k % 2 == 0)
    return (last, ys)[k % 2]


def _branches(f: Body, a: Value, b: Value, k: int) -> Value:
    here = (k % 2 == 0) if k < 2 else fitted(a, ()) > fitted(b, ())
    shape = jax.eval_shape(f, a, b).shape
    return lax.cond(here, f, lambda a, b: fitted(a * 2.0, shape), a, b)


def _mapped(f: Body, a: Value, b: Value, k: int) -> Value:
    return jax.vmap(lambda r: f(r * a, b))(fitted(b, (2,)))


BODIES: dict[str, Callable[[Body, Value, Value, int], Value]] = {
    "scan": _scan,
    "fori": lambda f, a, b, k: lax.fori_loop(
        0, 2, lambda i, s: jnp.tanh(fitted(f(s, s * i), a.shape)), a
    ),
    "cond": _branches,
    "jit": lambda f, a, b, k: jax.jit(f)(a, b),
    "checkpoint": lambda f, a, b, k: jax.checkpoint(f)(a, b),
    "vmap": _mapped,
}


def programs(depth: int = 1) -> st.SearchStrategy[Any]:
    """Lists of instructions; at depth 0 without operations that have a body."""
    index, choice = st.integers(0, 5), st.integers(0, 11)
    leaf = st.tuples(
        st.sampled_from(list(OPERATIONS)), index, index, choice, st.just(())
    )
    if depth == 0:
        return st.lists(leaf, min_size=1, max_size=3)
    inner = programs(depth - 1)
    nested = st.tuples(st.sampled_from(list(BODIES)), index, index, choice, inner)
    return st.lists(st.one_of(*[leaf] * 5, nested), min_size=2, max_size=7)


def run(program: Any, *inputs: Value) -> list[Value]:
    """All values of a program, those of its inputs first."""
    values = list(inputs)
    for name, i, j, k, inner in program:
        a, b = values[-1 - i % len(values)], values[-1 - j % len(values)]
        if name in OPERATIONS:
            made = OPERATIONS[name](a, b, k)
        else:
            made = BODIES[name](lambda a, b, p=inner: run(p, a, b)[-1], a, b, k)
        values.append(limited(made))
    return values


def outputs(program: Any, x: Any) -> Any:
    """A program as a function between trees."""
    values = run(program, *jax.tree.leaves(x))
    return {"last": values[-1], "others": (values[-2], jnp.sum(values[-3]))}


def scalar(program: Any, x: Any) -> Value:
    """A program with one number as its result."""
    return sum(jnp.sum(jnp.sin(y)) for y in jax.tree.leaves(outputs(program, x)))
