"""Elimination of arrays: structures are those of numbers, counts those published."""

from __future__ import annotations

import doctest
import itertools
import math
import random
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from benchmarks.programs import tensor_graphs
from benchmarks.programs.random_graphs import random_graph
from irad import ordering
from irad.ordering import tensors
from irad.ordering.tensors import (
    Axis,
    Drop,
    Insert,
    Partial,
    Permute,
    Rearrange,
    Resize,
    Structure,
    TensorGraph,
    dense,
    diagonal,
)
from irad.ordering.tensors.elimination import Elimination
from irad.ordering.tensors.partial import multiplied
from irad.ordering.tensors.structure import multiplications, product, total
from irad.ordering.tensors.walk import Walk

RNG = np.random.default_rng(3)
SHAPES = ((), (3,), (2, 3), (3, 2, 3))


def structures(columns: tuple[int, ...], seed: int) -> Structure:
    """A random structure with these columns."""
    draw = random.Random(seed)
    axes: list[Axis] = []
    rows: list[Axis] = []
    for at, size in enumerate(columns):
        stored = draw.choice((0, 1, size))
        if draw.random() < 0.5:
            axes.append(Axis(size, stored, len(rows)))
            rows.append(Axis(size, stored, at))
        else:
            axes.append(Axis(size, stored))
    if draw.random() < 0.7:
        rows.append(Axis(2, draw.choice((0, 2))))
    return Structure(tuple(rows), tuple(axes))


def numbers(J: Structure) -> np.ndarray:
    """A Jacobian of this structure, its stored entries drawn."""
    free = [*J.rows, *(a for a in J.columns if a.partner is None)]
    stored = RNG.uniform(1, 2, [max(a.stored, 1) for a in free])
    full = np.broadcast_to(stored, [a.size for a in free])
    return spread(full, J)


def spread(values: np.ndarray, J: Structure) -> np.ndarray:
    """Values for the rows and the dense columns, with the deltas between pairs."""
    place = iter(range(len(J.rows), values.ndim))
    own = [
        letter(a.partner) if a.partner is not None else letter(next(place))
        for a in J.columns
    ]
    rows = [letter(at) for at in range(len(J.rows))]
    seen = [letter(at) for at in range(values.ndim)]
    deltas, names, out = [], [], list(own)
    for at, axis in enumerate(J.columns):
        if axis.partner is not None:
            out[at] = letter(20 + at)
            deltas.append(np.eye(axis.size))
            names.append(own[at] + out[at])
    terms = ",".join(["".join(seen), *names])
    return np.einsum(f"{terms}->{''.join(rows + out)}", values, *deltas)


def letter(n: int) -> str:
    return chr(ord("a") + n)


def assert_fits(found: np.ndarray, J: Structure) -> None:
    """Zero off the pairs, and constant along what is not stored."""
    sizes = [a.size for a in (*J.rows, *J.columns)]
    assert list(found.shape) == sizes
    rows = [letter(at) for at in range(len(J.rows))]
    columns, free = [], []
    for at, axis in enumerate(J.columns):
        own = axis.partner is None
        columns.append(letter(20 + at) if own else letter(axis.partner or 0))
        free += [columns[-1]] * own
    values = np.einsum(f"{''.join(rows + columns)}->{''.join(rows + free)}", found)
    np.testing.assert_allclose(spread(values, J), found, atol=1e-12)
    own = (*J.rows, *(a for a in J.columns if a.partner is None))
    for at, axis in enumerate(own):
        if axis.stored <= 1 and axis.size > 1:
            np.testing.assert_allclose(np.ptp(values, axis=at), 0.0, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(8))
def test_the_structure_of_a_product_is_that_of_its_numbers(shape, seed):
    middle = structures(shape, seed)
    between = tuple(a.size for a in middle.rows)
    after = structures(between, seed + 100)
    found = np.tensordot(numbers(after), numbers(middle), len(between))
    assert_fits(found, product(after, middle))
    assert multiplications(after, middle) >= 1


@pytest.mark.parametrize("seed", range(8))
def test_the_structure_of_a_sum_is_that_of_its_numbers(seed):
    one = structures((3, 2), seed)
    other = diagonal((3, 2), (3, 0)) if len(one.rows) == 2 else one
    if [a.size for a in one.rows] != [a.size for a in other.rows]:
        other = dense([a.size for a in one.rows], (3, 2))
    assert_fits(numbers(one) + numbers(other), total(one, other))


