"""Programs found by content: what compiles again, what is kept, and what is let go."""

from __future__ import annotations

import threading
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import Primitive
from jax.interpreters import ad

import irad
from irad import staging
from tests.freeing import check_freed

X = jnp.array([0.3, -1.2, 2.5])


@pytest.fixture
def compilations(monkeypatch):
    """Counts the programs that irad makes; each is compiled once."""
    irad.clear_caches()
    made = []
    original = staging.Program.__init__

    def count(self, *args):
        made.append(self)
        original(self, *args)

    monkeypatch.setattr(staging.Program, "__init__", count)
    return made


def test_a_fresh_identical_lambda_makes_no_new_program(compilations):
    for _ in range(3):
        irad.grad(lambda x: jnp.sum(jnp.sin(x) * 2.0))(X)
    assert len(compilations) == 1


def test_a_fresh_lambda_through_relu_makes_no_new_program(compilations):
    for _ in range(3):
        irad.grad(lambda x: jnp.sum(jax.nn.relu(x) * 2.0))(X)
    assert len(compilations) == 1


@jax.custom_vjp
def sine(x):
    return jnp.sin(x)


sine.defvjp(lambda x: (sine(x), x), lambda x, c: (c * jnp.cos(x),))


@jax.custom_jvp
def scaled(x, y):
    return jnp.sin(x) * y


scaled.defjvps(lambda t, y, a, b: t * jnp.cos(a) * b, lambda t, y, a, b: scaled(a, t))

relu = jax.nn.relu
MAPPED = {
    "relu": lambda x: jax.vmap(relu)(x),
    "twice": lambda x: jax.vmap(jax.vmap(relu))(x[:, None] * x),
    "a user's vjp": lambda x: jax.vmap(sine)(x),
    "a user's jvp": lambda x: jax.vmap(scaled, in_axes=(0, None))(x, x[0]),
    "in a call": lambda x: jax.vmap(jax.jit(relu))(x),
    "in a checkpoint": lambda x: jax.vmap(jax.checkpoint(sine))(x),
    "in a branch": lambda x: jax.vmap(lambda r: jax.lax.cond(r > 0, relu, jnp.sin, r))(
        x
    ),
    "in a loop": lambda x: jax.vmap(
        lambda r: jax.lax.scan(lambda c, a: (relu(c * a), c), r, jnp.ones(4))[0]
    )(x),
    "in a gradient": lambda x: jax.vmap(irad.grad(lambda r: relu(r) ** 2))(x),
    "attached": lambda x: jax.vmap(irad.attach(lambda r: relu(r) ** 2))(x),
}


@pytest.mark.parametrize("name", MAPPED)
def test_a_mapped_custom_rule_makes_no_new_program(compilations, name):
    made = []
    for _ in range(3):
        got = irad.grad(lambda x: jnp.sum(MAPPED[name](x) * 2.0))(X)
        made.append(sum(p._compiled._cache_size() for p in compilations))
    assert made[0] == made[-1]
    expected = jax.grad(lambda x: jnp.sum(MAPPED[name](x) * 2.0))(X)
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def test_rules_that_are_mapped_otherwise_are_told_apart(compilations):
    A = jnp.outer(X, X) + jnp.arange(9.0).reshape(3, 3)
    for axis in (0, 1):

        def weighted(x, axis=axis):
            return jnp.sum(jax.vmap(scaled, in_axes=(axis, 0))(x, X) * A)

        np.testing.assert_allclose(irad.grad(weighted)(A), jax.grad(weighted)(A), 1e-12)
    assert len(compilations) == 2


def test_many_step_sizes_make_two_programs(compilations):
    for i in range(100):
        step = 0.5 + 0.01 * i
        got = irad.grad(lambda x, step=step: jnp.sum(jnp.sin(x) * step))(X)
        np.testing.assert_allclose(got, jnp.cos(X) * step, rtol=1e-12)
    assert len(compilations) == 2


def test_two_numbers_that_vary_in_turn_stay_right(compilations):
    for a, b in [(1.0, 2.0), (3.0, 2.0), (1.0, 5.0), (4.0, 6.0), (1.0, 2.0)]:
        got = irad.grad(lambda x, a=a, b=b: jnp.sum(a * x**2 + b * x))(X)
        np.testing.assert_allclose(got, 2 * a * X + b, rtol=1e-12)
    assert len(compilations) <= 3


