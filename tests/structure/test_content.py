"""Bodies known by content: what is planned once, what is never taken for another."""

from __future__ import annotations

import math
import threading
import weakref
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import Primitive
from jax.interpreters import ad, mlir

import irad
from irad import accumulate
from irad.cost import MACHINES
from irad.structure import content
from tests.freeing import check_freed

X = jnp.array([0.3, -1.2, 2.5])
XS = jnp.linspace(-1.0, 1.0, 15).reshape(5, 3)
W = jnp.linspace(-0.5, 0.5, 9).reshape(3, 3)


@pytest.fixture
def walks(monkeypatch):
    """Counts the bodies that are linearized."""
    irad.clear_caches()
    made = []
    original = accumulate.linearize

    def count(jaxpr, *args):
        made.append(jaxpr)
        return original(jaxpr, *args)

    monkeypatch.setattr(accumulate, "linearize", count)
    return made


def check(fun, *args, argnums=0):
    """Compares with JAX's gradient where both are staged, which plans at each call."""
    got = jax.jit(irad.grad(fun, argnums))(*args)
    expected = jax.jit(jax.grad(fun, argnums))(*args)
    for a, b in zip(*map(jax.tree.leaves, (got, expected)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    return got


def scanned(x):
    def step(s, r):
        return jnp.tanh(W @ s + r), jnp.sin(s)

    s, rows = lax.scan(step, x, XS)
    return jnp.sum(s) + jnp.sum(rows)


def scanned_from_slots(x):
    return jnp.sum(lax.scan(lambda s, r: (jnp.tanh(W @ s + r), None), x, XS)[0])


def looped(x):
    def going(state):
        return jnp.sum(state[0] ** 2) < 50.0

    return jnp.sum(lax.while_loop(going, lambda s: (s[0] * 1.5, s[1] + 1), (x, 0))[0])


def branched(x):
    return jnp.sum(lax.cond(x[0] > 0, lambda x: jnp.sin(x) * x, jnp.cos, x))


def again(x):
    return jnp.sum(jax.checkpoint(lambda x: jnp.sin(jnp.tanh(W @ x)))(x))


def nested(x):
    def outer(s, r):
        return lax.scan(lambda s, q: (jnp.sin(s * q), None), s, r)[0], None

    return lax.scan(outer, jnp.sum(x), XS)[0]


FUNCTIONS = [
    scanned,
    scanned_from_slots,
    looped,
    branched,
    again,
    nested,
]


@pytest.mark.parametrize("fun", FUNCTIONS, ids=lambda fun: fun.__name__)
@pytest.mark.parametrize("through", [jax.make_jaxpr, jax.jit], ids=["traced", "jit"])
def test_a_fresh_function_plans_nothing(walks, fun, through):
    for i in range(3):
        through(irad.grad(lambda x: fun(x) * 1.0))(X)
        if i == 0:
            first = len(walks)
    assert first
    assert len(walks) == first


def test_equal_bodies_of_one_program_are_planned_once(walks):
    def layers(n):
        def fun(x):
            for _ in range(n):
                x = lax.scan(lambda s, r: (jnp.tanh(W @ s + r), None), x, XS)[0]
            return jnp.sum(x)

        return fun

    jax.make_jaxpr(irad.grad(layers(1)))(X)
    first = len(walks)
    jax.make_jaxpr(irad.grad(layers(3)))(X)
    assert len(walks) == first
    check(layers(3), X)


def test_what_is_remembered_of_a_body_does_not_grow_with_lengths():
    """Each has a body of its own, and of bodies only so many are remembered."""
    irad.clear_caches()
    for n in (3, 4, 5):
        for _ in range(2):
            check(lambda x, n=n: loop(lambda s, r: jnp.sin(s) + r, x, XS[:n]), X)
        assert len(content._BODIES.items()) == n - 2


# What is never taken for another ------------------------------------------------------


def loop(step, x, rows=XS):
    """A scan whose body has its equations at the same lines, whatever they are."""
    return jnp.sum(lax.scan(lambda s, r: (step(s, r), None), x, rows)[0])


def told_apart(*steps, x=X):
    """Gradients of loops that differ, each after the other."""
    irad.clear_caches()
    return [check(lambda x, step=step: loop(step, x), x) for step in (*steps, steps[0])]


@pytest.mark.parametrize(
    ("first", "second"),
    [(2.0, 3.0), (0.0, -0.0), (1.0, np.float64(1.0)), (1.0, np.nan), (1, 2)],
    ids=["numbers", "signed zeros", "weak and strong", "nan", "integers"],
)
def test_bodies_that_differ_in_a_literal(first, second):
    numbers = (first, second, first)
    results = told_apart(*(lambda s, r, a=a: jnp.sin(s) * a for a in numbers))
    for a, got in zip(numbers, results, strict=False):
        expected = jax.grad(lambda x, a=a: loop(lambda s, r: jnp.sin(s) * a, x))(X)
        np.testing.assert_array_equal(np.signbit(got), np.signbit(expected))


def test_bodies_that_differ_in_a_param():
    told_apart(*(lambda s, r, n=n: lax.integer_pow(s, n) * r for n in (2, 3)))
    told_apart(*(lambda s, r, n=n: jnp.roll(s, n) * jnp.sin(r) for n in (1, 2)))


def test_bodies_that_differ_in_their_dataflow():
    def step(s, r, *, swapped):
        a, b = jnp.sin(s), r
        if swapped:
            a, b = b, a
        return a - b

    told_apart(*(partial(step, swapped=swapped) for swapped in (False, True)))


def test_bodies_that_differ_in_their_constants():
    """JAX makes operands of them, but a body may have its own."""
    like = jax.make_jaxpr(
        lambda x: lax.scan(lambda s, _: (jnp.sin(s), None), x, length=3)[0]
    )(X)
    (eqn,) = like.eqns
    irad.clear_caches()
    for a in (X, 2 * X, jnp.ones(3), X):
        body = jax.make_jaxpr(lambda s, a=a: [jnp.sin(s) * a])(X)
        assert body.consts
        params = {**eqn.params, "jaxpr": body}
        check(lambda x, params=params: jnp.sum(lax.scan_p.bind(x, **params)[0]), X)


def test_bodies_that_return_and_take_literals():
    def constant(a):
        return lambda x: jnp.sum(
            lax.scan(lambda s, r: ((s[0] * r * a, a), s[1] * s[0]), (x, 2.0), XS)[1]
        )

    irad.clear_caches()
    for a in (2.0, 3.0, 2.0):
        check(constant(a), X)


def test_bodies_that_differ_in_what_they_do():
    seen = []

    def tell(name):
        def step(s, r):
            jax.debug.callback(lambda: seen.append(name), ordered=True)
            return jnp.sin(s) * r

        return step

    irad.clear_caches()
    for name in ("first", "second", None, "first"):
        step = (lambda s, r: jnp.sin(s) * r) if name is None else tell(name)
        seen.clear()
        got = jax.jit(irad.grad(lambda x, step=step: loop(step, x)))(X)
        jax.effects_barrier()
        assert seen == ([] if name is None else [name] * len(XS))
        np.testing.assert_allclose(
            got, jax.grad(lambda x: loop(lambda s, r: jnp.sin(s) * r, x))(X)
        )


def test_a_changed_closure_and_a_changed_global_are_seen():
    irad.clear_caches()
    for a in (2.0, jnp.array(3.0), jnp.arange(3.0), np.arange(3.0) + 1, 2.0):
        check(lambda x, a=a: loop(lambda s, r: jnp.sin(s) * a + r, x), X)

    class Model:
        scale = 2.0

    def fun(x):
        return loop(lambda s, r: jnp.sin(s) * Model.scale, x)

    def jitted(x):
        return loop(jax.jit(lambda s, r: jnp.sin(s) * Model.scale), x)

    for scale in (2.0, 5.0, X, 2 * X, 2.0):
        Model.scale = scale
        check(lambda x: fun(x), X)
        check(lambda x: jitted(x), X)


def test_what_an_outer_transformation_traces_is_seen():
    """Inside the body it is closed over by a call."""

    def mapped(a):
        def fun(x):
            inner = jax.jit(lambda s: jnp.sin(s) * a)
            return loop(lambda s, r: inner(s) + r, x)

        return irad.grad(fun)(X)

    irad.clear_caches()
    factors = jnp.array([1.0, 2.0, 3.0])
    for _ in range(2):
        got = jax.vmap(mapped)(factors)
        expected = jnp.stack([mapped(a) for a in factors])
        np.testing.assert_allclose(got, expected, rtol=1e-12)
        factors = factors + 1


def test_a_users_rule_that_changes_is_seen():
    irad.clear_caches()
    factors = {"now": 2.0}

    @jax.custom_jvp
    def by_jvp(x):
        return jnp.sin(x)

    @by_jvp.defjvp
    def _(x, t):
        return jnp.sin(x[0]), factors["now"] * t[0]

    @jax.custom_vjp
    def by_vjp(x):
        return jnp.sin(x)

    by_vjp.defvjp(lambda x: (jnp.sin(x), x), lambda x, c: (factors["now"] * c,))

    for made in (by_jvp, by_vjp):
        for factors["now"] in (2.0, 3.0):
            check(lambda x, made=made: loop(lambda s, r: made(s) + r, x), X)
            check(lambda x, made=made: jnp.sum(jax.checkpoint(made)(x)), X)
    by_jvp.defjvp(lambda x, t: (jnp.sin(x[0]), 7.0 * t[0]))
    assert check(lambda x: loop(lambda s, r: by_jvp(s) + r, x), X)[0] == 7.0 ** len(XS)


def test_a_rule_of_jax_stays_what_it_is():
    irad.clear_caches()
    for _ in range(2):
        check(lambda x: loop(lambda s, r: jax.nn.relu(s + r), x), X)
        check(lambda x: loop(lambda s, r: jax.nn.softplus(s + r), x), X)


def test_a_primitives_rule_that_is_replaced_is_seen():
    primitive = Primitive("doubled")
    primitive.def_impl(lambda x: 2 * x)
    primitive.def_abstract_eval(lambda x: x)
    mlir.register_lowering(
        primitive, mlir.lower_fun(lambda x: 2 * x, multiple_results=False)
    )
    irad.clear_caches()
    for factor in (2.0, 5.0):
        ad.defjvp(primitive, lambda t, x, factor=factor: t * factor)
        got = check(lambda x: loop(lambda s, r: primitive.bind(s) + r, x), X)
        assert got[0] == factor ** len(XS)


def test_widths_and_precisions_are_told_apart():
    irad.clear_caches()

    rows, start = (np.asarray(a, np.float32) for a in (XS, X))

    def fun(x):
        def step(s, r):
            n = jnp.arange(3).astype(s.dtype)  # of 64 bits or of 32
            return jnp.tanh(s * 1.5 + r) * n, None

        return jnp.sum(lax.scan(step, x, rows)[0])

    for _ in range(2):
        for x64 in (True, False):
            for precision in (None, "highest"):
                with jax.enable_x64(x64), jax.default_matmul_precision(precision):
                    got = jax.jit(irad.grad(lambda x: fun(x)))(start)
                    expected = jax.jit(jax.grad(fun))(start)
                assert got.dtype == expected.dtype
                np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_machines_are_told_apart(walks, monkeypatch):
    """What a loop keeps depends on their prices."""
    jax.make_jaxpr(irad.grad(lambda x: scanned(x)))(X)
    first = len(walks)
    dear = replace(MACHINES["cpu"], stacking=((math.inf, 1.0),))
    monkeypatch.setitem(MACHINES, "cpu", dear)
    jax.make_jaxpr(irad.grad(lambda x: scanned(x)))(X)
    assert len(walks) == 2 * first


# What is said, and what is let go -----------------------------------------------------


def test_a_report_names_the_lines_of_its_own_body():
    def first(x):
        return jnp.sum(lax.scan(lambda s, r: (jnp.tanh(W @ s + r), None), x, XS)[0])

    def second(x):
        return jnp.sum(lax.scan(lambda s, r: (jnp.tanh(W @ s + r), None), x, XS)[0])

    irad.clear_caches()
    for fun in (first, second, first):
        report = str(irad.residuals(fun)(X))
        line = fun.__code__.co_firstlineno + 1
        assert f"test_content.py:{line}" in report


def test_functions_and_arrays_are_freed():
    irad.clear_caches()

    def make():
        table = jnp.ones(1000) * 2

        def fun(x):
            def step(s, r):
                return jax.nn.relu(s * table[:3]) + r, None

            def branch(x):
                return jax.nn.softplus(x) * table[:3]

            x = lax.scan(step, x, XS)[0]
            x = jax.checkpoint(lambda x: jax.nn.relu(x * table[:3]))(x)
            return jnp.sum(lax.cond(x[0] > 0, branch, jnp.sin, x))

        return fun, weakref.ref(table)

    def use(fun):
        irad.grad(fun)(X).block_until_ready()
        jax.make_jaxpr(irad.grad(fun))(X)

    check_freed(make, use)


def test_threads_get_right_gradients():
    irad.clear_caches()
    expected = jax.grad(scanned)(X)
    wrong = []

    def work():
        for _ in range(5):
            got = jax.jit(irad.grad(lambda x: scanned(x)))(X)
            if not np.allclose(got, expected):
                wrong.append(got)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
