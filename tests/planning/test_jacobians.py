"""Planned Jacobians equal JAX's, in every order and format."""

from __future__ import annotations

import contextlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import irad
from tests.planning.functions import FUNCTIONS, burgers

pytestmark = pytest.mark.usefixtures("standard_promotion")

NAMES = list(FUNCTIONS)


def matrix(tree: Any, x: Any, y: Any) -> np.ndarray:
    """A tree of blocks as one matrix."""
    rows = []
    for block, of in zip(blocks_of(tree, y), jax.tree.leaves(y), strict=True):
        leaves = zip(jax.tree.leaves(block), jax.tree.leaves(x), strict=True)
        rows.append([np.asarray(b).reshape(of.size, a.size) for b, a in leaves])
    return np.block(rows)


def blocks_of(tree: Any, y: Any) -> list[Any]:
    return jax.tree.structure(y).flatten_up_to(tree)


def as_matrix(J: Any, format: str, x: Any, y: Any) -> np.ndarray:
    match format:
        case "dense":
            return matrix(J, x, y)
        case "bcoo":
            is_bcoo = lambda b: hasattr(b, "todense")  # noqa: E731
            return matrix(jax.tree.map(lambda b: b.todense(), J, is_leaf=is_bcoo), x, y)
        case "scipy":
            return J.toarray()
        case _:
            return np.asarray(J.as_matrix())


ORDERS: list[Any] = ["auto", "forward", "reverse", "compressed"]
WHERE_OPEN: list[Any] = ["markowitz", "elimination"]


@pytest.mark.parametrize("name", [n for n in NAMES if n != "size zero"])
def test_every_order_way_and_format_gives_jaxs_jacobian(name: str) -> None:
    fun, x = FUNCTIONS[name]
    y = jax.eval_shape(fun, x)
    plan = irad.plan(fun)(x)
    ways = [i for i, c in enumerate(plan.candidates) if c.seconds is not None]

    def all_of_them(x: Any) -> dict[str, Any]:
        found = {order: irad.jacobian(fun, order=order)(x) for order in ORDERS}
        for i in ways:
            way = plan.candidates[i].way
            found[way] = irad.jacobian(fun, plan=plan.choosing(i))(x)
        for order in WHERE_OPEN:
            with contextlib.suppress(irad.PlanError):
                found[order] = irad.jacobian(fun, order=order)(x)
        sparse = irad.jacobian(fun, format="bcoo")(x)
        found["bcoo"] = jax.tree.map(
            lambda b: b.todense(), sparse, is_leaf=lambda b: hasattr(b, "todense")
        )
        found["operator"] = irad.jacobian(fun, format="operator")(x).dense()
        return found

    found = jax.jit(all_of_them)(x)
    expected = jax.jacobian(fun)(x)
    assert len(found) >= len(ORDERS) + 4
    for what, J in found.items():
        assert jax.tree.structure(J) == jax.tree.structure(expected), what
        pairs = zip(jax.tree.leaves(J), jax.tree.leaves(expected), strict=True)
        for a, b in pairs:
            assert (a.shape, a.dtype) == (b.shape, b.dtype), what
            np.testing.assert_allclose(a, b, 1e-9, 1e-11, err_msg=what)
    assert as_matrix(found["auto"], "dense", x, y).shape == (
        sum(leaf.size for leaf in jax.tree.leaves(y)),
        sum(leaf.size for leaf in jax.tree.leaves(x)),
    )


@pytest.mark.parametrize("name", ["burgers", "trees", "loop", "arrow", "rank zero"])
def test_a_scipy_matrix_is_on_the_host(name: str) -> None:
    fun, x = FUNCTIONS[name]
    y = jax.eval_shape(fun, x)
    J = irad.jacobian(fun, format="scipy")(x)
    expected = as_matrix(jax.jacobian(fun)(x), "dense", x, y)
    np.testing.assert_allclose(J.toarray(), expected, 1e-10, 1e-12)


def test_nothing_by_nothing_is_empty() -> None:
    for format in ("dense", "operator"):
        J = irad.jacobian(lambda x: x * x, format=format)(jnp.zeros(0))  # type: ignore[arg-type]
        assert J.shape == (0, 0)


def test_a_banded_jacobian_computes_its_bands_only() -> None:
    u = jnp.arange(1000.0)
    plan = irad.plan(burgers, format="bcoo")(u)
    assert plan.cost.flops < 20 * u.size
    J = irad.jacobian(burgers, format="bcoo")(u)
    assert J.nse == 3 * u.size - 2


def test_a_plan_for_another_program_is_refused() -> None:
    plan = irad.plan(burgers)(jnp.arange(8.0))
    irad.jacobian(burgers, plan=plan)(jnp.arange(8.0))
    with pytest.raises(irad.PlanError, match="another program"):
        irad.jacobian(burgers, plan=plan)(jnp.arange(9.0))
    with pytest.raises(irad.PlanError, match="another program"):
        irad.jacobian(jnp.sin, plan=plan)(jnp.arange(8.0))


