"""Elementwise primitives at kinks and ties, and under special cotangents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from tests.laws import Case, check_laws
from tests.rules.elementwise_functions import BINARY, COMPLEX, UNARY

# At kinks and ties, where only JAX says what the slope is -----------------------------

NAN, INF = float("nan"), float("inf")
EDGES = np.array([0.0, -0.0, INF, -INF, NAN, 1.0, -1.0, 5e-324, 1e308, -1e308])
LEFT, RIGHT = (x.ravel() for x in np.meshgrid(EDGES, EDGES))


def _pairs(where: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pairs that do not cross: between crossed bounds irad differs from JAX."""
    return LEFT[where], RIGHT[where]


AT_EDGES: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    **{name: (fun, (EDGES,)) for name, (fun, _) in UNARY.items() if name != "acosh"},
    **{name: (fun, (LEFT, RIGHT)) for name, (fun, *_) in BINARY.items()},
    "clamp below": (
        lambda x, y: lax.clamp(x, y, jnp.ones_like(x)),
        _pairs(~(LEFT > 1)),
    ),
    "clamp above": (
        lambda x, y: lax.clamp(-jnp.ones_like(x), x, y),
        _pairs(~(RIGHT < -1)),
    ),
    "clamp ends": (
        lambda x, y: lax.clamp(x, jnp.ones_like(x), y),
        _pairs(~(LEFT > RIGHT)),
    ),
    "complex zero": (lambda x: lax.abs(lax.complex(x, x)), (EDGES[:2],)),
}


def test_slopes_at_edges_are_those_of_jax() -> None:
    def slopes(ad: Any) -> Any:
        def one(fun: Any, x: Any) -> Any:
            y, pull = ad.vjp(fun, *x)
            return pull(jax.tree_util.tree_map(jnp.ones_like, y))

        # Arguments: constants are folded at compile time, where subnormals count.
        return jax.jit(
            lambda x: {name: one(fun, x[name]) for name, (fun, _) in AT_EDGES.items()}
        )({name: x for name, (_, x) in AT_EDGES.items()})

    ours, theirs = slopes(irad), slopes(jax)
    for name, expected in theirs.items():
        for a, b in zip(ours[name], expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, err_msg=name)


@pytest.mark.usefixtures("standard_promotion")
def test_an_exponent_0_in_an_integer_array_has_slope_0_everywhere() -> None:
    def total(x: Any) -> Any:
        return lax.pow(x, jnp.arange(-2, 8)).sum()

    np.testing.assert_allclose(irad.grad(total)(EDGES), jax.grad(total)(EDGES))
    assert irad.grad(lambda x: lax.pow(x, 0))(0.0) == 0.0


def test_no_element_of_an_extremum_is_lost_where_xla_rounds_its_operand_twice() -> None:
    def running(x: Any, y: Any, z: Any) -> Any:
        return lax.cummin(lax.reshape(x * y + z, (64, 36)), axis=1)

    def derive(x: Any, t: Any) -> Any:
        y, pushed = irad.jvp(running, x, t)
        return pushed, irad.vjp(running, *x)[1](y)

    rng = np.random.default_rng(0)
    x = tuple(rng.standard_normal((3, 64 * 36)).astype("float32"))
    t = (np.zeros_like(x[0]), np.zeros_like(x[0]), np.ones_like(x[0]))
    pushed, _ = jax.jit(derive)(x, t)
    # Whichever element is the smallest, its own z has slope 1.
    np.testing.assert_array_equal(pushed, 1)


@pytest.mark.parametrize("extremum", [lax.max, lax.min])
def test_extrema_of_complex_numbers_have_jaxs_slopes_at_ties_and_nan(
    extremum: Callable[..., Any],
) -> None:
    parts = [(re, im) for re in (0.0, -0.0, 1.0, NAN) for im in (0.0, 1.0, NAN)]
    edges = np.array([complex(*p) for p in parts])
    x = [a.ravel() for a in np.meshgrid(edges, edges)]

    def slopes(ad: Any) -> Any:
        y, pull = ad.vjp(extremum, *x)
        return pull(jnp.ones_like(y))

    np.testing.assert_array_equal(slopes(irad), slopes(jax))


# Cotangents that are no ordinary numbers ----------------------------------------------


SPECIAL = np.array([0.0, -0.0, INF, -INF, NAN, 1e-300, 1e300])
# JAX 0.10 applies tanh's slope in two factors and gets NaN where it is finite here.
SPECIAL_ROWS = {
    **{name: (fun, (x[0],)) for name, (fun, x) in UNARY.items() if name != "tanh"},
    **{name: (fun, (x[0], y[0])) for name, (fun, x, y) in BINARY.items()},
    "not chosen": (lambda x, y: lax.select(x > 5, x, y), (1.0, 2.0)),
    "clamped": (lambda x: lax.clamp(-1.0, x, 1.0), (3.0,)),
    "a part": (lambda x, y: lax.imag(lax.complex(x, y)), (1.0, 2.0)),
    "converted": (lambda x: x.astype("float32"), (1.5,)),
}


