"""Elimination orders: the conventions of counting, and that no order found is worse."""

from __future__ import annotations

import doctest
import itertools
import math
import random

import pytest

from benchmarks.programs import elimination_graphs
from benchmarks.programs.random_graphs import random_graph
from irad.ordering import (
    Count,
    Graph,
    count,
    forward,
    lower_bound,
    markowitz,
    optimum,
    reverse,
    search,
)
from irad.ordering.annealing import anneal
from irad.ordering.elimination import Elimination
from irad.ordering.walk import Walk

OBJECTIVES = ("raw", "typed")
GENERIC, UNIT, COPY, CONSTANT = range(4)


FUNCTIONS = (count, forward, lower_bound, markowitz, optimum, reverse, search)


def counted_edge_by_edge(graph: Graph, vertices: list[int], objective: str) -> int:
    """The count by the words of the convention, with a dictionary of edges."""
    edges = {(of, to): int(kind) for of, to, kind in graph.edges}
    free = (UNIT, COPY) if objective == "typed" else (COPY,)
    total = 0
    for v in vertices:
        before = [(of, k) for (of, to), k in edges.items() if to == v]
        after = [(to, k) for (of, to), k in edges.items() if of == v]
        for (of, a), (to, b) in itertools.product(before, after):
            if a in free or b in free:
                kind = b if a in free else a
            else:
                kind = CONSTANT if a == b == CONSTANT else GENERIC
                total += objective == "raw" or kind == GENERIC
            if (of, to) in edges:
                known = GENERIC not in (kind, edges[of, to])
                kind = CONSTANT if known and objective == "typed" else GENERIC
            edges[of, to] = kind
        for of, _ in before:
            if v not in graph.outputs:
                del edges[of, v]
        for to, _ in after:
            del edges[v, to]
    return total


@pytest.mark.parametrize(
    ("edges", "outputs", "order", "expected"),
    [
        pytest.param([(0, 1), (1, 2)], [2], [1], Count(1, 1), id="one product"),
        pytest.param([(0, 1, 1), (1, 2)], [2], [1], Count(1, 0), id="a unit"),
        pytest.param([(0, 1, 2), (1, 2)], [2], [1], Count(0, 0), id="a copy"),
        pytest.param([(0, 1, 3), (1, 2)], [2], [1], Count(1, 1), id="a constant"),
        pytest.param([(0, 1, 3), (1, 2, 3)], [2], [1], Count(1, 0), id="two constants"),
        pytest.param(
            [(0, 1), (1, 2), (1, 3)], [2, 3], [1], Count(2, 2), id="two outputs"
        ),
        pytest.param(
            [(0, 1, 1), (0, 2, 1), (1, 2, 1), (2, 3)],
            [3],
            [1, 2],
            Count(2, 1),
            id="a sum of units is a constant",
        ),
        pytest.param(
            [(0, 1, 2), (0, 2, 2), (1, 2, 2), (2, 3)],
            [3],
            [1, 2],
            Count(1, 1),
            id="a sum of copies has a value",
        ),
        pytest.param(
            [(0, 1), (1, 2), (2, 3)], [2, 3], [2, 1], Count(3, 3), id="a used output"
        ),
        pytest.param([(0, 1), (0, 2)], [2], [1], Count(0, 0), id="a dead end"),
    ],
)
def test_counts_by_hand(edges, outputs, order, expected):
    assert count(Graph(1, edges, outputs), order) == expected


@pytest.mark.parametrize("seed", range(20))
def test_counts_equal_those_edge_by_edge(seed):
    graph = random_graph(seed, 30, 4, 4)
    order = list(graph.eliminated)
    random.Random(seed).shuffle(order)
    assert count(graph, order) == Count(
        *(counted_edge_by_edge(graph, order, objective) for objective in OBJECTIVES)
    )


@pytest.mark.parametrize("task", elimination_graphs.TASKS)
def test_published_counts(task):
    graph, known = elimination_graphs.graph(task), elimination_graphs.COUNTS[task]
    if task != "BlackScholes":  # published for the trace of another version of JAX
        assert count(graph, forward(graph)).raw == known.forward
        assert count(graph, reverse(graph)).raw == known.reverse
    assert count(graph, reverse(graph)).typed == known.typed_reverse
    assert count(graph, markowitz(graph)).raw == known.markowitz


@pytest.mark.parametrize("task", elimination_graphs.TASKS)
def test_search_is_near_the_best_known(task):
    graph, known = elimination_graphs.graph(task), elimination_graphs.COUNTS[task]
    found = search(graph, moves=100_000, seconds=600)
    assert not found.out_of_time
    assert count(graph, found.vertices) == Count(found.raw, found.typed)
    assert found.raw <= min(known.alphagrad, 1.01 * known.best)
    assert lower_bound(graph) <= found.raw


