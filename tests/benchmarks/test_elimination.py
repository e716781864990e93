"""The elimination suite: a row has both counts, and says what it missed."""

from __future__ import annotations

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import pytest
from jax.flatten_util import ravel_pytree

import irad
from benchmarks.harness.peers import peer
from benchmarks.harness.tables import Table, plain
from benchmarks.programs import elimination_graphs, tensor_graphs
from benchmarks.programs.elimination import programs
from benchmarks.programs.random_graphs import random_graph
from benchmarks.suites import elimination, elimination_of_arrays, unseen_graphs
from benchmarks.suites.elimination import SUITE, Task
from irad import ordering
from irad.instruments.agreement import agree
from irad.ordering import tensors


def test_a_row_has_a_line_for_each_count_and_is_json(monkeypatch):
    monkeypatch.setattr(elimination, "_moves_a_second", lambda graph, objective: 500.0)
    task = Task("PropaneCombustion", (1.0, 10.0), seeds=2)
    row = {"program": task.name, "source": "a test", **SUITE.row(task, peer("jax"))}
    assert json.loads(json.dumps(row))["simple"]["forward"] == {"raw": 151, "typed": 26}
    assert row["moves_a_second"] == {"raw": 500.0, "typed": 500.0}
    raw, typed = SUITE.lines(row)
    assert (raw["bound"], raw["best"], typed["best"]) == (88, 88, 24)
    assert "151" in plain(Table(SUITE.title, SUITE.columns, [row], (), SUITE.lines))


def test_a_median_above_what_was_to_be_reached_is_missed():
    known = elimination.COUNTS["RoeFlux_1d"]
    best, alphagrad = known.best, known.alphagrad
    found = {1.0: [297, 297, 400], 10.0: [295, 296, 296]}
    assert elimination.missed(found, best, alphagrad) == ["10 s: 295"]
    assert elimination.missed({1.0: [321]}, best, alphagrad) == [
        "1 s: 297.95",
        "AlphaGrad: 320",
    ]


def test_a_row_of_arrays_is_json(monkeypatch):
    monkeypatch.setattr(elimination_of_arrays, "_moves_a_second", lambda graph: 3000.0)
    suite, task = elimination_of_arrays.SUITE, Task("MLP", (1.0,), seeds=2)
    row = {"program": task.name, "source": "a test", **suite.row(task, peer("jax"))}
    assert json.loads(json.dumps(row))["simple"]["reverse"] == 392
    assert row["missed"] == []
    assert "10930" in plain(Table(suite.title, suite.columns, [row]))


def test_graphs_that_are_not_seen_have_a_row_with_what_is_above(monkeypatch):
    monkeypatch.setattr(unseen_graphs, "_found", lambda graph: 10**6)
    suite, task = unseen_graphs.SUITE, unseen_graphs.Task(30, range(2))
    row = {"program": task.name, "source": "a test", **suite.row(task, peer("jax"))}
    assert (row["above"], row["optimum"]) == (2, None)
    assert "30 vertices, 2 graphs" in plain(Table(suite.title, suite.columns, [row]))


SEARCHES = {
    "scalars": (
        ordering,
        lambda: elimination._search(10, 0, elimination_graphs.graph("g"), "raw"),
        {"raw": 1},
    ),
    "arrays": (
        tensors,
        lambda: elimination_of_arrays._search(10, 0, tensor_graphs.graph("f")),
        {"multiplications": 1},
    ),
    "unseen": (
        ordering,
        lambda: unseen_graphs._found(random_graph(0, 16, 2, 2)),
        {"raw": 1},
    ),
}
"""Where the search is, a count of the suite's, and what a broken search claims."""


@pytest.mark.parametrize("name", SEARCHES)
def test_what_a_search_claims_is_counted_again(name, monkeypatch):
    library, counted, claims = SEARCHES[name]
    search, right = library.search, counted()
    monkeypatch.setattr(
        library, "search", lambda *args, **how: replace(search(*args, **how), **claims)
    )
    assert counted() == right > 1


@pytest.mark.parametrize("name", SEARCHES)
def test_an_order_that_lacks_a_vertex_is_no_order(name, monkeypatch):
    library, counted, _ = SEARCHES[name]
    search = library.search

    def lacking(*args, **how):
        found = search(*args, **how)
        return replace(found, vertices=found.vertices[1:])

    monkeypatch.setattr(library, "search", lacking)
    with pytest.raises(ValueError, match="lists each vertex"):
        counted()


@pytest.mark.slow
@pytest.mark.parametrize("program", programs("small"), ids=lambda p: p.name)
def test_the_tasks_on_arrays_have_jacobians_that_agree_with_jax(program):
    arguments = program.arguments()
    ours = jax.jit(irad.jacrev(program.make(), program.argnums))(*arguments)
    theirs = jax.jit(jax.jacfwd(program.make(), program.argnums))(*arguments)
    # In one vector, since some blocks cancel to rounding errors and have no scale.
    ours, theirs = (ravel_pytree(jacobian)[0] for jacobian in (ours, theirs))
    assert jnp.all(jnp.isfinite(theirs))
    agree(ours, theirs, tolerance=1e-4)