def test_index_constants_are_read_anew_at_each_call() -> None:
    x = jnp.arange(1.0, 6.0)
    for index in ([0, 1, 2], [4, 4, 0], [3, 2, 1]):
        places = jnp.asarray(index)
        fun = lambda x, places=places: x[places] * x[:3]  # noqa: E731
        J = irad.jacobian(fun, format="bcoo")(x).todense()
        np.testing.assert_allclose(J, jax.jacobian(fun)(x))


def test_index_constants_are_known_under_jit() -> None:
    x = jnp.arange(1.0, 6.0)
    places = jnp.asarray([3, 0, 2])
    fun = lambda x: x[places - 1] * x[:3]  # noqa: E731
    J = jax.jit(irad.jacobian(fun, format="bcoo"))(x)
    assert J.nse <= 6
    np.testing.assert_allclose(J.todense(), jax.jacobian(fun)(x))


def test_a_python_index_is_read_anew_at_each_call() -> None:
    x = jnp.arange(1.0, 6.0)
    for i in (0, 3, 2, 4):
        fun = lambda x, i=i: x * x[i]  # noqa: E731
        J = irad.jacobian(fun)(x)
        np.testing.assert_allclose(J, jax.jacobian(fun)(x))


def test_a_jacobian_composes_with_jit_vmap_and_grad() -> None:
    u = jnp.arange(1.0, 8.0)
    J = irad.jacobian(burgers)
    expected = jax.jacobian(burgers)
    np.testing.assert_allclose(jax.jit(J)(u), expected(u))
    stack = jnp.stack([u, 2 * u])
    np.testing.assert_allclose(jax.vmap(J)(stack), jax.vmap(expected)(stack))
    ours = jax.grad(lambda u: jnp.sum(J(u) ** 2))(u)
    theirs = jax.grad(lambda u: jnp.sum(expected(u) ** 2))(u)
    np.testing.assert_allclose(ours, theirs)
    twice = irad.jacobian(irad.jacobian(burgers))(u)
    np.testing.assert_allclose(twice, jax.jacobian(expected)(u), atol=1e-12)


def test_value_and_jacobian_with_an_auxiliary_output() -> None:
    x = jnp.arange(1.0, 4.0)
    fun = lambda x: (x * x, {"sum": jnp.sum(x), "name": "aux"})  # noqa: E731
    (y, aux), J = irad.value_and_jacobian(fun, has_aux=True)(x)
    np.testing.assert_allclose(y, x * x)
    assert aux["name"] == "aux"
    assert aux["sum"] == 6.0
    np.testing.assert_allclose(J, jnp.diag(2 * x))


def test_several_arguments_give_a_tuple_of_blocks() -> None:
    x, y = jnp.arange(3.0), jnp.arange(2.0)
    fun = lambda x, y: jnp.outer(x, y)  # noqa: E731
    ours = irad.jacobian(fun, (0, 1))(x, y)
    theirs = jax.jacobian(fun, (0, 1))(x, y)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b)


def test_an_operator_multiplies_from_both_sides() -> None:
    for name in ("burgers", "softmax", "batched", "trees", "arrow"):
        fun, x = FUNCTIONS[name]
        J = irad.jacobian(fun, format="operator")(x)
        t = jax.tree.map(jnp.cos, x)
        _, pushed = jax.jvp(fun, (x,), (t,))
        jax.tree.map(np.testing.assert_allclose, J @ t, pushed)
        c = jax.tree.map(jnp.sin, pushed)
        _, pull = jax.vjp(fun, x)
        pulled = J.T @ c
        expected = pull(c)[0]
        for a, b in zip(
            jax.tree.leaves(pulled), jax.tree.leaves(expected), strict=True
        ):
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["burgers", "softmax", "trees", "arrow", "set"])
def test_the_pattern_of_an_operator_covers_the_nonzeros(name: str) -> None:
    fun, x = FUNCTIONS[name]
    J = irad.jacobian(fun, format="operator")(x)
    expected = as_matrix(jax.jacobian(fun)(x), "dense", x, jax.eval_shape(fun, x))
    np.testing.assert_array_equal(J.pattern.toscipy().toarray(), expected != 0)


@pytest.mark.parametrize("name", ["burgers", "softmax", "elementwise", "loop", "arrow"])
def test_the_diagonal_is_that_of_the_matrix(name: str) -> None:
    fun, x = FUNCTIONS[name]
    J = irad.jacobian(fun, format="operator")(x)
    np.testing.assert_allclose(J.diagonal(), jnp.diag(jax.jacobian(fun)(x)), 1e-10)


@pytest.mark.parametrize("format", ["dense", "bcoo", "scipy", "operator"])
def test_hessians_keep_their_bands(format: Any) -> None:
    def rosenbrock(x: Any) -> Any:
        return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    x = jnp.linspace(-1, 1, 9)
    H = irad.hessian(rosenbrock, format=format)(x)
    dense = as_matrix(H, format, x, x)
    np.testing.assert_allclose(dense, jax.hessian(rosenbrock)(x), 1e-10)
    if format == "bcoo":
        assert H.nse == 3 * x.size - 2


