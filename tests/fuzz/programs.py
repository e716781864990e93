"""Random programs over 3 x 3 arrays, from a list of choices that hypothesis can shrink.

A program is a list of instructions ``(operation, i, j, inner)``: the operation applies
to values ``i`` and ``j`` of those computed so far and appends its result. Operations
with a body (scan, cond, jit, custom rules, nested derivatives) run the program
``inner`` in it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from hypothesis import strategies as st
from jax import lax

import irad

N = 3
Value = Any
Body = Callable[[Value, Value], Value]


@jax.custom_jvp
def _squared(x: Value) -> Value:
    return x * x


@_squared.defjvp
def _squared_jvp(x: Any, t: Any) -> Any:
    return _squared(x[0]), 2.0 * t[0] * x[0]


@jax.custom_vjp
def _scaled(x: Value, y: Value) -> Value:
    return jnp.sin(x) * y


_scaled.defvjp(
    lambda x, y: (jnp.sin(x) * y, (jnp.cos(x), jnp.sin(x), y)),
    lambda r, c: (c * r[0] * r[2], c * r[1]),
)

FIRST_ORDER_FORWARD = frozenset({"custom_vjp"})
"""JAX has no forward mode for these."""

LEAVES: dict[str, Body] = {
    "sin": lambda a, b: jnp.sin(a),
    "tanh": lambda a, b: jnp.tanh(a),
    "exp": lambda a, b: jnp.exp(-a * a),
    "logistic": lambda a, b: jax.nn.sigmoid(a),
    "log1p": lambda a, b: jnp.log1p(a * a),
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / (2.0 + jnp.cos(b)),
    "max": jnp.maximum,
    "where": lambda a, b: jnp.where(a > b, a, jnp.sin(b)),
    "constant": lambda a, b: a * 0.5 + 1.25,
    "dot": lambda a, b: jnp.tanh(a @ b),
    "einsum": lambda a, b: jnp.einsum("ij,kj->ki", a, b) / N,
    "transpose": lambda a, b: a.T,
    "reshape": lambda a, b: a.reshape(-1)[::-1].reshape(N, N),
    "slice and pad": lambda a, b: jnp.pad(a[1:, :2], ((0, 1), (1, 0))),
    "concatenate": lambda a, b: jnp.concatenate([a[:1], b[1:]]),
    "sum": lambda a, b: a.sum(0) + b.sum(1, keepdims=True),
    "mean": lambda a, b: a - a.mean(),
    "reduce max": lambda a, b: a - b.max(1, keepdims=True),
    "gather": lambda a, b: a[jnp.array([2, 0, 0])],
    "scatter": lambda a, b: a.at[jnp.array([1, 1])].add(b[:2]),
    "set": lambda a, b: a.at[0].set(b[1]),
    "dynamic slice": lambda a, b: a + lax.dynamic_slice(b, (1, 0), (1, N)),
    "cumsum": lambda a, b: jnp.cumsum(a, axis=1) / N,
    "sort": lambda a, b: jnp.sort(a, axis=0),
    "softmax": lambda a, b: jax.nn.softmax(a),
    "relu": lambda a, b: jax.nn.relu(a),
    "stop": lambda a, b: a + lax.stop_gradient(b),
    "custom_jvp": lambda a, b: jnp.tanh(_squared(a)),
    "custom_vjp": _scaled,
}


def _scan(body: Body, a: Value, b: Value) -> Value:
    last, ys = lax.scan(lambda s, x: (jnp.tanh(body(s, s * x)), s[0]), a, b[0])
    return last + ys


def _while(body: Body, a: Value, b: Value) -> Value:
    del b
    return lax.fori_loop(0, 2, lambda i, s: jnp.tanh(body(s, s + i)), a)


def _nested_grad(body: Body, a: Value, b: Value) -> Value:
    return irad.grad(lambda a: jnp.sum(jnp.tanh(body(a, b))))(a)


BODIES: dict[str, Callable[[Body, Value, Value], Value]] = {
    "scan": _scan,
    "fori": _while,
    "cond": lambda f, a, b: lax.cond(a[0, 0] > b[0, 0], f, lambda a, b: b * a, a, b),
    "jit": lambda f, a, b: jax.jit(f)(a, b),
    "checkpoint": lambda f, a, b: jax.checkpoint(f)(a, b),
    "vmap": lambda f, a, b: jax.vmap(lambda r: f(r * a, b)[0])(b),
    "nested jvp": lambda f, a, b: irad.jvp(lambda a: f(a, b), (a,), (b,))[1],
    "nested grad": _nested_grad,
}

NAMES = [*LEAVES, *BODIES]


def instructions(depth: int = 2) -> st.SearchStrategy[Any]:
    """Lists of instructions; at depth 0 without operations that have a body."""
    index = st.integers(0, 5)
    leaf = st.tuples(st.sampled_from(list(LEAVES)), index, index, st.just(()))
    if depth == 0:
        return st.lists(leaf, min_size=1, max_size=4)
    inner = instructions(depth - 1)
    nested = st.tuples(st.sampled_from(list(BODIES)), index, index, inner)
    return st.lists(st.one_of(leaf, leaf, leaf, nested), min_size=1, max_size=7)


def run(program: Any, a: Value, b: Value) -> Value:
    """Runs a program on two arrays and returns its last value."""
    values = [a, b]
    for name, i, j, inner in program:
        x, y = values[-1 - i % len(values)], values[-1 - j % len(values)]
        if name in LEAVES:
            z = LEAVES[name](x, y)
        else:
            z = BODIES[name](lambda x, y, p=inner: run(p, x, y), x, y)
        values.append(z)
    return values[-1]


def uses(program: Any, names: frozenset[str]) -> bool:
    """Whether a program uses one of some operations, anywhere."""
    return any(name in names or uses(inner, names) for name, _, _, inner in program)