def test_special_cotangents_are_pulled_back_as_in_jax() -> None:
    def pulled(ad: Any) -> Any:
        def one(fun: Any, x: Any) -> Any:
            ys, pull = ad.vjp(fun, *map(jnp.float64, x))
            cs = [
                jnp.asarray(SPECIAL).astype(y.dtype)
                for y in jax.tree_util.tree_leaves(ys)
            ]
            tree = jax.tree_util.tree_structure(ys)
            return jax.vmap(lambda *c: pull(jax.tree_util.tree_unflatten(tree, c)))(*cs)

        return jax.jit(
            lambda: {name: one(fun, x) for name, (fun, x) in SPECIAL_ROWS.items()}
        )()

    ours, theirs = pulled(irad), pulled(jax)
    for name in SPECIAL_ROWS:
        for a, b in zip(ours[name], theirs[name], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, err_msg=name)
            finite = ~np.isnan(b)
            signs = np.signbit(a[finite]), np.signbit(b[finite])
            np.testing.assert_array_equal(*signs, err_msg=f"signs of {name}")


def test_an_infinite_cotangent_passes_tanh_with_its_sign() -> None:
    _, pull = irad.vjp(jnp.tanh, -0.5)
    assert pull(INF)[0] == INF


def test_a_product_in_float16_overflows_no_earlier_than_in_jax() -> None:
    def loss(y: Any) -> Any:
        return jnp.float16(1e-4) * lax.div(jnp.float16(6e4), y)

    y = jnp.float16(0.01)
    assert irad.grad(loss)(y) == jax.grad(loss)(y)
    assert np.isfinite(irad.grad(loss)(y))


# What JAX refuses or gets wrong -------------------------------------------------------


def test_acosh_of_complex_numbers_left_of_0_agrees_with_differences() -> None:
    check_laws(Case("acosh", lax.acosh, (COMPLEX[::2],)))
    z, step = COMPLEX[1], 1e-6
    _, slope = irad.jvp(lax.acosh, (z,), (1 + 0j,))
    expected = (lax.acosh(z + step) - lax.acosh(z - step)) / (2 * step)
    np.testing.assert_allclose(slope, expected, rtol=1e-8)


def test_clamp_between_crossed_bounds_gives_all_to_the_upper_one() -> None:
    bounds = jnp.full(3, 2.0), jnp.full(3, 1.0)
    x = jnp.array([0.0, 1.5, 3.0])
    f = lambda low, x, high: lax.clamp(low, x, high).sum()  # noqa: E731
    blocks = irad.grad(f, argnums=(0, 1, 2))(bounds[0], x, bounds[1])
    np.testing.assert_array_equal(blocks, [np.zeros(3), np.zeros(3), np.ones(3)])


def test_a_scalar_bound_of_clamp_collects_the_clamped_cotangents() -> None:
    x = jnp.array([0.0, 2.0, 3.0])
    assert irad.grad(lambda low: lax.clamp(low, x, 4.0).sum())(2.5) == 2.0


@pytest.mark.parametrize(
    ("fun", "error"),
    [
        (lambda x: lax.polygamma(x, x), ValueError),
        (lambda x: lax.betainc(x, x, x), ValueError),
        (lambda x: lax.nextafter(x, 2 * x), NotImplementedError),
        (lambda x: lax.zeta(x, x), NotImplementedError),
        (lambda x: lax.igamma_grad_a(x, x), NotImplementedError),
    ],
    ids=["polygamma", "betainc", "nextafter", "zeta", "igamma_grad_a"],
)
def test_what_jax_refuses_is_refused_with_the_same_error(
    fun: Callable[..., Any], error: type[Exception]
) -> None:
    for ad in (jax, irad):
        with pytest.raises(error):
            ad.grad(fun)(0.5)


# Types --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fun",
    [
        lambda x: 2 * x,
        lambda x: x**3,
        jnp.abs,
        jnp.sqrt,
        jnp.tanh,
        lambda x: jnp.where(x > 0, x, 0.0),
        lambda x: x * jnp.float32(2).astype("float64"),
        lax.erf,
    ],
    ids=lambda fun: getattr(fun, "__name__", "lambda"),
)
@pytest.mark.parametrize("x", [0.7, np.float64(0.7), np.float32(0.7)])
def test_weak_types_are_those_of_jax(fun: Callable[..., Any], x: Any) -> None:
    def types(ad: Any) -> Any:
        def derive(x: Any) -> Any:
            return ad.grad(fun)(x), ad.jvp(fun, (x,), (x,))

        return [str(aval) for aval in jax.make_jaxpr(derive)(x).out_avals]

    with jax.numpy_dtype_promotion("standard"):
        assert types(irad) == types(jax)


def test_a_gradient_has_its_arguments_weak_type_where_versions_of_jax_differ() -> None:
    for fun in (lambda x: x**0.5, lambda x: jnp.maximum(x, 0.5)):
        assert irad.grad(fun)(0.7).weak_type
        assert not irad.grad(fun)(np.float32(0.7)).weak_type


# Work ---------------------------------------------------------------------------------


def test_what_was_broadcast_is_summed_before_it_is_negated() -> None:
    many, one = jnp.ones((5, 3)), jnp.ones((1, 3))
    gradient = irad.grad(lambda x: jnp.sum(jnp.sin(many - x)))
    closed = jax.make_jaxpr(gradient)(one).eqns[-1].params["jaxpr"]
    negated = [eqn.invars[0] for eqn in closed.eqns if eqn.primitive is lax.neg_p]
    assert [x.aval.shape for x in negated] == [(1, 3)]
