"""Programs for the laws: each a function and its arguments, one trouble each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

x3 = jnp.array([0.5, -1.25, 2.0])
x23 = jnp.arange(6.0).reshape(2, 3) - 2.5
one = jnp.asarray(1.5)


def arithmetic(x: Any, y: Any) -> Any:
    dead = jnp.sin(x) * 3.0
    a, b = jnp.exp(x * y), jnp.exp(x * y)
    del dead
    return a + b, (a - 0.0) * 1.0, -jnp.negative(x), x + 0.0, x + -0.0


def calls(x: Any) -> Any:
    y = jnp.where(x > 0, x, 0.0)
    z = jnp.clip(x, -1.0, 1.0) + jnp.where(x > 0, x, 0.0)
    return jnp.var(y) + jax.nn.softmax(z), jnp.linalg.norm(x)


def half_used_call(x: Any) -> Any:
    @jax.jit
    def pair(a: Any, b: Any) -> Any:
        return jnp.sin(a), jnp.cos(b) * jnp.sin(a)

    return pair(x, x * 2.0)[0] + pair(x, x * 3.0)[0]


def scan(x: Any) -> Any:
    scale = jnp.sum(x) * 2.0

    def body(carry: Any, row: Any) -> Any:
        live, dead, chained = carry
        weight = jnp.sin(scale) * jnp.sin(scale)
        return (live * weight + row, dead * 2.0, chained + dead), (row * 1.0, live)

    (live, _, _), (_, lives) = lax.scan(body, (one, one, one), x)
    return live, lives


def reversed_scan(x: Any) -> Any:
    return lax.scan(lambda c, r: (c * r, c - r), one, x, reverse=True)


def while_loop(x: Any) -> Any:
    def body(state: Any) -> Any:
        i, live, dead = state
        return i + 1, live * 0.5 + x * 1.0, dead + live

    limit = jnp.asarray(3)
    return lax.while_loop(lambda s: s[0] < limit, body, (jnp.asarray(0), x, x))[1]


def branches(i: Any, x: Any, y: Any) -> Any:
    def first(x: Any, y: Any) -> Any:
        return jnp.sin(x), x * 1.0, y

    def second(x: Any, y: Any) -> Any:
        return jnp.sin(x) + jnp.sin(x), x, jnp.cos(y)

    a, b, _ = lax.switch(i, [first, second], x, y)
    return a, b


def nested(x: Any) -> Any:
    @jax.jit
    def outer(x: Any) -> Any:
        def body(c: Any, r: Any) -> Any:
            c = lax.cond(r > 0, lambda a: (a, a * 2.0), lambda a: (-a, a), c)[0]
            return c, (c, jnp.cos(r))

        return lax.scan(body, one, x)

    return outer(x)[1][0]


def rematerialized(x: Any) -> Any:
    @jax.checkpoint
    def block(x: Any) -> Any:
        y = jnp.sin(x) * 2.0 * 3.0
        return y * y, jnp.cos(x)

    return block(block(x)[0])[0]


def custom_rules(x: Any) -> Any:
    @jax.custom_vjp
    def f(x: Any) -> Any:
        return x * 1.0

    f.defvjp(lambda x: (f(x), x), lambda x, c: (c * x,))
    return jax.nn.relu(x) + jax.nn.relu(x), f(x)


def complex_parts(x: Any) -> Any:
    z = lax.complex(x, x * 2.0)
    return jnp.real(z), jnp.imag(z), jnp.conj(jnp.conj(z * z))


def shapes(x: Any) -> Any:
    y = jnp.transpose(jnp.transpose(x, (1, 0)), (1, 0))
    z = jnp.squeeze(jnp.expand_dims(x, 1), 1)
    w = jnp.reshape(jnp.reshape(x, (6,)), (2, 3))
    return y + z + w, jnp.reshape(x, (3, 2)), jnp.flip(jnp.flip(x, 0), 0)


def constants(x: Any) -> Any:
    table = np.asarray([1.0, 2.0, 4.0])
    return x * table + x * np.asarray([1.0, 2.0, 4.0]), jnp.float64(2.0) * jnp.pi


def printing(x: Any) -> Any:
    jax.debug.print("{}", x)
    y = jax.jit(lambda a: jax.debug.print("{}", a) or (a * 2.0, jnp.sin(a)))(x)
    return y[0]


def random_numbers(x: Any) -> Any:
    key = jax.random.key(0)
    a, b = jax.random.normal(key, (3,)), jax.random.normal(key, (3,))
    return x + a + b


def indexing(x: Any) -> Any:
    i = jnp.asarray([2, 0])
    return x[i] + x[i], x.at[i].add(1.0), lax.dynamic_slice(x, (1,), (3,))


def narrow(x: Any) -> Any:
    y = x.astype(jnp.bfloat16)
    return y * jnp.bfloat16(3.0) * jnp.bfloat16(1.0), y.astype(jnp.bfloat16)


def integers(n: Any) -> Any:
    return n * 1 + 0, (n & n) | 0, n - 0, n.astype(jnp.int32).astype(n.dtype)


def mutable(x: Any) -> Any:
    ref = jax.new_ref(x)
    ref[...] = ref[...] * 2.0
    dead = jnp.sin(x)
    del dead
    return ref[...] * 1.0


def calls_mutable(x: Any) -> Any:
    return jax.jit(mutable)(x)[0], jnp.sin(x) * 1.0


def inputs_as_outputs(x: Any, y: Any) -> Any:
    return y, x, x, 2.0


Program = tuple[Callable[..., Any], tuple[Any, ...]]

PROGRAMS: dict[str, Program] = {
    function.__name__: (function, args)
    for function, args in [
        (arithmetic, (x3, x3)),
        (calls, (x3,)),
        (half_used_call, (x3,)),
        (scan, (x3,)),
        (reversed_scan, (x3,)),
        (while_loop, (x3,)),
        (branches, (jnp.asarray(1), x3, x3)),
        (nested, (x3,)),
        (rematerialized, (x3,)),
        (custom_rules, (x3,)),
        (complex_parts, (x3,)),
        (shapes, (x23,)),
        (constants, (x3,)),
        (printing, (x3,)),
        (random_numbers, (x3,)),
        (indexing, (x3,)),
        (narrow, (x3,)),
        (integers, (jnp.arange(4),)),
        (mutable, (x3,)),
        (calls_mutable, (x3,)),
        (inputs_as_outputs, (x3, one)),
    ]
}
