"""Loops of unknown length, in reverse: against the loop of known length.

``rolled`` is a ``while_loop`` whose number of steps is data, or as good as data: no
pass counts by squares. ``unrolled`` is the scan of that many steps, which JAX
differentiates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.experimental import io_callback
from jax.extend.core import check_jaxpr

import irad
from irad.checkpointing import online
from irad.checkpointing.options import MAX_CHECKPOINTS
from tests.kinds import of_kinds
from tests.laws import Case, check_laws

X = jnp.array([0.3, -0.7, 0.5])
W = jnp.array([[0.2, -0.4, 0.1], [0.5, 0.3, -0.2], [0.1, 0.6, 0.4]])
Step = Callable[[Any, Any], Any]


def rolled(step: Step, n: Any, p: Any, s: Any) -> Any:
    """So many steps ``s = step(p, s)``, with ``n`` traced."""

    def body(carry):
        return carry[0] + 1, step(p, carry[1])

    return lax.while_loop(lambda carry: carry[0] ** 2 < n**2, body, (0, s))[1]


def unrolled(step: Step, n: int, p: Any, s: Any) -> Any:
    """The same steps in a scan."""
    return lax.scan(lambda s, _: (step(p, s), None), s, length=n)[0]


def newton(p, x):
    """A damped Newton step towards the root of x^3 + p x = 1."""
    return x - 0.9 * (x**3 + p * x - 1.0) / (3.0 * x**2 + p)


def bisection(p, interval):
    """Half of an interval that has the root of x^3 + p x = 1, and a weighted middle."""
    low, high, total = interval
    middle = 0.5 * (low + high)
    above = middle**3 + p * middle > 1.0
    low, high = jnp.where(above, low, middle), jnp.where(above, middle, high)
    return low, high, 0.9 * total + middle * p


def adaptive(p, state):
    """A step of Heun's method for y' = -p y^2, its size from the error estimate."""
    t, h, y = state
    first = -p * y**2
    second = -p * (y + h * first) ** 2
    error = jnp.abs(h * (second - first)) / 2 + 1e-12
    accepted = error < 1e-3
    t, y = (
        jnp.where(accepted, t + h, t),
        jnp.where(accepted, y + h * (first + second) / 2, y),
    )
    return t, h * jnp.clip(0.9 * jnp.sqrt(1e-3 / error), 0.3, 1.5), y


PROGRAMS: dict[str, tuple[Step, Any]] = {
    "Newton": (newton, 2.0),
    "bisection": (bisection, (0.0, 1.5, 0.1)),
    "adaptive": (adaptive, (0.0, 0.3, 1.7)),
    "matrix": (lambda w, x: jnp.tanh(w * jnp.sin(W @ x)) + 0.1 * x, X),
}


def total(loop, step, n, p, s):
    """A sum of all that a loop ends with."""
    leaves = jax.tree.leaves(loop(step, n, p, s))
    return sum(jnp.sum(leaf * (0.5 + i)) for i, leaf in enumerate(leaves))


@pytest.mark.parametrize("trips", [0, 1, 17, 10_000])
@pytest.mark.parametrize("name", PROGRAMS)
def test_gradients_are_those_of_the_unrolled_loop(name, trips):
    step, start = PROGRAMS[name]
    ours = irad.value_and_grad(total, (3, 4))
    value, found = jax.jit(lambda *a: ours(rolled, step, *a))(trips, 1.3, start)
    theirs = jax.value_and_grad(total, (3, 4))
    expected, gradient = theirs(unrolled, step, trips, 1.3, start)
    np.testing.assert_allclose(value, expected, rtol=1e-13)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(gradient), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


SOLVERS = ("Newton", "bisection", "adaptive")


@pytest.mark.parametrize("name", SOLVERS)
def test_second_derivatives_are_those_of_the_unrolled_loop(name):
    step, start = PROGRAMS[name]

    def slope(gradient, loop, n):
        return gradient(lambda p: total(loop, step, n, p, start))

    pushed = jax.jit(
        lambda n, p: irad.jvp(slope(irad.grad, rolled, n), (p,), (1.0,))[1]
    )
    pulled = jax.jit(lambda n, p: irad.grad(slope(irad.grad, rolled, n))(p))
    for trips in (0, 1, 17, 10_000):
        theirs = slope(jax.grad, unrolled, trips)
        _, expected = jax.jvp(theirs, (1.3,), (1.0,))
        ways = [pushed] if trips > 100 else [pushed, pulled]
        for way in ways:
            found = way(trips, 1.3)
            np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", SOLVERS)
def test_a_batch_of_loops_of_their_own_lengths_is_each_alone(name):
    step, start = PROGRAMS[name]
    trips, p = jnp.array([0, 1, 17, 10_000]), jnp.array([1.3, 0.9, 1.1, 1.2])
    ours = irad.grad(lambda n, p: total(rolled, step, n, p, start), 1)
    found = jax.jit(jax.vmap(ours))(trips, p)
    theirs = jax.grad(lambda n, p: total(unrolled, step, n, p, start), 1)
    expected = [theirs(int(n), x) for n, x in zip(trips, p, strict=True)]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)


def test_a_condition_on_the_data_ends_the_loop_where_it_ends_the_program():
    def root(p):
        return lax.while_loop(
            lambda x: jnp.abs(x**3 + p * x - 1.0) > 1e-12, lambda x: newton(p, x), 2.0
        )

    x = root(1.3)
    slope = -x / (3 * x**2 + 1.3)
    np.testing.assert_allclose(irad.grad(root)(1.3), slope, rtol=1e-9)
    curvature = jax.grad(lambda p: -root_of(p) / (3 * root_of(p) ** 2 + p))(1.3)
    np.testing.assert_allclose(irad.grad(irad.grad(root))(1.3), curvature, rtol=1e-6)


@jax.custom_jvp
def root_of(p):
    """The root of x^3 + p x = 1, with its derivative by the implicit function."""
    return lax.fori_loop(0, 60, lambda i, x: newton(p, x), 2.0)


@root_of.defjvp
def _(primals, tangents):
    (p,), (t,) = primals, tangents
    x = root_of(p)
    return x, -x * t / (3 * x**2 + p)


# The laws -----------------------------------------------------------------------------


def with_keys(p, s):
    """Noise from a key in the carry."""
    key, x = s
    key, now = jax.random.split(key)
    return key, jnp.sin(p * x) + jax.random.normal(now, x.shape, x.dtype)


def inside_scan(loop, n, w, x):
    """A loop in every step of a scan, of another length each time."""

    def step(s, k):
        return loop(lambda w, s: jnp.sin(w @ s) + k, n, w, s), s[0]

    return lax.scan(step, x, jnp.arange(3.0))


def case(name: str, step: Step, p: Any, s: Any, n: int = 4, **options: Any) -> Case:
    """The laws of a loop, by the unrolled one."""
    return Case(
        name,
        lambda p, s: rolled(step, n, p, s),
        (p, s),
        like=lambda p, s: unrolled(step, n, p, s),
        **options,
    )


def matrix(w, x):
    """One layer."""
    return jnp.sin(w @ x) + 0.1 * x


def indexed(first, x):
    """A loop whose body reads its index."""
    return lax.fori_loop(first, 7, lambda i, s: jnp.sin(s + i.astype(s.dtype)) * x, x)


def summing(w, s):
    """A layer, and a sum over them that no layer reads."""
    x, total = s
    return matrix(w, x), total + x @ x


CASES = [
    case("matrix", matrix, W, X),
    case("no steps", matrix, W, X, n=0),
    case("more steps than slots", matrix, W, X, n=70, second=False),
    case("linear", lambda w, x: w @ x, W, X),
    case("linear in the carry alone", lambda w, x: jnp.sin(X) * x, W, X, second=False),
    *of_kinds("loop", [case("matrix", matrix, W, X)]),
    case(
        "a body with a branch",
        lambda w, x: lax.cond(x[0] > 0, lambda x: w @ x, lambda x: jnp.cos(x), x),
        W,
        X,
        second=False,
    ),
    case(
        "a body with a scan",
        lambda w, x: lax.scan(lambda s, r: (jnp.sin(s + r), None), x, w)[0],
        W,
        X,
        second=False,
    ),
    case(
        "a body that pulls",
        lambda w, x: irad.grad(lambda x: jnp.sum(jnp.sin(w @ x)))(x),
        W,
        X,
        second=False,
    ),
    Case(
        "an accumulator",
        lambda w, x: rolled(summing, 5, w, (x, 0.0)),
        (W, X),
        like=lambda w, x: unrolled(summing, 5, w, (x, 0.0)),
        second=False,
    ),
    Case(
        "keys in the carry",
        lambda w, x: rolled(with_keys, 5, w, (jax.random.key(3), x))[1],
        (X, X),
        like=lambda w, x: unrolled(with_keys, 5, w, (jax.random.key(3), x))[1],
        second=False,
    ),
    Case(
        "bounds that are traced",
        lambda x: indexed(jnp.argmin(x), x),
        (X,),
        like=lambda x: indexed(1, x),
        second=False,
    ),
    Case(
        "in a scan",
        lambda w, x: inside_scan(rolled, 3, w, x),
        (W, X),
        like=lambda w, x: inside_scan(unrolled, 3, w, x),
        second=False,
    ),
    Case(
        "in a loop",
        lambda w, x: rolled(lambda w, s: rolled(matrix, 3, w, s), 2, w, x),
        (W, X),
        like=lambda w, x: unrolled(matrix, 6, w, x),
        second=False,
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws(case):
    check_laws(case)


def test_a_loop_that_carries_no_tangent_is_left_as_it_is():
    def fun(x):
        n = lax.while_loop(lambda n: n < jnp.floor(x), lambda n: n + 1.0, 0.0)
        return x * lax.stop_gradient(n)

    assert irad.grad(fun)(2.5) == jax.grad(fun)(2.5)


# Batches ------------------------------------------------------------------------------

LENGTHS = jnp.array([0, 1, 5, 40])
XS = jnp.stack([X, -X, 2 * X, X[::-1]])


def one_by_one(fun: Callable[..., Any]) -> Any:
    """A function of a length and a state, of each alone."""
    each = [fun(int(n), x) for n, x in zip(LENGTHS, XS, strict=True)]
    return jax.tree.map(lambda *a: jnp.stack(a), *each)


def agree(found: Any, expected: Any) -> None:
    """The same numbers to rounding."""
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def test_a_batch_of_gradients_is_each_alone():
    ours = irad.grad(lambda n, w, x: rolled(matrix, n, w, x).sum(), (1, 2))
    theirs = jax.grad(lambda n, w, x: unrolled(matrix, n, w, x).sum(), (1, 2))
    found = jax.jit(jax.vmap(ours, (0, None, 0)))(LENGTHS, W, XS)
    agree(found, one_by_one(lambda n, x: theirs(n, W, x)))


def test_the_gradient_of_a_batch_is_the_sum_of_each():
    def batch(w, xs):
        return jax.vmap(lambda n, x: rolled(matrix, n, w, x))(LENGTHS, xs).sum()

    theirs = jax.grad(lambda n, w, x: unrolled(matrix, n, w, x).sum(), (1, 2))
    dw, dx = one_by_one(lambda n, x: theirs(n, W, x))
    agree(jax.jit(irad.grad(batch, (0, 1)))(W, XS), (dw.sum(0), dx))


# What it costs ------------------------------------------------------------------------


@pytest.mark.parametrize("trips", [0, 1, 32, 100, 700])
def test_the_body_is_run_as_often_as_the_schedule_says(trips):
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

    gradient = jax.jit(
        irad.grad(lambda n, x: rolled(lambda p, x: jnp.sin(counted(x)), n, None, x), 1)
    )
    jax.block_until_ready(gradient(trips, 0.3))
    # Each step once more, where it is reversed.
    again = online.run_again(trips, MAX_CHECKPOINTS) if trips else 0
    assert len(calls) == trips + again + trips


def test_memory_is_that_of_the_slots_whatever_the_length():
    size = 100_000

    def loss(n, w, x):
        return rolled(lambda w, x: jnp.sin(w * x), n, w, x).sum()

    gradient = jax.jit(irad.grad(loss, (1, 2)))
    x = jnp.ones(size)
    memory = gradient.lower(1, 1.1, x).compile().memory_analysis()
    assert memory.temp_size_in_bytes < (MAX_CHECKPOINTS + 6) * x.nbytes


def buffers(fun: Callable[..., Any], *args: Any) -> list[tuple[int, ...]]:
    """The shapes of what the slots of a gradient hold."""
    jaxpr = jax.make_jaxpr(irad.grad(fun))(*args).jaxpr
    check_jaxpr(jaxpr)
    inner = jaxpr.eqns[-1].params["jaxpr"].jaxpr
    loops = [eqn for eqn in inner.eqns if eqn.primitive.name == "while"]
    rows = MAX_CHECKPOINTS + 1
    shapes = [v.aval.shape for v in loops[0].outvars]
    return [shape[1:] for shape in shapes if shape[:1] == (rows,)]


def test_only_what_residuals_depend_on_is_stored():
    def fun(x, n):
        def step(_, s):
            x, unread, total = s
            return jnp.sin(x), unread + total, total + x.sum()

        return rolled(step, n, None, (x, jnp.zeros(7), 0.0))[2]

    assert buffers(fun, X, 5) == [(3,)]


def test_what_every_step_hands_on_is_not_stored():
    def step(w, x):
        return jnp.sin(w @ x) + 1.5 * x

    def fun(w, x):
        def body(s):
            w, x, limit = s
            return w, step(w, x), limit

        def cond(s):
            w, x, limit = s
            return jnp.sum(jnp.abs(w @ x)) < limit

        return lax.while_loop(cond, body, (w, x, jnp.sum(x) + 9.0))[1].sum()

    assert buffers(fun, W, X) == [(3,)]
    x, trips = X, 0
    while jnp.sum(jnp.abs(W @ x)) < jnp.sum(X) + 9.0:
        x, trips = step(W, x), trips + 1
    assert trips > 1
    expected = jax.grad(lambda w, x: unrolled(step, trips, w, x).sum(), (0, 1))
    agree(irad.grad(fun, (0, 1))(W, X), expected(W, X))


def test_a_linear_loop_stores_nothing():
    assert (
        buffers(lambda x, n: rolled(lambda w, x: W @ x, n, None, x).sum(), X, 5) == []
    )


# Effects ------------------------------------------------------------------------------


def test_effects_happen_once_a_step():
    seen = []

    def step(p, x):
        jax.debug.callback(lambda x: seen.append(float(x)), x)
        return 2 * jnp.sin(x)

    jax.block_until_ready(irad.grad(lambda x: rolled(step, 3, None, x))(0.5))
    jax.effects_barrier()
    assert len(seen) == 3


def test_what_cannot_be_run_again_is_an_error_with_the_line():
    def step(p, x):
        shape = jax.ShapeDtypeStruct((), jnp.float64)
        noise = io_callback(lambda: np.float64(1.0), shape, ordered=True)
        return jnp.sin(x * noise)

    with pytest.raises(irad.NoRuleError, match=r"io_callback.*test_while_loop\.py:\d+"):
        irad.grad(lambda x: rolled(step, 3, None, x))(0.5)
