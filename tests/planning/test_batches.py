"""Programs for a batch of tangents or cotangents: sums, products, and their axes."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import Jaxpr, JaxprEqn, Primitive, jaxprs_in_params

import irad

X = np.random.default_rng(0).normal(size=(200, 3))
AXES = (0, 1)


def summing(axis: int) -> Callable[[jax.Array], jax.Array]:
    """A loop, whose Jacobian is pushed as a whole."""

    def step(x: jax.Array, _: None) -> tuple[jax.Array, None]:
        return x + 0.1 * jnp.sum(jnp.sin(x), axis=axis, keepdims=True), None

    return lambda x: lax.scan(step, x, None, length=3)[0][:2, 0]


def weighing(x: jax.Array) -> jax.Array:
    """The same, where what is summed is needed again."""

    def step(x: jax.Array, _: None) -> tuple[jax.Array, None]:
        y = jnp.sin(x)
        return x + 0.1 * y * jnp.sum(y, axis=0, keepdims=True), None

    return lax.scan(step, x, None, length=3)[0][:2, 0]


def equations(jaxpr: Jaxpr, primitive: Primitive) -> Iterator[JaxprEqn]:
    for eqn in jaxpr.eqns:
        if eqn.primitive is primitive:
            yield eqn
        for inner in jaxprs_in_params(eqn.params):
            yield from equations(inner, primitive)


def of_batches(fun: Callable[[jax.Array], jax.Array], x: np.ndarray) -> list[JaxprEqn]:
    """The sums of all tangents at once."""
    J = irad.jacobian(fun, order="forward")
    found = equations(jax.make_jaxpr(J)(x).jaxpr, lax.reduce_sum_p)
    return [eqn for eqn in found if eqn.invars[0].aval.shape == (x.size, *x.shape)]


def test_batches_of_few_are_sums_of_slices() -> None:
    assert not of_batches(summing(1), X)


def test_batches_of_many_are_sums() -> None:
    assert of_batches(summing(0), X)


def test_batches_that_are_computed_as_they_are_summed_are_sums_of_slices() -> None:
    assert not of_batches(summing(0), X.reshape(24, 25))


def test_batches_that_no_library_adds_are_sums() -> None:
    J = irad.jacobian(lambda s: summing(1)(s[0] * X + s[1]), order="forward")
    found = equations(jax.make_jaxpr(J)(X[0, :2]).jaxpr, lax.reduce_sum_p)
    assert (2, *X.shape) in [eqn.invars[0].aval.shape for eqn in found]


def test_batches_that_are_stored_are_sums() -> None:
    assert of_batches(weighing, X.reshape(24, 25))


@pytest.mark.parametrize("axis", AXES)
def test_values_and_jacobians_are_jaxs(axis: int) -> None:
    fun = summing(axis)
    value, J = jax.jit(irad.value_and_jacobian(fun, order="forward"))(X)
    np.testing.assert_array_equal(value, jax.jit(fun)(X))
    np.testing.assert_allclose(J, jax.jacfwd(fun)(X), rtol=1e-12, atol=1e-14)


def pendulum(state: jax.Array) -> jax.Array:
    """Steps of Heun's method, each of which stacks what it adds."""

    def slope(s: jax.Array) -> jax.Array:
        return jnp.stack([s[1], -jnp.sin(s[0])])

    def step(s: jax.Array, _: None) -> tuple[jax.Array, None]:
        first = slope(s)
        return s + 0.05 * (first + slope(s + 0.1 * first)), None

    return lax.scan(step, state, None, length=3)[0]


def test_a_batch_of_states_is_turned_no_more_often_than_in_jax() -> None:
    state = jnp.asarray([0.3, -0.2])
    ours, theirs = (
        len(list(equations(jax.make_jaxpr(J)(state).jaxpr, lax.transpose_p)))
        for J in (irad.jacobian(pendulum, order="forward"), jax.jacfwd(pendulum))
    )
    assert ours <= theirs