MOVES = [
    (Permute((1, 0)), lambda x: x.T),
    (Insert((1,), (4,)), lambda x: np.broadcast_to(x[:, None], (3, 4, 2))),
    (Drop((0,), (3,)), lambda x: x.sum(0)),
    (Resize(0, 3, 5), lambda x: np.pad(x, ((1, 1), (0, 0)))),
    (Resize(1, 2, 1), lambda x: x[:, :1]),
    (Rearrange((3, 2), (2, 3)), lambda x: x.reshape(2, 3)),
]


@pytest.mark.parametrize(("move", "moved"), MOVES, ids=lambda m: repr(m)[:20])
@pytest.mark.parametrize("rows", ["pairs", "stored", "dense"])
def test_a_move_acts_on_rows_and_its_transpose_on_columns(move, moved, rows):
    J = {
        "pairs": diagonal((3, 2)),
        "stored": diagonal((3, 2), (3, 2)),
        "dense": dense((3, 2), (4,)),
    }[rows]
    found = numbers(J)
    flat = found.reshape(3, 2, -1)
    acted = np.stack([moved(flat[..., i]) for i in range(flat.shape[-1])], -1)
    own = tuple(a.size for a in J.columns)
    assert_fits(acted.reshape(*acted.shape[:-1], *own), move(J))
    assert move == move.T.T
    y = acted.shape[:-1]
    matrix = np.stack([moved(e.reshape(3, 2)).ravel() for e in np.eye(6)], -1)
    K = dense((2,), y)
    acted = (numbers(K).reshape(2, -1) @ matrix).reshape(2, 3, 2)
    assert_fits(acted, move.T(K.T).T)


EQUATIONS: list[tuple[Any, tuple[Any, ...]]] = [
    (jnp.sin, ((2, 3),)),
    (lambda x: x**3, ((3,),)),
    (lambda x: 2.0 * x, ((2, 3),)),
    (lambda x: 2.0 / x, ((2, 3),)),
    (jnp.add, ((2, 3), (2, 3))),
    (jnp.add, ((2, 3), (2, 1))),
    (jnp.multiply, ((2, 3), (2, 1))),
    (jnp.multiply, ((2, 1), (1, 3))),
    (jnp.multiply, ((2, 3), ())),
    (jnp.divide, ((2, 3), ())),
    (jnp.divide, ((), (2, 3))),
    (jnp.divide, ((1, 3), (2, 3))),
    (jnp.power, ((3,), (3,))),
    (jnp.matmul, ((2, 3), (3, 4))),
    (jnp.matmul, ((5, 2, 3), (5, 3, 4))),
    (lambda a, b: lax.dot_general(a, b, (((0,), (1,)), ((), ()))), ((3, 2), (4, 3))),
    (lambda a: jnp.sum(a, 0), ((2, 3),)),
    (lambda a: lax.reduce_max(a, (1,)), ((2, 3),)),
    (lambda a: lax.transpose(a, (1, 2, 0)), ((2, 3, 4),)),
    (lambda a: lax.reshape(a, (3, 2)), ((2, 3),)),
    (lambda a: lax.slice(a, (0, 1), (2, 3)), ((2, 3),)),
    (lambda a: lax.broadcast_in_dim(a, (2, 3, 4), (0, 2)), ((2, 1),)),
    (lambda a: lax.squeeze(a, (1,)), ((2, 1, 3),)),
    (lambda a, b: lax.concatenate([a, b], 1), ((2, 3), (2, 2))),
    (lambda a: a * a, ((3,),)),
]


@pytest.mark.parametrize(("fun", "shapes"), EQUATIONS)
def test_the_partials_of_an_equation_have_the_structure_of_its_jacobian(fun, shapes):
    x = [jnp.asarray(RNG.uniform(1, 2, shape)) for shape in shapes]
    graph = tensors.tensor_graph(jax.make_jaxpr(fun)(*x).jaxpr)
    jacobians = jax.jacobian(fun, tuple(range(len(x))))(*x)
    to = len(x)
    assert len(graph.shapes) == to + 1
    for (of, _, _), partial in zip(graph.plain.edges, graph.partials, strict=True):
        one = Partial(diagonal(shapes[of]))
        written = multiplied(partial, one)[1].structure
        assert written is not None
        assert_fits(np.asarray(jacobians[of]), written)


def test_an_equation_without_a_row_is_refused():
    jaxpr = jax.make_jaxpr(jnp.cumsum)(jnp.ones(3)).jaxpr
    with pytest.raises(ValueError, match="structure of"):
        tensors.tensor_graph(jaxpr)