@pytest.mark.parametrize("task", ["RobotArm_6DOF", "HumanHeartDipole"])
def test_lower_bound_proves_the_best_known(task):
    assert (
        lower_bound(elimination_graphs.graph(task))
        == elimination_graphs.COUNTS[task].best
    )


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("seed", range(8))
def test_optimum_is_the_best_of_all_orders(seed, objective):
    graph = random_graph(seed, 10, 2, 2)
    best = min(
        counted_edge_by_edge(graph, list(order), objective)
        for order in itertools.permutations(graph.eliminated[:6])
        for order in [(*order, *graph.eliminated[6:])]
    )
    found = getattr(count(graph, optimum(graph, objective=objective)), objective)
    assert found <= best
    if len(graph.eliminated) <= 6:
        assert found == best


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("seed", range(6))
def test_annealing_comes_within_two_percent_of_the_optimum(seed, objective):
    graph = random_graph(seed, 15, 2, 2)
    elimination = Elimination.of(graph, objective)
    walk = Walk(elimination, elimination.slots(reverse(graph)))
    found = anneal(walk, 3000, 2.0, 0.1, random.Random(seed), lambda: False)
    best = getattr(count(graph, optimum(graph, objective=objective)), objective)
    assert best <= found.total <= 1.02 * best
    assert elimination.total(found.order) == found.total


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("seed", range(8))
def test_exchanges_leave_what_a_new_walk_of_the_order_meets(seed, objective):
    elimination = Elimination.of(random_graph(seed, 40, 4, 8), objective)
    draw = random.Random(seed)
    walk = Walk(elimination, range(len(elimination.vertices)))
    for _ in range(300):
        turn = draw.choice((walk.later, walk.earlier))
        turn(draw.randrange(len(walk.order)), draw.uniform(-3, 8))
        fresh = Walk(elimination, walk.order)
        assert (walk.total, walk.costs) == (fresh.total, fresh.costs)
        assert (walk.rows, walk.gone) == (fresh.rows, fresh.gone)
    assert walk.total == elimination.total(walk.order)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_vertex_that_went_past_others_finds_its_way_back(objective):
    elimination = Elimination.of(random_graph(3, 40, 4, 8), objective)
    walk = Walk(elimination, range(len(elimination.vertices)))
    met = walk.total, walk.costs[:], [rows[:] for rows in (*walk.rows, *walk.gone)]
    for slot in range(len(walk.order)):
        for there, back in ((walk.later, walk.earlier), (walk.earlier, walk.later)):
            done = sum(there(slot, math.inf) for _ in range(5))
            assert all(back(slot, math.inf) for _ in range(done))
            rows = [*walk.rows, *walk.gone]
            assert (walk.total, walk.costs, rows) == met


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("vertices", [100, 400])
def test_search_is_never_above_the_simple_orders(vertices, objective):
    graph = random_graph(vertices, vertices, vertices // 10, vertices // 20)
    for moves in (0, 300):
        found = search(graph, moves=moves, seconds=600, objective=objective)
        simple = [count(graph, o(graph)) for o in (forward, reverse, markowitz)]
        assert getattr(found, objective) <= min(getattr(c, objective) for c in simple)


def test_search_is_deterministic_for_a_seed():
    graph = random_graph(1, 60, 5, 5)
    first, again, other = (
        search(graph, moves=3000, seconds=600, seed=seed) for seed in (3, 3, 4)
    )
    assert first == again
    assert first.vertices != other.vertices


def test_search_says_when_time_ran_out():
    assert search(random_graph(1, 60, 5, 5), seconds=0).out_of_time


def test_small_graphs_get_the_optimum():
    graph = random_graph(5, 12, 2, 2)
    best = count(graph, optimum(graph))
    assert search(graph, moves=0, seconds=0).raw == best.raw


def test_a_graph_without_vertices_to_eliminate_costs_nothing():
    graph = Graph(2, [(0, 2), (1, 2)], [2])
    assert search(graph).vertices == markowitz(graph) == ()
    assert lower_bound(graph) == count(graph, ()).raw == 0


@pytest.mark.parametrize(
    ("inputs", "edges", "outputs", "message"),
    [
        (-1, [], [], "cannot have -1 inputs"),
        (1, [(0,)], [], "an edge is"),
        (1, [(0, 1, 4)], [1], "the kind is 0, 1, 2 or 3, not 4"),
        (2, [(0, 1)], [1], "leads into input 1"),
        (1, [(2, 1)], [1], "a vertex comes after its predecessors"),
        (1, [(-1, 1)], [1], "there is no vertex -1"),
        (1, [(0, 1), (0, 1, 1)], [1], "two edges from 0 to 1"),
        (1, [(0, 1)], [1, 1], "listed twice"),
        (1, [(0, 1)], [-1], "an output is a vertex, which -1 is not"),
    ],
)
def test_what_is_no_graph_is_refused(inputs, edges, outputs, message):
    with pytest.raises(ValueError, match=message):
        Graph(inputs, edges, outputs)


@pytest.mark.parametrize(
    ("order", "message"),
    [
        ([1], r"missing \[2\]"),
        ([1, 2, 3], r"not to eliminate \[3\]"),
        ([1, 2, 2], "some twice"),
    ],
)
def test_what_is_no_order_is_refused(order, message):
    graph = Graph(1, [(0, 1), (1, 2), (2, 3)], [3])
    with pytest.raises(ValueError, match=message):
        count(graph, order)


@pytest.mark.parametrize("thing", [Graph, *FUNCTIONS], ids=lambda thing: thing.__name__)
def test_examples_run_and_print_what_they_say(thing):
    (found,) = doctest.DocTestFinder(recurse=False).find(thing, thing.__name__)
    assert found.examples
    assert doctest.DocTestRunner().run(found).failed == 0


def test_bounds_and_objectives_that_mean_nothing_are_refused():
    graph = random_graph(1, 30, 3, 3)
    with pytest.raises(ValueError, match="no -1 moves"):
        search(graph, moves=-1)
    with pytest.raises(ValueError, match="cannot take -1 seconds"):
        search(graph, seconds=-1)
    with pytest.raises(ValueError, match="'raw' or 'typed', not 'both'"):
        search(graph, objective="both")  # pyright: ignore[reportArgumentType]
    with pytest.raises(ValueError, match="too many"):
        optimum(graph)
