"""The search on random graphs, beside the simple orders and, on small ones, the best.

A search gets its default number of moves.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.harness.contests import Contest
from benchmarks.harness.peers import Peer
from benchmarks.harness.tables import Column, Row
from benchmarks.programs import Size, random_graphs
from benchmarks.programs.random_graphs import random_graph
from benchmarks.suites.suite import Suite
from irad import ordering

SIMPLE = (ordering.forward, ordering.reverse, ordering.markowitz)
LARGE: dict[Size, tuple[int, ...]] = {
    "small": (100, 200),
    "full": (100, 200, 300, 400),
}
SMALL = (16, 17, 18)
"""So many vertices with the inputs: the optimum is known of them."""
GRAPHS: dict[Size, int] = {"small": 1, "full": 4}


@dataclass(frozen=True)
class Task:
    """Some random graphs of one size."""

    vertices: int
    seeds: range
    source: str = random_graphs.SOURCE

    @property
    def name(self) -> str:
        return f"{self.vertices} vertices, {len(self.seeds)} graphs"


def tasks(size: Size) -> Sequence[Task]:
    seeds = range(GRAPHS[size])
    return [Task(vertices, seeds) for vertices in (*SMALL, *LARGE[size])]


def row(task: Task, _: Peer) -> Row:
    n = task.vertices
    graphs = [
        random_graph(seed, n, max(2, n // 10), max(2, n // 20)) for seed in task.seeds
    ]
    simple = {o.__name__: [_raw(g, o(g)) for g in graphs] for o in SIMPLE}
    found = [_found(g) for g in graphs]
    least = [min(counts) for counts in zip(*simple.values(), strict=True)]
    best = [_raw(g, ordering.optimum(g)) for g in graphs] if n in SMALL else None
    return {
        "simple": simple,
        "found": found,
        "optimum": best,
        "above": sum(a > b for a, b in zip(found, least, strict=True)),
        "over": _over(found, least),
        "over_optimum": None if best is None else _over(found, best),
    }


def _raw(graph: ordering.Graph, vertices: Sequence[int]) -> int:
    return ordering.count(graph, vertices).raw


def _found(graph: ordering.Graph) -> int:
    """What is found by annealing; ``search`` gives small graphs the optimum itself."""
    return _raw(graph, ordering.search(graph, seconds=math.inf).vertices)


def _over(found: Sequence[int], least: Sequence[int]) -> list[float]:
    return [a / b if b else 1.0 for a, b in zip(found, least, strict=True)]


def _range(ratios: Sequence[float]) -> str:
    return f"{statistics.median(ratios):.3f} [{min(ratios):.3f}, {max(ratios):.3f}]"


def contests(row: Row) -> list[Contest]:
    """The worst of the graphs."""
    worst = max(row["over"])
    counts = {"multiplications": (worst, 1.0)}
    return [Contest("the best simple order", counts=counts)]


SUITE = Suite(
    name="elimination of unseen graphs",
    title="Multiplications found on random graphs, over others: median [all]",
    programs=tasks,
    row=row,
    columns=[
        Column("graphs", lambda row: row["program"]),
        Column("over the best simple order", lambda row: row["over"], _range),
        Column("above it", lambda row: row["above"]),
        Column("over the optimum", lambda row: row["over_optimum"], _range),
    ],
    notes=["simple orders: forward, reverse and Markowitz; none should be below"],
    contests=contests,
)