@pytest.mark.parametrize("task", tensor_graphs.TASKS)
def test_published_counts(task):
    graph, known = tensor_graphs.graph(task), tensor_graphs.COUNTS[task]
    if task != "RoeFlux_3d":  # published as 4 more
        assert tensors.count(graph, tensors.forward(graph)) == known.forward
    assert tensors.count(graph, tensors.reverse(graph)) == known.reverse


@pytest.mark.parametrize("seed", range(4))
def test_graphs_of_scalars_count_as_plain_ones(seed):
    plain = random_graph(seed, 40, 4, 4)
    plain = ordering.Graph(4, [edge[:2] for edge in plain.edges], plain.outputs)
    number = Partial(Structure((), ()))
    graph = TensorGraph(plain, ((),) * 40, (number,) * len(plain.edges))
    order = list(graph.eliminated)
    random.Random(seed).shuffle(order)
    assert tensors.count(graph, order) == ordering.count(plain, order).raw


def chain(*sizes: int) -> TensorGraph:
    """Dense products of matrices, from the first size to the last."""
    plain = ordering.Graph(
        1, [(i, i + 1) for i in range(len(sizes) - 1)], [len(sizes) - 1]
    )
    partials = (Partial(dense((m,), (n,))) for n, m in itertools.pairwise(sizes))
    return TensorGraph(plain, tuple((n,) for n in sizes), tuple(partials))


def test_a_chain_of_matrices_costs_what_their_products_do():
    graph = chain(10, 100, 5, 50)
    assert tensors.count(graph, [1, 2]) == 10 * 100 * 5 + 10 * 5 * 50
    assert tensors.count(graph, [2, 1]) == 100 * 5 * 50 + 10 * 100 * 50
    assert tensors.search(graph).multiplications == 7500


def test_an_output_that_is_used_keeps_its_edges():
    graph = chain(2, 3, 4)
    used = TensorGraph(
        ordering.Graph(1, graph.plain.edges, [1, 2]), graph.shapes, graph.partials
    )
    assert used.eliminated == (1,)
    elimination = Elimination(used)
    _, state = elimination.step(elimination.start, 0)
    assert set(state.into[1]) == set(state.into[2]) == {0}


@pytest.mark.parametrize("task", ["RoeFlux_3d", "f"])
def test_exchanges_leave_what_a_new_walk_of_the_order_meets(task):
    elimination = Elimination(tensor_graphs.graph(task))
    draw = random.Random(0)
    walk = Walk(elimination, range(len(elimination.vertices)))
    for _ in range(60):
        turn = draw.choice((walk.later, walk.earlier))
        turn(draw.randrange(len(walk.order)), draw.uniform(-3, 80))
        assert walk.total == elimination.total(walk.order)
    fresh = Walk(elimination, walk.order)
    assert (walk._costs, walk._turn) == (fresh._costs, fresh._turn)
    assert all(a == b for a, b in zip(walk._states, fresh._states, strict=True))


@pytest.mark.parametrize("task", tensor_graphs.TASKS)
def test_search_is_below_what_is_published(task):
    graph, known = tensor_graphs.graph(task), tensor_graphs.COUNTS[task]
    found = tensors.search(graph, moves=8000, seconds=600)
    assert not found.out_of_time
    assert found.multiplications == tensors.count(graph, found.vertices)
    assert found.multiplications <= known.alphagrad


def test_search_is_deterministic_and_never_above_simple_orders():
    graph = tensor_graphs.graph("MLP")
    orders = (tensors.forward, tensors.reverse, tensors.markowitz)
    least = min(tensors.count(graph, o(graph)) for o in orders)
    first, again = (tensors.search(graph, 500, math.inf, seed=3) for _ in range(2))
    assert first == again
    assert tensors.search(graph, moves=0).multiplications <= least
    assert tensors.search(graph, seconds=0).out_of_time


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda g: TensorGraph(g.plain, g.shapes[:2], g.partials), "and 2 shapes"),
        (
            lambda g: TensorGraph(g.plain, g.shapes, g.partials[::-1]),
            "cannot have rows",
        ),
        (lambda g: tensors.search(g, moves=-1), "no -1 moves"),
        (lambda g: tensors.search(g, seconds=-1), "cannot take -1 seconds"),
        (lambda g: tensors.count(g, [1]), "missing"),
    ],
)
def test_what_is_no_graph_or_search_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(chain(2, 3, 4, 5))


def test_the_example_runs_and_prints_what_it_says():
    (found,) = doctest.DocTestFinder(recurse=False).find(
        TensorGraph,
        globs={"Graph": ordering.Graph, "Partial": Partial, **vars(tensors)},
    )
    assert found.examples
    assert doctest.DocTestRunner().run(found).failed == 0
