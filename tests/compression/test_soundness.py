"""Patterns cover the nonzeros of JAX's Jacobians, and are exact where they can be."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from jax import lax
from jax.experimental import compute_on

from tests.compression.programs import linear_program, nonzeros, pattern
from tests.fuzz.programs import instructions, run

RNG = np.random.default_rng(0)


def array(*shape: int) -> Any:
    return jnp.asarray(RNG.uniform(0.5, 1.5, shape))


x, A, B, T = array(6), array(3, 4), array(4, 2), array(2, 3, 4)
S = array(3, 3) + 3 * jnp.eye(3)
IMAGE, KERNEL = array(2, 4, 5, 6), array(6, 2, 2, 3)
PICK = jnp.array([2, 0, 0])
MASK = jnp.array([True, False, True, True, False, False])

ON_HOST = getattr(compute_on, "compute_on2", compute_on.compute_on)


def conv(x: Any, w: Any, **params: Any) -> Any:
    full = {"window_strides": (1, 1), "padding": "SAME", **params}
    return lax.conv_general_dilated(x, w, **full)


EXACT: dict[str, tuple[Any, ...]] = {
    "sin": (jnp.sin, x),
    "two operands": (lambda a, b: a * b + a / b, x, x),
    "scalar operand": (lambda x: x[2] * x, x),
    "difference": (lambda x: x[1:] * x[:-1], x),
    "strided slice": (lambda x: x[1:5:2] ** 2, x),
    "transpose": (lambda A: A.T * 2.0, A),
    "broadcast": (lambda A: A + A[:, :1] * A[0], A),
    "reverse": (lambda A: A[::-1, ::-1] * A, A),
    "pad": (lambda x: lax.pad(x, x[0], [(2, -1, 1)]), x),
    "negative pad": (lambda x: lax.pad(x, 0.0, [(-2, -1, 0)]), x),
    "concatenate": (lambda x: jnp.concatenate([x[3:], x[:1] ** 2, x]), x),
    "stack": (lambda x: jnp.stack([x, x[::-1]], 1), x),
    "tile": (lambda A: lax.tile(A, (2, 1)), A),
    "split": (lambda A: [p * p for p in jnp.split(A, 2, 1)], A),
    "sum": (lambda T: T.sum((0, 2)), T),
    "total": (lambda T: T.sum(), T),
    "mean": (lambda T: T - T.mean(1, keepdims=True), T),
    "cumsum": (lambda T: jnp.cumsum(T, 1), T),
    "reverse cumsum": (lambda A: lax.cumsum(A, 1, reverse=True), A),
    "cumprod": (lambda x: jnp.cumprod(x), x),
    "dot": (lambda a, b: a @ b, A, B),
    "batched dot": (lambda T: jnp.einsum("bij,bkj->bki", T, T), T),
    "outer": (lambda a, b: jnp.outer(a, b), x, x[:2]),
    "softmax": (jax.nn.softmax, A),
    "where": (lambda x: jnp.where(MASK, x, x[::-1]), x),
    "three cases": (lambda x: lax.select_n(PICK[:3], x[:3], x[3:], x[1:4]), x),
    "gather": (lambda x: x[PICK] ** 2, x),
    "gather rows": (lambda A: A[PICK], A),
    "gather points": (lambda A: A[PICK, PICK], A),
    "gather windows": (
        lambda A: jax.vmap(lambda i: lax.dynamic_slice(A, (0, i), (3, 2)))(PICK),
        A,
    ),
    "gather out of bounds": (lambda x: x.at[jnp.array([1, 9])].get(mode="fill"), x),
    "gather clipped": (lambda x: x.at[jnp.array([1, 9])].get(mode="clip"), x),
    "take along axis": (
        lambda A: jnp.take_along_axis(A, jnp.array([[1], [0], [3]]), 1),
        A,
    ),
    "scatter add": (lambda x: x.at[PICK].add(x[:3] ** 2), x),
    "scatter add dropped": (lambda x: x.at[jnp.array([1, 9])].add(x[:2]), x),
    "scatter rows": (lambda A: jnp.zeros_like(A).at[jnp.array([2, 0])].add(A[:2]), A),
    "set": (lambda x: x.at[jnp.array([1, 3])].set(x[4:]), x),
    "set row": (lambda A: A.at[1].set(A[0] ** 2), A),
    "scatter mul": (
        lambda x: x.at[jnp.array([1, 3])].multiply(x[4:], unique_indices=True),
        x,
    ),
    "dynamic slice": (lambda A: lax.dynamic_slice(A, (1, 9), (2, 2)), A),
    "update slice": (lambda A: lax.dynamic_update_slice(A, A[:2, :2], (1, 1)), A),
    "convolve": (lambda x: jnp.convolve(x, x[:3], mode="same"), x),
    "conv": (conv, IMAGE, array(6, 4, 2, 3)),
    "conv valid": (lambda a, b: conv(a, b, padding="VALID"), IMAGE, array(6, 4, 2, 3)),
    "conv groups": (lambda a, b: conv(a, b, feature_group_count=2), IMAGE, KERNEL),
    "conv batch groups": (
        lambda a, b: conv(a, b, batch_group_count=2),
        IMAGE,
        array(6, 4, 2, 3),
    ),
    "conv dilated": (
        lambda a, b: conv(
            a,
            b,
            window_strides=(2, 1),
            lhs_dilation=(1, 2),
            rhs_dilation=(2, 1),
            padding=((1, 0), (2, 1)),
        ),
        IMAGE,
        array(6, 4, 2, 3),
    ),
    "conv layout": (
        lambda a, b: conv(a, b, dimension_numbers=("NHWC", "HWIO", "NHWC")),
        array(1, 4, 5, 2),
        array(2, 2, 2, 3),
    ),
    "window sum": (
        lambda A: lax.reduce_window(A, 0.0, lax.add, (2, 2), (1, 2), "SAME"),
        A,
    ),
    "fft": (lambda A: jnp.abs(jnp.fft.rfft(A)), A),
    "complex": (lambda x: jnp.abs(lax.complex(x, x[::-1])) ** 2, x),
    "solve": (lambda a, b: jnp.linalg.solve(a + a.T, b), S, array(3)),
    "map": (lambda A: lax.map(lambda r: r * r[0], A), A),
    "scan": (lambda x: lax.scan(lambda s, a: (s * a, s + a), x[0], x), x),
    "reverse scan": (
        lambda x: lax.scan(lambda s, a: (s * a, s + a), x[0], x, reverse=True),
        x,
    ),
    "shifting scan": (
        lambda x: lax.scan(
            lambda s, _: (jnp.sin(s).at[1:].add(s[:-1]), s[2]), x, None, length=2
        ),
        x,
    ),
    "fori": (lambda x: lax.fori_loop(0, 3, lambda i, s: s.at[i].set(s[i + 1]), x), x),
    "scan of indices": (
        lambda x: lax.scan(lambda s, i: (s + 1.0, x[i] * s[i]), x, PICK)[1],
        x,
    ),
    "scan without steps": (
        lambda x: lax.scan(lambda s, a: (s * a, a), x, A[:0]),
        x[:4],
    ),
    "cond on a constant": (
        lambda x: lax.cond(MASK[0], lambda x: x[:3] ** 2, lambda x: x[3:], x),
        x,
    ),
    "checkpoint": (lambda x: jax.checkpoint(lambda x: jnp.sin(x[1:] * x[:-1]))(x), x),
    "on the host": (
        ON_HOST(
            lambda x: x[PICK] ** 2,
            compute_type="device_host",
            out_memory_spaces=jax.memory.Space.Device,
        ),
        x,
    ),
    "jit": (lambda x: jax.jit(lambda a, i: a[i] * a[0])(x, PICK), x),
    "scalars": (lambda a, b: jnp.stack([a * b, jnp.sin(b)]), x[0], x[1]),
    "no elements": (lambda x: jnp.sin(x[:0]), x),
}

COVERED: dict[str, tuple[Any, ...]] = {
    "sort": (lambda A: jnp.sort(A, 0), A),
    "triangular solve": (
        lambda T, b: jax.scipy.linalg.solve_triangular(T + jnp.eye(3), b, lower=True),
        S,
        A,
    ),
    "cholesky": (lambda S: jnp.linalg.cholesky(S @ S.T), S),
    "inverse": (jnp.linalg.inv, jnp.stack([S, S + jnp.eye(3)])),
    "qr": (lambda S: jnp.linalg.qr(S), S),
    "tridiagonal": (
        lambda d, b: lax.linalg.tridiagonal_solve(d / 9, d + 1.0, d / 9, b),
        array(4),
        B,
    ),
    "max": (lambda A: A.max(0), A),
    "max pool": (
        lambda A: lax.reduce_window(A, -jnp.inf, lax.max, (2, 2), (1, 1), "VALID"),
        A,
    ),
    "top k": (lambda A: lax.top_k(A, 2)[0], A),
    "unknown index": (lambda x: x[jnp.argmax(x)] * x[PICK], x),
    "unknown gather": (lambda A: A[jnp.argsort(A[:, 0])], A),
    "unknown points": (lambda A: A[PICK, jnp.argsort(A[:, 0])], A),
    "unknown slice": (lambda A: lax.dynamic_slice(A, (0, jnp.argmax(A[0])), (3, 2)), A),
    "unknown update": (
        lambda A: lax.dynamic_update_slice(A, A[:2, :2], (1, jnp.argmax(A[0]))),
        A,
    ),
    "unknown scatter": (lambda x: x.at[jnp.argsort(x)[:3]].add(x[:3] ** 2), x),
    "unknown set": (lambda A: A.at[jnp.argmax(A[:, 0])].set(A[0] ** 2), A),
    "unknown mask": (lambda x: jnp.where(x > x[::-1], x, x[0]), x),
    "long scan": (
        lambda x: lax.scan(lambda s, _: (jnp.roll(s, 1) * 0.999, s[0]), x, None, 3000),
        x,
    ),
    "while": (
        lambda x: lax.while_loop(
            lambda s: s[1] < 3,
            lambda s: (jnp.sin(s[0]).at[1:].add(s[0][:-1]), s[1] + 1),
            (x, 0),
        )[0],
        x,
    ),
    "cond": (
        lambda x: lax.cond(x[0] > 0, lambda x: x[:3] ** 2, lambda x: x[3:], x),
        x,
    ),
    "logsumexp": (lambda A: jax.nn.logsumexp(A, axis=0), A),
    "betainc": (lambda x: jax.scipy.special.betainc(2.0, 3.0, x / 2), x),
    "attention": (lambda A, B: jax.nn.softmax(A @ B) @ B.T, A, B),
    "vmap of a loop": (
        lambda A: jax.vmap(lambda r: lax.fori_loop(0, 2, lambda i, s: s * r[i], r))(A),
        A,
    ),
}
INEXACT_PULL = {"pad": "the padding value's cotangent is a difference of two sums"}


@pytest.mark.parametrize("reverse", [False, True], ids=["push", "pull"])
@pytest.mark.parametrize("name", EXACT)
def test_patterns_are_the_nonzeros(name, reverse):
    fun, *xs = EXACT[name]
    found, actual = pattern(fun, *xs, reverse=reverse), nonzeros(fun, *xs)
    if reverse and name in INEXACT_PULL:
        found &= actual
    np.testing.assert_array_equal(found, actual)


@pytest.mark.parametrize("reverse", [False, True], ids=["push", "pull"])
@pytest.mark.parametrize("name", COVERED)
def test_patterns_cover_the_nonzeros(name, reverse):
    fun, *xs = COVERED[name]
    missed = nonzeros(fun, *xs) & ~pattern(fun, *xs, reverse=reverse)
    assert not missed.any()


def check(program: Any) -> None:
    """The patterns of push and pull, against the numbers that the push gives.

    These agree with JAX by the tests of random programs.
    """
    point = jnp.asarray(RNG.uniform(-1, 1, (2, 3, 3)))
    push, pull = (
        linear_program(lambda a, b: run(program, a, b), *point, reverse=reverse)
        for reverse in (False, True)
    )
    actual = push.whole(push.nonzeros())
    for linear in (push, pull):
        assert not (actual & ~linear.whole(linear.patterns())).any()


SLOW = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(SLOW, max_examples=20)
@given(instructions())
def test_patterns_cover_the_linear_parts_of_random_programs(program):
    check(program)


@pytest.mark.fuzz
@settings(SLOW, max_examples=300)
@given(instructions())
def test_patterns_cover_the_linear_parts_of_many_random_programs(program):
    check(program)