def test_vertices_can_be_eliminated_in_any_order() -> None:
    fun, x = FUNCTIONS["robot"]
    plan = irad.plan(fun, order="markowitz")(x)
    vertices = plan.recipe.vertices
    assert vertices is not None
    assert len(plan.vertices) >= len(vertices)
    expected = jax.jacobian(fun)(x)
    for order in (vertices, vertices[::-1], sorted(vertices)):
        J = jax.jit(irad.jacobian(fun, order=order))(x)
        np.testing.assert_allclose(J, expected, 1e-10, 1e-12)
    with pytest.raises(irad.PlanError, match="missing"):
        irad.plan(fun, order=vertices[1:])(x)
    with pytest.raises(irad.PlanError, match="no such vertex"):
        irad.plan(fun, order=[*vertices, 10_000])(x)


def test_a_search_needs_no_more_multiplications_than_markowitz() -> None:
    fun, x = FUNCTIONS["robot"]
    notes = [
        irad.plan(fun, order=order)(x).candidates[0].note
        for order in ("markowitz", "elimination")
    ]
    counts = [int(note.split(", ")[1].split()[0]) for note in notes]
    assert counts[1] <= counts[0]


def test_measuring_takes_the_fastest_of_those_it_ran() -> None:
    u = jnp.arange(1.0, 50.0)
    plan = irad.plan(burgers, effort="measure")(u)
    assert plan.reason.startswith("measured: ")
    assert plan.reason.split()[1:] != []
    assert plan.reason.removeprefix("measured: ").startswith(plan.order)
    J = irad.jacobian(burgers, effort="measure")(u)
    np.testing.assert_allclose(J, jax.jacobian(burgers)(u), 1e-12)


def pairs_behind_a_loop(x: Any) -> Any:
    """A sum over random pairs, whose Hessian has about ten entries a row."""
    i, j = np.random.default_rng(0).integers(0, len(x), (2, 5 * len(x)))
    step = lambda y, _: (y + 0.1 * jnp.sin(y), None)  # noqa: E731
    y, _ = jax.lax.scan(step, x, None, length=60)
    return jnp.sum(jnp.sin(y[i] * y[j]))


def test_substitution_is_taken_where_pushes_are_dear() -> None:
    x = jnp.linspace(0.1, 1.0, 300)
    plan = irad.plan(pairs_behind_a_loop, second_order=True)(x)
    pushes = {
        c.way: int(c.note.split()[0]) for c in plan.candidates if "push" in c.note
    }
    assert plan.order == "compressed, acyclic"
    assert pushes[plan.order] < pushes["compressed, symmetric"]
    expected = jax.hessian(pairs_behind_a_loop)(x)
    H = irad.hessian(pairs_behind_a_loop)(x)
    np.testing.assert_allclose(H, expected, 1e-9, 1e-10)


@pytest.mark.usefixtures("float32")
def test_substitution_is_not_open_where_its_rounding_would_show() -> None:
    x = jnp.linspace(0.1, 1.0, 300)
    plan = irad.plan(pairs_behind_a_loop, second_order=True)(x)
    assert plan.order == "compressed, symmetric"
    assert "compressed, acyclic" not in [c.way for c in plan.candidates]


@pytest.mark.parametrize("way", ["compressed, symmetric", "compressed, acyclic"])
def test_a_hessian_behind_a_loop_is_compressed_by_symmetry(way: str) -> None:
    def energy(x: Any) -> Any:
        y = jax.lax.fori_loop(0, 2, lambda i, y: y + 0.1 * jnp.sin(y), x)
        return jnp.sum((y[1:] - y[:-1] ** 2) ** 2) + y[0] * jnp.sum(y)

    x = jnp.linspace(0.1, 1.0, 24)
    plan = irad.plan(energy, second_order=True, order="compressed")(x)
    ways = [c.way for c in plan.candidates]
    row = ways.index(way)
    expected = jax.hessian(energy)(x)
    for format in ("dense", "bcoo"):
        options: Any = {"plan": plan.choosing(row), "format": format}
        H = irad.hessian(energy, **options)(x)
        dense = H if format == "dense" else H.todense()
        np.testing.assert_allclose(dense, expected, 1e-9, 1e-12)


def test_chunks_give_the_same() -> None:
    x = jnp.arange(1.0, 8.0)
    for order in ("forward", "reverse"):
        J = irad.jacobian(burgers, order=order, chunk_size=3)(x)
        np.testing.assert_allclose(J, jax.jacobian(burgers)(x))


@pytest.mark.parametrize(
    "options",
    [
        {"order": "sideways"},
        {"format": "csr"},
        {"effort": "much"},
        {"chunk_size": 0},
        {"memory_limit": "lots"},
        {"memory_limit": -1},
        {"allow_int": True, "format": "operator"},
    ],
)
def test_an_unknown_option_is_an_error(options: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        irad.jacobian(jnp.sin, **options)


def test_scipy_matrices_cannot_be_traced() -> None:
    with pytest.raises(TypeError, match="bcoo"):
        jax.jit(irad.jacobian(burgers, format="scipy"))(jnp.arange(5.0))
