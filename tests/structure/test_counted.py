"""Scans reversed from states in slots: JAX's gradients, and the binomial advances."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from irad._compat import ir
from irad.checkpointing import Checkpointing, Schedule, binomial, online
from irad.derivatives import gradient

X = jnp.array([0.3, -0.7, 0.5])


def gradient_by(
    slots: int, fun: Callable[..., Any], *args: Any, compiled: bool = True
) -> Any:
    """A gradient in all arguments, the loops reversed from so many slots."""
    closed = jax.make_jaxpr(fun)(*args)
    jaxpr = ir.with_constants_as_inputs(closed.jaxpr)
    schedule = Schedule(checkpointing=Checkpointing(slots=slots))
    made = gradient(jaxpr, len(closed.consts), with_value=False, schedule=schedule)
    run = jax.jit(lambda *x: ir.evaluate(made, [*closed.consts, *x]))
    return run.lower(*args).compile() if compiled else run


def recurrence(n: int, *, reverse: bool = False) -> Callable[..., Any]:
    """A loop with slices, results, a counter and noise from a key in its carry."""

    def step(s: Any, row: Any, w: Any) -> Any:
        key, i, x = s
        key, now = jax.random.split(key)
        noise = jax.random.normal(now, x.shape, x.dtype)
        x = jnp.sin(w * x + row + 0.1 * noise) + 0.01 * i.astype(x.dtype)
        return (key, i + 1, x), (x * row, i, jnp.sum(x))

    def fun(w: Any, x: Any, rows: Any) -> Any:
        start = (jax.random.key(3), jnp.int32(0), x)
        s, ys = lax.scan(lambda s, r: step(s, r, w), start, rows, n, reverse)
        return jnp.sum(s[2]) + jnp.sum(ys[0] ** 2) + jnp.sum(ys[2])

    return fun


def rows_of(n: int) -> Any:
    """Slices for so many steps."""
    return jnp.sin(jnp.arange(3.0 * n)).reshape(n, 3)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("n", [0, 1, 2, 17, 100])
def test_gradients_are_those_of_jax(n: int, reverse: bool) -> None:
    fun, args = recurrence(n, reverse=reverse), (1.1, X, rows_of(n))
    found = gradient_by(3, fun, *args)(*args)
    expected = jax.grad(fun, (0, 1, 2))(*args)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)


@pytest.mark.parametrize("slots", [1, 2, 8, 17, 40])
def test_any_number_of_slots_gives_the_same(slots: int) -> None:
    fun, args = recurrence(17), (1.1, X, rows_of(17))
    found = gradient_by(slots, fun, *args)(*args)
    for a, b in zip(found, jax.grad(fun, (0, 1, 2))(*args), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)


def test_loops_within_loops_are_those_of_jax() -> None:
    def fun(w: Any, x: Any) -> Any:
        def inner(x: Any, r: Any) -> Any:
            return jnp.sin(w * x + r), x[0]

        def outer(x: Any, r: Any) -> Any:
            x, ys = lax.scan(inner, x, r * jnp.arange(4.0))
            return x, jnp.sum(ys)

        x, ys = lax.scan(outer, x, jnp.arange(5.0))
        return jnp.sum(x) + jnp.sum(ys**2)

    found = gradient_by(2, fun, 1.1, X)(1.1, X)
    for a, b in zip(found, jax.grad(fun, (0, 1))(1.1, X), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11)


def attached(x: Any) -> Any:
    """A loop whose gradient is computed from its inputs alone."""
    return irad.attach(lambda x: looped(x), schedule="none")(x)


def looped(x: Any) -> Any:
    """The same loop."""
    return jnp.sum(lax.scan(lambda x, _: (jnp.sin(1.3 * x), x[0]), x, length=6)[0])


def test_batches_are_those_of_jax() -> None:
    xs = jnp.stack([X, -X, 2 * X])
    found = jax.jit(jax.vmap(jax.grad(attached)))(xs)
    np.testing.assert_allclose(found, jax.vmap(jax.grad(looped))(xs), rtol=1e-12)


def test_second_order_is_that_of_jax() -> None:
    hessian = jax.hessian(looped)(X)
    np.testing.assert_allclose(jax.hessian(attached)(X), hessian, rtol=1e-11)
    once = gradient_by(2, looped, X, compiled=False)
    twice = irad.grad(lambda x: jnp.sum(once(x)[0]))(X)
    np.testing.assert_allclose(twice, hessian.sum(0), rtol=1e-11)


# What it costs ------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "slots"), [(17, 1), (60, 2), (100, 5), (300, 8)])
def test_the_body_is_run_as_often_as_binomial_checkpoints_say(n, slots):
    calls = []

    @jax.custom_jvp
    def counted(x):
        def count(x):
            calls.append(None)
            return x

        return jax.pure_callback(count, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    @counted.defjvp
    def _(x, t):
        return counted(*x), t[0]

    def fun(x):
        return lax.scan(lambda x, _: (jnp.sin(counted(x)), None), x, length=n)[0]

    jax.block_until_ready(gradient_by(slots, fun, 0.3)(0.3))
    # The forward loop makes the first advances on its way, and goes on for its value;
    # each step runs once more where it is reversed.
    first = online.placed(n, slots, known=True)[-1]
    assert len(calls) == n + binomial.advances(n, slots) - first + n


def test_memory_does_not_grow_with_the_length() -> None:
    def temp(n: int) -> int:
        def fun(x: Any) -> Any:
            return jnp.sum(lax.scan(lambda x, _: (jnp.sin(x), None), x, length=n)[0])

        executable = gradient_by(4, fun, jnp.ones(1000))
        return executable.memory_analysis().temp_size_in_bytes

    assert temp(10_000) < temp(100) + 1000 < 8 * 1000 * 4 * 3


def test_slices_and_results_are_kept_once() -> None:
    def temp(n: int) -> int:
        fun, args = recurrence(n), (1.1, X, rows_of(n))
        executable = gradient_by(4, fun, *args)
        return executable.memory_analysis().temp_size_in_bytes

    # Three results, the cotangents of two, and no state: 32 bytes of results a step.
    steps = 4000
    assert temp(2 * steps) - temp(steps) < 3 * 36 * steps