@pytest.mark.parametrize(
    ("first", "second"),
    [(0.0, -0.0), (1.0, np.nan), (np.float32(1), 1.0)],
    ids=["signed zeros", "nan", "weak and strong"],
)
def test_literals_are_told_apart_by_bits_and_type(first, second):
    for factor in (first, second, first):

        def fun(x, factor=factor):
            return jnp.sum(x.astype("float32") * factor)

        ours, theirs = irad.grad(fun)(X), jax.grad(fun)(X)
        np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(np.signbit(ours), np.signbit(theirs))


def test_bool_and_int_literals_are_told_apart():
    def fun(flag):
        return lambda x: jnp.sum(x * jnp.asarray(flag).astype(x.dtype) * 3)

    for flag in (1, True, 0, False, 2):
        np.testing.assert_array_equal(irad.grad(fun(flag))(X), jax.grad(fun(flag))(X))


@pytest.mark.parametrize("pair", [(0.0, -0.0), (1, 1.0), (np.float32(1), 1.0)], ids=str)
@pytest.mark.parametrize(
    "inside", [lambda a: a, lambda a: (a,)], ids=["", "in a tuple"]
)
def test_params_are_told_apart_by_bits_and_type(inside, pair):
    def times(x, factor):
        (a,) = jax.tree.leaves(factor)
        return x * float(a) * (1 if type(a) is float else 2)

    scaled = Primitive("scaled")
    scaled.def_abstract_eval(lambda x, factor: x)
    scaled.def_impl(times)
    ad.deflinear(scaled, lambda c, factor: [times(c, factor)])
    for a in (*pair, pair[0]):

        def fun(x, a=a):
            return jnp.sum(scaled.bind(x, factor=inside(a)))

        ours, theirs = irad.grad(fun)(X), jax.grad(fun)(X)
        np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(np.signbit(ours), np.signbit(theirs))


def test_a_changed_closure_global_attribute_and_default_are_seen():
    class Model:
        scale = 2.0

        def loss(self, x):
            return jnp.sum(x * self.scale)

    model = Model()
    gradient = irad.grad(model.loss)
    assert gradient(X)[0] == 2.0
    model.scale = 5.0
    assert gradient(X)[0] == 5.0
    model.scale = jnp.array(7.0)
    assert gradient(X)[0] == 7.0


def test_functions_and_arrays_are_freed():
    irad.clear_caches()

    def make():
        table = jnp.ones(1000) * 2

        def fun(x):
            return jnp.sum(jnp.sin(x) * table[:3])

        return fun, weakref.ref(table)

    def use(fun):
        irad.grad(fun)(X).block_until_ready()
        irad.vjp(fun, X)[1](1.0)[0].block_until_ready()

    check_freed(make, use)


def test_threads_get_right_gradients():
    irad.clear_caches()
    wrong = []

    def work(k):
        for i in range(5):
            got = irad.grad(lambda x, i=i: jnp.sum(jnp.sin(x) * (k + i)))(X)
            if not np.allclose(got, jnp.cos(X) * (k + i)):
                wrong.append((k, i))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_under_jit_nothing_is_compiled_apart(compilations):
    fun = jax.jit(irad.grad(lambda x: jnp.sum(jnp.sin(x))))
    with jax.log_compiles(False):
        lowered = fun.lower(X)
    assert compilations[0]._compiled._cache_size() == 0
    assert lowered.compile()(X)[0] == jnp.cos(X[0])


def test_disable_jit_runs_equation_by_equation():
    with jax.disable_jit():
        got = irad.grad(lambda x: jnp.sum(jnp.sin(x) ** 2))(X)
    np.testing.assert_allclose(got, jnp.sin(2 * X), rtol=1e-12)


def test_debug_nans_raises():
    with jax.debug_nans(True), pytest.raises(FloatingPointError):
        irad.grad(lambda x: jnp.sum(jnp.sqrt(x)))(jnp.zeros(3) - 1.0)


def test_x64_is_part_of_what_a_program_is():
    def fun(x):
        return jnp.sum(jnp.sin(x) * 2.0)

    x = np.array([0.1, 0.2])
    assert irad.grad(fun)(x).dtype == "float64"
    with jax.enable_x64(False):
        assert irad.grad(fun)(x).dtype == "float32"


def test_vjp_and_linearize_results_pass_through_jit_both_ways():
    def fun(x):
        return jnp.sin(x) * x

    @jax.jit
    def make(x):
        return irad.vjp(fun, x)[1], irad.linearize(fun, x)[1]

    pullback, tangent = make(X)
    np.testing.assert_allclose(
        jax.jit(lambda p, c: p(c))(pullback, X)[0], jax.vjp(fun, X)[1](X)[0]
    )
    np.testing.assert_allclose(
        jax.jit(lambda p, t: p(t))(tangent, X), jax.jvp(fun, (X,), (X,))[1]
    )


