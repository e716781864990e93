"""``jax.custom_vjp``: forward and backward programs, and forward mode through them."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.custom_derivatives import SymbolicZero

import irad
from tests.kinds import of_kinds
from tests.laws import Case, check_laws

X = jnp.array([0.3, -1.2, 2.5])
Y = jnp.array([1.5, 0.4, -0.7])
COUNTS = jnp.arange(3)


def _with_rule(fun, fwd, bwd, **options):
    made = jax.custom_vjp(fun)
    made.defvjp(fwd, bwd, **options)
    return made


wave = _with_rule(
    lambda x, y: jnp.sin(x) * y,
    lambda x, y: (wave(x, y), (jnp.cos(x), jnp.sin(x), y)),
    lambda kept, c: (kept[0] * c * kept[2], kept[1] * c),
)
two = _with_rule(
    lambda x: {"a": x * 2, "n": COUNTS, "b": (jnp.sin(x),)},
    lambda x: (two(x), x),
    lambda x, c: (c["a"] * 2 + c["b"][0] * jnp.cos(x),),
)
clipped = _with_rule(
    lambda x: x * 1,
    lambda x: (x, None),
    lambda _, c: (jnp.clip(c, -0.1, 0.1),),
)
decayed = _with_rule(lambda x: x * 1, lambda x: (x, x), lambda x, c: (c + 0.1 * x,))
ignored = _with_rule(
    lambda x, y: x * jnp.floor(y),
    lambda x, y: (x * jnp.floor(y), y),
    lambda y, c: (c * jnp.floor(y), None),
)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def repeated(n, x, counts, tree):
    return n * x * counts.astype(x.dtype) + tree["a"]


repeated.defvjp(
    lambda n, x, counts, tree: (repeated(n, x, counts, tree), counts.astype(x.dtype)),
    lambda n, counts, c: (n * counts * c, None, {"a": c}),
)


def _loop(x, y):
    return lax.scan(lambda s, _: (wave(s, y), s), x, length=3)


# JAX refuses forward mode through custom_vjp, so that there is nothing to compare with:
# the rows that name both modes are compared with the same function without the rule.
CASES = [
    Case("two operands", wave, (X, Y), modes=("rev",)),
    Case("an inactive operand", lambda x: wave(x, Y), (X,), modes=("rev",)),
    Case("a repeated operand", lambda x: wave(x, x), (X,), modes=("rev",)),
    Case("a tree with integers", two, (X,), modes=("rev",)),
    Case("bwd that is not linear", clipped, (X,), modes=("rev",)),
    Case("bwd that adds a term", decayed, (X,), modes=("rev",)),
    Case("None for a cotangent", ignored, (X, Y), modes=("rev",)),
    Case(
        "nondiff_argnums and a tree",
        lambda x, y: repeated(2.0, x, COUNTS, {"a": y}),
        (X, Y),
        modes=("rev",),
    ),
    Case("in a scan", _loop, (X, Y), modes=("rev",)),
    Case("under vmap", jax.vmap(wave), (X, Y), modes=("rev",)),
    Case("in a jit", jax.jit(wave), (X, Y), modes=("rev",)),
    Case("in a checkpoint", jax.checkpoint(wave), (X, Y), modes=("rev",)),
    *of_kinds("wave", [Case("wave", wave, (X, Y))], modes=("rev",)),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_laws(case):
    check_laws(case)


# Forward mode -------------------------------------------------------------------------


def _plain_wave(x, y):
    return jnp.sin(x) * y


def _plain_loop(x, y):
    return lax.scan(lambda s, _: (_plain_wave(s, y), s), x, length=3)


@pytest.mark.parametrize(
    ("fun", "plain"),
    [(wave, _plain_wave), (_loop, _plain_loop), (jax.vmap(wave), _plain_wave)],
    ids=["plain", "scan", "vmap"],
)
def test_forward_mode_transposes_bwd(fun, plain):
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(fun, (X, Y), (Y, X))
    expected = jax.jvp(plain, (X, Y), (Y, X))
    ours = jax.jit(lambda x, y: irad.jvp(fun, (x, y), (y, x)))(X, Y)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-12), ours, expected)
    pushed = irad.linearize(fun, X, Y)[1](Y, X)
    jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-12), pushed, expected[1])


def test_hessian_is_forward_over_reverse():
    ours = irad.hessian(lambda x: wave(x, Y).sum())(X)
    np.testing.assert_allclose(ours, jnp.diag(-jnp.sin(X) * Y), rtol=1e-12)


def test_reverse_over_forward():
    ours = irad.grad(lambda x: irad.jvp(lambda x: wave(x, Y), (x,), (Y,))[1].sum())(X)
    np.testing.assert_allclose(ours, -jnp.sin(X) * Y * Y, rtol=1e-12)


@pytest.mark.parametrize(
    ("fun", "equation"), [(clipped, "clip"), (decayed, "add"), (two, None)]
)
def test_forward_mode_names_the_equation_of_bwd_that_is_not_linear(fun, equation):
    if equation is None:
        irad.jvp(fun, (X,), (Y,))
        return
    place = rf"'{equation}' at .*test_custom_vjp.py:\d+"
    with pytest.raises(irad.errors.NotLinearError, match=place):
        irad.jvp(fun, (X,), (Y,))


# What bwd is told and may say ---------------------------------------------------------


@pytest.mark.parametrize("use", [0, 1])
@pytest.mark.parametrize("dead", [False, True])
def test_symbolic_zeros_are_told_to_both_programs(use, dead):
    """Also for a result that is read, and whose cotangent is zero all the same."""

    def report(of):
        seen = []

        def fwd(x, y):
            seen.append((x.perturbed, y.perturbed))
            return (x.value * y.value, x.value + y.value), (x.value, y.value)

        def bwd(kept, c):
            zeros = [isinstance(c_j, SymbolicZero) for c_j in c]
            seen.append(tuple(zeros))
            a, b = (jnp.zeros(3) if z else c_j for z, c_j in zip(zeros, c, strict=True))
            return a * kept[1] + b, a * kept[0] + b

        both = _with_rule(lambda x, y: (x * y, x + y), fwd, bwd, symbolic_zeros=True)

        def fun(x, y):
            results = both(x, y)
            rest = jnp.floor(results[1 - use]).sum() if dead else 0.0
            return results[use].sum() + rest

        return of.grad(fun, use)(X, Y), seen

    ours, theirs = report(irad), report(jax)
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-12)
    assert ours[1] == theirs[1] == [(use == 0, use == 1), (use == 1, use == 0)]


def test_a_cotangent_of_none_stops_the_sweep():
    def fun(x, y):
        return ignored(x, jnp.exp(y)).sum()

    jaxpr = jax.make_jaxpr(irad.grad(fun, (0, 1)))(X, Y)
    primitives = [
        eqn.primitive.name for eqn in jaxpr.jaxpr.eqns[0].params["jaxpr"].eqns
    ]
    assert primitives.count("exp") == 1
    assert primitives.count("mul") == 1


def test_a_cotangent_of_another_dtype_is_converted():
    wide = _with_rule(
        lambda x: x * 1, lambda x: (x, None), lambda _, c: (c.astype(float),)
    )
    x = X.astype("float32")
    slope = irad.grad(lambda x: wide(jnp.sin(x)).sum())(x)
    assert slope.dtype == "float32"
    np.testing.assert_allclose(slope, jnp.cos(x), rtol=1e-6)


def test_integer_arguments_have_float0_cotangents():
    def fun(x, counts, tree):
        return repeated(2.0, x, counts, tree).sum()

    ours = irad.grad(fun, (0, 1, 2), allow_int=True)(X, COUNTS, {"a": Y})
    assert ours[1].dtype == jax.dtypes.float0
    np.testing.assert_allclose(ours[0], [0.0, 2.0, 4.0])
    np.testing.assert_allclose(ours[2]["a"], jnp.ones(3))


@pytest.mark.parametrize("outer", [jax.jit, jax.vmap, irad.jacrev, irad.jacfwd])
def test_both_programs_may_close_over_a_value_of_an_outer_transformation(outer):
    def slope(a):
        fun = _with_rule(
            lambda x: x * a, lambda x: (x * a, x), lambda _, c: (c * a * a,)
        )
        return irad.grad(lambda x: fun(x).sum())(X)

    a = jnp.array([0.4, 0.9]) if outer is jax.vmap else jnp.array(0.4)
    expected = outer(lambda a: a * a * jnp.ones(3))(a)
    np.testing.assert_allclose(outer(slope)(a), expected, rtol=1e-12)


def test_fwd_may_close_over_what_is_mapped_inside():
    def one(s, y):
        def fwd(y):
            return (jnp.sin(y) * s, (y, s))

        def bwd(kept, c):
            return (3 * jnp.cos(kept[0]) * kept[1] * c,)

        return _with_rule(lambda y: jnp.sin(y) * s, fwd, bwd)(y)

    def two(s, y):
        def per(r, z):
            def fwd(y, z):
                return (y * s * z, (z, r))

            def bwd(kept, c):
                return (c * kept[1], c * kept[0] * kept[1])

            return _with_rule(lambda y, z: y * s * z, fwd, bwd)(y, z)

        return jax.vmap(per)(Y, y * X).sum()

    for per in (one, two):

        def fun(y, per=per):
            return (jax.vmap(lambda s: per(s, y))(X) * Y).sum()

        for derivative in (
            lambda ad: ad.value_and_grad(fun)(1.2),
            lambda ad: ad.grad(ad.grad(fun))(1.2),
            lambda ad: ad.jvp(ad.grad(fun), (1.2,), (0.7,)),
        ):
            ours, theirs = derivative(irad), derivative(jax)
            jax.tree.map(partial(np.testing.assert_allclose, rtol=1e-12), ours, theirs)


def test_bwd_that_closes_over_what_is_mapped_inside_is_refused():
    def fun(y):
        def per(s):
            made = _with_rule(
                lambda z: z * s, lambda z: (z * s, z), lambda z, c: (c * s,)
            )
            return made(y)

        return jax.vmap(per)(X).sum()

    for ad in (jax, irad):
        with pytest.raises(jax.errors.UnexpectedTracerError):
            ad.grad(fun)(1.2)


def test_differentiating_a_value_that_the_function_closes_over_is_refused():
    def fun(a):
        inner = _with_rule(lambda x: x * a, lambda x: (x * a, x), lambda _, c: (c,))
        return inner(a)

    with pytest.raises(Exception, match="closed-over value"):
        irad.grad(fun)(2.0)


@pytest.mark.parametrize(
    ("fwd", "bwd"),
    [
        (lambda x: (x, x), lambda _, c: c),
        (lambda x: (x, x), lambda _, c: (c, c)),
        (lambda x: (x, x), lambda _, c: (c[:1],)),
        (lambda x: x, lambda _, c: (c,)),
    ],
)
def test_a_malformed_rule_is_refused_in_the_words_of_jax(fwd, bwd):
    fun = _with_rule(lambda x: x * 1, fwd, bwd)
    with pytest.raises((TypeError, ValueError)) as theirs:
        jax.grad(lambda x: fun(x).sum())(X)
    start = str(theirs.value).split(", but")[0]
    with pytest.raises(type(theirs.value), match=r"^Custom VJP") as ours:
        irad.grad(lambda x: fun(x).sum())(X)
    assert str(ours.value).startswith(start)


def test_the_forward_program_of_optimize_remat_runs():
    fun = _with_rule(
        lambda x: jnp.sin(x),
        lambda x: (jnp.sin(x), jnp.cos(x)),
        lambda kept, c: (kept * c,),
        optimize_remat=True,
    )
    for placed in (fun, jax.checkpoint(fun)):
        slope = irad.vjp(placed, X)[1](jnp.ones(3))[0]
        np.testing.assert_allclose(slope, jnp.cos(X), rtol=1e-12)
    # JAX refuses the second order: its forward program has no transpose there.
    second = irad.grad(lambda x: irad.grad(lambda x: fun(x).sum())(x).sum())(X)
    np.testing.assert_allclose(second, -jnp.sin(X), rtol=1e-12)


def test_higher_orders_differentiate_the_programs_as_code():
    cubed = _with_rule(
        lambda x: x**3, lambda x: (x**3, x), lambda x, c: (3 * x**2 * c * jnp.cos(c),)
    )
    ours = irad.grad(irad.grad(irad.grad(cubed)))(1.3)
    theirs = jax.grad(jax.grad(jax.grad(cubed)))(1.3)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_a_bwd_is_run_where_another_returns_none_for_its_result() -> None:
    @jax.custom_vjp
    def scaled(x: Any, history: Any) -> Any:
        return x

    scaled.defvjp(lambda x, h: (x, h), lambda h, c: (c, h * 0 + 3.0))

    @jax.custom_vjp
    def product(a: Any, b: Any) -> Any:
        return a * b

    product.defvjp(lambda a, b: (a * b, a), lambda a, c: (None, c * a))

    def once(h: Any, x: Any, y: Any) -> Any:
        return jnp.sum(product(scaled(x, h), y))

    def twice(h: Any, x: Any, y: Any) -> Any:
        step = lambda c, _: (c + once(h, x, y), None)  # noqa: E731
        return lax.scan(step, 0.0, None, length=2)[0]

    args = jnp.ones(3), jnp.arange(3.0), jnp.arange(3.0) + 1
    for fun in (once, twice):
        ours, theirs = (ad.grad(fun, (0, 1, 2))(*args) for ad in (irad, jax))
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a, b)