def attracted(axis: int) -> Callable[[jax.Array], jax.Array]:
    """Forces along differences, whose Jacobian is a loop over small matrices."""

    def step(x: jax.Array, _: None) -> tuple[jax.Array, None]:
        apart = x[:, None] - x[None]
        weight = jnp.exp(-jnp.sum(apart**2, -1))
        return x + 0.1 * jnp.einsum("...ij,...ijk->...ik", weight, apart), None

    return lambda x: lax.scan(step, x, None, length=2)[0][:, axis]


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize(("points", "axes"), [(5, 2), (7, 1)])
def test_each_of_a_small_batch_has_small_matrices_of_its_own(
    points: int, axes: int, axis: int
) -> None:
    fun, x = attracted(axis), X[:points]
    J = irad.jacobian(fun, order="forward")
    found = equations(jax.make_jaxpr(J)(x).jaxpr, lax.dot_general_p)
    batched = [eqn for eqn in found if len(eqn.outvars[0].aval.shape) > 2]
    assert batched
    assert {len(eqn.params["dimension_numbers"][1][0]) for eqn in batched} == {axes}
    np.testing.assert_allclose(J(x), jax.jacfwd(fun)(x), rtol=1e-12, atol=1e-14)


def ensemble(num: int) -> Callable[[jax.Array], jax.Array]:
    """Networks side by side, of which each runs a loop with a matrix of its own."""
    h, weights = np.ones((2, 5, num)), np.linspace(0.1, 0.5, 2 * num * num)

    def fun(moved: jax.Array) -> jax.Array:
        W = (jnp.tile(moved, 2 * num * num // moved.size) + weights).reshape(
            2, num, num
        )
        end, _ = lax.scan(lambda h, _: (jnp.tanh(h @ W), None), h, None, length=3)
        return jnp.sum(end, (1, 2))

    return fun


def products(J: Callable[..., Any], x: jax.Array) -> list[tuple[int, int]]:
    """How many axes the factors have of products with a batch of the second one."""
    found = equations(jax.make_jaxpr(J)(x).jaxpr, lax.dot_general_p)
    ranks = [(eqn.invars[0].aval.ndim, eqn.invars[1].aval.ndim) for eqn in found]
    return [pair for pair in ranks if max(pair) == 4]


@pytest.mark.parametrize(("num", "is_turned"), [(4, True), (16, False)])
def test_batches_of_tangents_stand_first_in_products_with_short_rows(
    num: int, is_turned: bool
) -> None:
    fun, x = ensemble(num), jnp.asarray([0.1, 0.2])
    J = irad.jacobian(fun, order="forward")
    assert ((3, 4) not in products(J, x)) is is_turned
    np.testing.assert_allclose(J(x), jax.jacfwd(fun)(x), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("num", [4, 16])
def test_batches_of_cotangents_stand_first_in_products(num: int) -> None:
    fun, x = ensemble(num), jnp.asarray([0.1, 0.2])
    J = irad.jacobian(fun, order="reverse")
    assert set(products(J, x)) == {(4, 3)}
    np.testing.assert_allclose(J(x), jax.jacrev(fun)(x), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("order", ["forward", "reverse", "auto"])
@pytest.mark.parametrize("grad", [irad.grad, jax.grad])
@pytest.mark.parametrize(
    ("fun", "x"),
    [(summing(1), X), (attracted(0), X[:5]), (ensemble(4), X[:2, 0])],
    ids=["sums", "products", "networks"],
)
def test_jacobians_have_gradients(fun, x, grad, order) -> None:
    def norm(jacobian: Callable[..., Any]) -> Callable[..., Any]:
        return lambda x: jnp.sum(jacobian(x) ** 2)

    ours = grad(norm(irad.jacobian(fun, order=order)))(x)
    expected = jax.grad(norm(jax.jacfwd(fun)))(x)
    np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-12)


def test_hessians_of_jacobians_are_jaxs() -> None:
    fun, x = attracted(0), X[:3]
    ours = irad.hessian(lambda x: jnp.sum(irad.jacobian(fun, order="forward")(x) ** 2))
    theirs = jax.hessian(lambda x: jnp.sum(jax.jacfwd(fun)(x) ** 2))
    np.testing.assert_allclose(ours(x), theirs(x), rtol=1e-9, atol=1e-10)
