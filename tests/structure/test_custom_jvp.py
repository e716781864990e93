"""``jax.custom_jvp``: the user's rule is the derivative, in both directions."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.custom_derivatives import SymbolicZero

import irad
from irad._compat.custom_rules import rule_name
from tests.kinds import of_kinds
from tests.laws import Case, check_laws

X = jnp.array([0.3, -1.2, 2.5])
Y = jnp.array([1.5, 0.4, -0.7])
COUNTS = jnp.arange(3)


def _with_rule(fun, rule, **options):
    made = jax.custom_jvp(fun)
    made.defjvp(rule, **options)
    return made


def _power_rule(primals, tangents):
    """A rule whose loop mixes the value and its tangent."""
    (x,), (t,) = primals, tangents

    def step(carry, _):
        y, dy = carry
        return (y * x, dy * x + y * t), None

    start = (jnp.ones_like(x), jnp.zeros_like(t))
    (y, dy), _ = lax.scan(step, start, None, length=4)
    return y, dy


def _branch_rule(primals, tangents):
    """A rule whose branches, inside a jit, mix the value and its tangent."""
    (x,), (t,) = primals, tangents
    both = jax.jit(
        lambda x, t: lax.cond(
            x[0] > 0, lambda x, t: (x**2, 2 * x * t), lambda x, t: (x, t), x, t
        )
    )
    return both(x, t)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _apply(fun, x, i):
    return fun(x) * i.astype(x.dtype), i + 1


@_apply.defjvp
def _apply_rule(fun, primals, tangents):
    (x, i), (t, t_i) = primals, tangents
    assert t_i.dtype == jax.dtypes.float0
    y, dy = jax.jvp(fun, (x,), (t,))
    factor = i.astype(x.dtype)
    zero = np.zeros(i.shape, jax.dtypes.float0)
    return (y * factor, i + 1), (dy * factor, zero)


product = jax.custom_jvp(lambda x, y: (x * y, x + y))
product.defjvps(
    lambda t, ans, x, y: (t * y, t),
    lambda t, ans, x, y: (t * x, t),
)
power = _with_rule(lambda x: x**4, _power_rule)
branch = _with_rule(lambda x: jnp.where(x[0] > 0, x**2, x), _branch_rule)
scaled = _with_rule(lambda x: x * Y, lambda p, t: (p[0] * Y, t[0] * Y))
half = _with_rule(
    lambda x: (2 * x, 3 * x),
    lambda p, t: (half(*p), (SymbolicZero(jax.typeof(p[0])), 3 * t[0])),
    symbolic_zeros=True,
)

CASES = [
    Case("two operands, two results", product, (X, Y)),
    Case("an inactive operand", lambda x: product(x, Y), (X,)),
    Case("one result wanted", lambda x, y: product(x, y)[1], (X, Y)),
    Case("a loop in the rule", power, (X,)),
    Case("branches and a jit in the rule", branch, (X,)),
    Case(
        "nondiff_argnums, integers in and out",
        lambda x: _apply(jnp.sin, x, COUNTS),
        (X,),
    ),
    Case("an array that the rule closes over", scaled, (X,)),
    Case("a tangent that is a symbolic zero", half, (X,), numeric=False),
    Case("in a scan", lambda x: lax.fori_loop(0, 3, lambda _, s: power(s), x), (X,)),
    Case("under vmap", lambda x: jax.vmap(power)(jnp.stack([x, 2 * x])), (X,)),
    Case("relu", jax.nn.relu, (X,)),
    Case("relu6, elu, softplus", lambda x: jax.nn.softplus(jax.nn.relu6(x)), (X,)),
    Case("logsumexp", jax.scipy.special.logsumexp, (X,)),
    *of_kinds("product", [Case("product", product, (X, Y))]),
    Case("float32", power, (X.astype("float32"),)),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws(case):
    check_laws(case)


def test_symbolic_zeros_are_told_to_the_rule():
    seen = []

    def rule(primals, tangents):
        zeros = [isinstance(t, SymbolicZero) for t in tangents]
        seen.append(zeros)
        x, y = primals
        parts = [
            t * o for t, o, z in zip(tangents, (y, x), zeros, strict=True) if not z
        ]
        return x * y, sum(parts)

    fun = _with_rule(lambda x, y: x * y, rule, symbolic_zeros=True)
    irad.grad(lambda x: fun(x, Y).sum())(X)
    irad.grad(lambda y: fun(X, y).sum())(Y)
    irad.grad(lambda x: fun(x, x).sum())(X)
    assert seen == [[False, True], [True, False], [False, False]]


def _twice(h):
    return lambda x: lax.scan(lambda s, _: (h(s), None), x, length=2)[0]


PLACES = {
    "plain": (1, lambda h: h),
    "jit": (1, jax.jit),
    "checkpoint": (1, jax.checkpoint),
    "scan": (2, _twice),
    "cond": (1, lambda h: lambda x: lax.cond(x > 0, h, lambda x: x, x)),
}


@pytest.mark.parametrize("outer", [jax.jit, jax.vmap, irad.jacrev])
@pytest.mark.parametrize("name", PLACES)
def test_a_rule_may_close_over_a_value_of_an_outer_transformation(name, outer):
    times, place = PLACES[name]

    def slope(a):
        h = _with_rule(lambda x: x, lambda p, t: (p[0], t[0] * jnp.cos(a) * p[0]))
        return irad.grad(place(h))(1.5)

    def expected(a):
        return (1.5 * jnp.cos(a)) ** times

    a = jnp.array([0.4, 0.9]) if outer is jax.vmap else jnp.array(0.4)
    np.testing.assert_allclose(outer(slope)(a), outer(expected)(a), rtol=1e-12)


# Rules that are called under vmap inside of the differentiated function: with what is
# mapped, s, in the closure of the rule. All is JAX's: the derivative, and the value.


def _scaled(s, y):
    def rule(p, t):
        return (jnp.sin(p[0]) * s, 3 * jnp.cos(p[0]) * s * t[0])

    return _with_rule(lambda y: jnp.sin(y) * s, rule)(y)


def _mapped_tangent(s, y):
    def rule(p, t):
        return (jnp.sin(p[0]), 3 * jnp.cos(p[0]) * s * t[0])

    return _with_rule(jnp.sin, rule)(y)


def _constant_value(s, y):
    def rule(p, t):
        return (jnp.ones(()), s * t[0])

    return _with_rule(lambda y: y * s, rule)(y)


def _two_maps(s, y):
    def per(r, z):
        def rule(p, t):
            return (p[0] * s * r, p[0] * t[0] * r + s * t[0])

        return _with_rule(lambda y: y * s * r, rule)(y * z)

    return jax.vmap(per)(Y, y * X).sum()


def _told_of_zeros(s, y):
    def rule(primals, tangents):
        zeros = [isinstance(t, SymbolicZero) for t in tangents]
        assert zeros == [False, True, True]
        return jnp.sin(primals[0]) * s, 3 * s * tangents[0]

    fun = _with_rule(lambda y, z, i: jnp.sin(y) * s, rule, symbolic_zeros=True)
    return fun(y, s, s.astype(int))


def _numbers_asked(s, y):
    def rule(primals, tangents):
        (y,), (t,) = primals, tangents
        return jnp.sin(y) * s, (3.0 if y > 1 else 5.0) * s * t

    return _with_rule(lambda y: jnp.sin(y) * s, rule)(y)


def _stopped(s, y):
    def rule(primals, tangents):
        raise AssertionError

    return _with_rule(lambda y: y * s, rule)(lax.stop_gradient(y)) * y


def _integers(s, y):
    def rule(primals, tangents):
        (y, i), (t, t_i) = primals, tangents
        return (y * s, i + 1), (t * s * i.astype(float), t_i)

    return _with_rule(lambda y, i: (y * s, i + 1), rule)(y, s.astype(int))[0]


@pytest.mark.parametrize(
    "per",
    [
        _scaled,
        _mapped_tangent,
        _constant_value,
        _two_maps,
        _told_of_zeros,
        _numbers_asked,
        _stopped,
        _integers,
    ],
)
def test_a_rule_may_close_over_what_is_mapped(per):
    def fun(y):
        return (jax.vmap(lambda s: per(s, y))(X) * Y).sum()

    for derivative in (
        lambda ad: ad.value_and_grad(fun)(1.2),
        lambda ad: ad.jvp(fun, (1.2,), (0.7,)),
        lambda ad: ad.grad(ad.grad(fun))(1.2),
        lambda ad: ad.jvp(ad.grad(fun), (1.2,), (0.7,)),
    ):
        ours, theirs = derivative(irad), derivative(jax)
        jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-12), ours, theirs)


def test_a_rule_that_closes_over_what_is_differentiated_is_refused():
    def fun(y):
        def per(s):
            def rule(p, t):
                return (p[0] * s, t[0] * y)

            return _with_rule(lambda z: z * s, rule)(y * s)

        return jax.vmap(per)(X).sum()

    for ad in (jax, irad):
        with pytest.raises(jax.errors.UnexpectedTracerError):
            ad.grad(fun)(1.2)


def test_a_rule_under_vmap_is_traced_once_for_a_call():
    count = 0

    def rule(primals, tangents):
        nonlocal count
        count += 1
        return primals[0], 2 * tangents[0]

    fun = _with_rule(lambda x: x, rule)
    assert irad.grad(lambda x: jax.vmap(fun)(x * X).sum())(1.0) == 2 * X.sum()
    assert count == 1


# What is not linear in the tangents ---------------------------------------------------


def test_forward_mode_applies_a_rule_that_is_not_linear():
    fun = _with_rule(lambda x: 2 * x, lambda p, t: (2 * p[0], jnp.sin(t[0])))
    y, pushed = irad.jvp(fun, (X,), (Y,))
    np.testing.assert_array_equal(y, 2 * X)
    np.testing.assert_array_equal(pushed, jnp.sin(Y))
    np.testing.assert_array_equal(irad.linearize(fun, X)[1](Y), jnp.sin(Y))


def test_reverse_mode_names_the_equation_that_is_not_linear():
    fun = _with_rule(lambda x: 2 * x, lambda p, t: (2 * p[0], jnp.sin(t[0]) * p[0]))
    place = r"'sin' at .*test_custom_jvp.py:\d+"
    with pytest.raises(irad.errors.NotLinearError, match=place):
        irad.grad(lambda x: fun(x).sum())(X)


@pytest.mark.parametrize(
    "rule",
    [
        lambda p, t: p[0],
        lambda p, t: (p[0], (t[0], t[0])),
        lambda p, t: (p[0], t[0][:1]),
        lambda p, t: (p[0], t[0].astype("float32")),
        lambda p, t: (p[0], None),
        lambda p, t: (p[0], jnp.zeros(3, int)),
    ],
)
def test_a_malformed_rule_is_refused_in_the_words_of_jax(rule):
    fun = _with_rule(lambda x: x * 1, rule)
    with pytest.raises(TypeError) as theirs:
        jax.grad(lambda x: fun(x).sum())(X)
    start = str(theirs.value).split("but got")[0]
    with pytest.raises(TypeError, match=r"^Custom JVP rule") as ours:
        irad.grad(lambda x: fun(x).sum())(X)
    assert str(ours.value).startswith(start)


def test_an_error_of_the_rule_is_its_own():
    def rule(primals, tangents):
        raise NotImplementedError("mine")

    with pytest.raises(NotImplementedError, match=r"^mine"):
        irad.grad(_with_rule(lambda x: x, rule))(1.0)


def test_a_rule_may_apply_its_function_to_tangents():
    twice = _with_rule(lambda x: 2 * x, lambda p, t: (twice(p[0]), twice(t[0])))

    def loop(x):
        return jnp.sum(lax.scan(lambda s, _: (twice(s), s), x, length=3)[0])

    for fun in (lambda x: twice(x).sum(), loop):
        np.testing.assert_array_equal(irad.grad(fun)(X), jax.grad(fun)(X))
        pushed, expected = (ad.linearize(fun, X)[1](Y) for ad in (irad, jax))
        np.testing.assert_allclose(pushed, expected)


# Which rules are traced once ----------------------------------------------------------


def _rules(fun, *args):
    return [rule_name(eqn) for eqn in jax.make_jaxpr(fun)(*args).jaxpr.eqns]


def test_rules_of_jax_are_settled():
    (a, b) = _rules(lambda x: jax.nn.relu(jax.nn.relu(x)), X)
    (c,) = _rules(jax.nn.relu, Y)
    assert a.settled
    assert a.key == b.key == c.key


def test_rules_of_a_user_are_not_settled():
    made = jax.custom_jvp(lambda x: x)
    made.defjvps(lambda t, ans, x: t)
    for fun in (power, made):
        (name,) = _rules(fun, X)
        assert not name.settled


def test_static_arguments_are_part_of_a_rule():
    @partial(jax.custom_jvp, nondiff_argnums=(0,))
    def scale(n, x):
        return float(n) * x

    scale.defjvp(lambda n, p, t: (float(n) * p[0], float(n) * t[0]))
    names = _rules(lambda x: [scale(n, x) for n in (1, 1.0, True, 0.0, -0.0, 1)], X)
    keys = [name.key for name in names]
    assert len(set(keys)) == 5
    assert keys[0] == keys[-1]


def test_a_users_rule_is_traced_once_in_a_capture_and_anew_in_the_next():
    count, factor = 0, 1.0

    def rule(primals, tangents):
        nonlocal count
        count += 1
        return primals[0], factor * tangents[0]

    fun = _with_rule(lambda x: x, rule)
    grad = irad.grad(lambda x: fun(fun(fun(x))))
    assert grad(1.0) == 1.0
    assert count == 1
    factor = 2.0
    assert grad(1.0) == 8.0
    assert count == 2
