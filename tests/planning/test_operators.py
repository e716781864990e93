"""Operators multiply by what is there, and by nothing else."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import lineax
import numpy as np
import pytest

import irad

pytestmark = pytest.mark.usefixtures("standard_promotion")


def test_an_operator_multiplies_what_is_there_only() -> None:
    x = jnp.arange(10.0)
    fun = lambda x: jnp.where(x > 3.5, jnp.sqrt(x - 4), x[0])  # noqa: E731
    known = lambda x: jnp.where(jnp.arange(10) > 3, jnp.sqrt(x - 3), x[0])  # noqa: E731
    for f in (fun, known):
        J = irad.jacobian(f, order="forward", format="operator")(x)
        np.testing.assert_allclose(J @ (x + 1), jax.jvp(f, (x,), (x + 1,))[1])


def test_a_division_by_zero_is_not_a_product_with_it() -> None:
    x = jnp.arange(1.0, 4.0)
    J = irad.jacobian(lambda x: x / 0.0, format="operator")(x)
    np.testing.assert_array_equal(J.diagonal(), [jnp.inf] * 3)


def moved(x: dict[str, jax.Array]) -> dict[str, jax.Array]:
    """A tree of two arrays to one like it, with a Jacobian that has a solution."""
    a, b = x["a"], x["b"]
    return {"a": 3 * a + jnp.sin(a).sum() / 9, "b": b * b + b[::-1] + a[:, 0]}


SHAPES = {
    "diagonal": lambda x: jnp.sin(x) + 2 * x,
    "tridiagonal": lambda x: 4 * x - jnp.pad(x[1:], (0, 1)) - jnp.pad(x[:-1], (1, 0)),
    "lower_triangular": lambda x: x * x + jnp.pad(x[:-2], (2, 0)),
    "upper_triangular": lambda x: x * x + jnp.pad(x[2:], (0, 2)),
}
POINT = {"a": jnp.arange(1.0, 7.0).reshape(2, 3), "b": jnp.arange(3.0, 5.0)}


@pytest.mark.parametrize("solver", ["LU", "GMRES", "QR", "BiCGStab"])
def test_lineax_solves_with_an_operator_of_trees(solver: str) -> None:
    options = {"rtol": 1e-10, "atol": 1e-10} if solver in ("GMRES", "BiCGStab") else {}

    @jax.jit
    def solved(x, y):
        J = irad.jacobian(moved, format="operator")(x)
        how = getattr(lineax, solver)(**options)
        return J @ lineax.linear_solve(J.as_lineax(), y, how).value

    y = jax.tree.map(jnp.cos, POINT)
    for found, wanted in zip(*map(jax.tree.leaves, (solved(POINT, y), y)), strict=True):
        np.testing.assert_allclose(found, wanted, 1e-7)


def test_lineax_solves_with_a_hessian_by_conjugate_gradients() -> None:
    fun = lambda x: jnp.sum(jnp.cosh(x)) + jnp.sum((x[1:] - x[:-1]) ** 2)  # noqa: E731
    x = jnp.linspace(0.0, 1.0, 7)
    H = irad.hessian(fun, format="operator")(x)
    operator = H.as_lineax([lineax.positive_semidefinite_tag])
    assert lineax.is_tridiagonal(operator)
    assert lineax.is_symmetric(operator)
    found = lineax.linear_solve(operator, x, lineax.CG(rtol=1e-12, atol=1e-12)).value
    np.testing.assert_allclose(found, np.linalg.solve(jax.hessian(fun)(x), x), 1e-8)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_shape_of_a_pattern_is_a_tag_of_lineax(shape: str) -> None:
    x = jnp.linspace(1.0, 2.0, 5)
    J = irad.jacobian(SHAPES[shape], format="operator")(x)
    operator = J.as_lineax()
    holds = {other: getattr(lineax, f"is_{other}")(operator) for other in SHAPES}
    # A diagonal matrix has every other shape too.
    assert [s for s, is_so in holds.items() if is_so] == (
        list(SHAPES) if shape == "diagonal" else [shape]
    )
    found = lineax.linear_solve(operator, x).value
    np.testing.assert_allclose(J.as_matrix() @ found, x, 1e-9)
    np.testing.assert_allclose(operator.T.mv(x), J.T @ x, 1e-12)


def test_an_operator_that_is_not_square_has_no_shape() -> None:
    J = irad.jacobian(lambda x: x[1:] * x[:-1], format="operator")(jnp.arange(1.0, 6.0))
    operator = J.as_lineax()
    assert operator.tags == frozenset()
    found = lineax.linear_solve(operator, jnp.ones(4), lineax.AutoLinearSolver(None))
    np.testing.assert_allclose(J @ found.value, jnp.ones(4), 1e-9)