def test_python_runs_once_a_call():
    calls = []

    def fun(x):
        calls.append(1)
        if x[0] > 0:
            x = jnp.sin(x)
        return jnp.sum(x)

    for transform in (irad.grad, irad.value_and_grad, irad.jacfwd, irad.jacrev):
        calls.clear()
        transform(fun)(X)
        assert len(calls) == 1, transform


def _user_rule(scale):
    @jax.custom_jvp
    def fun(x):
        return jnp.sin(x)

    @fun.defjvp
    def rule(x, t):
        return fun(x[0]), t[0] * scale[0] * jnp.cos(x[0])

    return fun


def test_a_users_rule_is_compared_by_what_it_computes(compilations):
    scale = [2.0]
    for _ in range(2):
        got = irad.grad(lambda x: jnp.sum(_user_rule(scale)(x)))(X)
        np.testing.assert_allclose(got, 2 * jnp.cos(X))
    assert len(compilations) == 1
    scale[0] = 3.0
    got = irad.grad(lambda x: jnp.sum(_user_rule(scale)(x)))(X)
    np.testing.assert_allclose(got, 3 * jnp.cos(X))


def test_a_users_vjp_is_compared_by_what_it_computes(compilations):
    def make(factor):
        @jax.custom_vjp
        def fun(x):
            return jnp.sin(x)

        fun.defvjp(lambda x: (fun(x), x), lambda x, c: (factor * c * jnp.cos(x),))
        return fun

    for factor in (2.0, 2.0, 5.0):
        fun = make(factor)
        got = irad.grad(lambda x, fun=fun: jnp.sum(fun(x)))(X)
        np.testing.assert_allclose(got, factor * jnp.cos(X))
    assert len(compilations) == 2


def test_one_static_argument_makes_another_rule():
    """The derivatives of sinc hang on a counter that its values do not show."""

    def sinc(ad):
        f = jnp.sinc
        for _ in range(4):
            f = ad.grad(f)
        return f

    for x in (0.0, 0.4):
        np.testing.assert_allclose(sinc(irad)(x), sinc(jax)(x), rtol=1e-6)


def test_rules_that_differ_in_which_cotangent_is_none_are_told_apart():
    def product(bwd):
        fun = jax.custom_vjp(lambda x, y: x * y)
        fun.defvjp(lambda x, y: (x * y, ()), bwd)
        return irad.grad(fun, (0, 1))(2.0, 3.0)

    assert product(lambda _, c: (c, None)) == (1.0, 0.0)
    assert product(lambda _, c: (None, c)) == (0.0, 1.0)


def test_a_rule_that_is_not_needed_may_fail():
    def refuse(*_):
        raise RuntimeError("not differentiable")

    fun = jax.custom_vjp(lambda x: x + 1)
    fun.defvjp(lambda x: (x, ()), refuse)
    assert irad.grad(lambda x: x * fun(jax.lax.stop_gradient(x)))(2.0) == 3.0
    with pytest.raises(RuntimeError, match="not differentiable"):
        irad.grad(fun)(2.0)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_weak_literals_that_vary_stay_weak(dtype):
    for i, factor in enumerate((2, 3, 4.5, 5.5)):
        x = jnp.ones(3, dtype).astype("float32") + i

        def fun(x, factor=factor):
            return jnp.sum(x * factor)

        ours, theirs = irad.grad(fun)(x), jax.grad(fun)(x)
        assert jax.typeof(ours) == jax.typeof(theirs)
        np.testing.assert_array_equal(ours, theirs)


def test_a_primitive_that_cannot_be_compiled_is_run_outside_of_jit():
    doubled = Primitive("doubled")
    doubled.def_impl(lambda x: 2 * x)
    doubled.def_abstract_eval(lambda x: x)
    ad.deflinear(doubled, lambda c: [doubled.bind(c)])

    def fun(x):
        return jnp.sum(jnp.sin(doubled.bind(x)))

    np.testing.assert_allclose(irad.grad(fun)(X), jax.grad(fun)(X), rtol=1e-12)
    ours, theirs = (m.jvp(fun, (X,), (X,)) for m in (irad, jax))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    np.testing.assert_allclose(irad.vjp(fun, X)[1](1.0)[0], jax.grad(fun)(X))
    for m in (irad, jax):
        with pytest.raises(NotImplementedError, match="doubled"):
            jax.jit(m.grad(fun))(X)
