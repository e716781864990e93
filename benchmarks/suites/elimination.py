"""How few multiplications a search finds, beside published counts.

Nothing is run or differentiated: the tasks are graphs, and the counts are exact. A
search gets as many moves as take a second, or ten, of CPU time: what it finds depends
on how fast the machine is, and not on what else runs there.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.harness.contests import Contest
from benchmarks.harness.cores import side_by_side
from benchmarks.harness.peers import Peer
from benchmarks.harness.tables import Column, Row
from benchmarks.programs import Size, elimination_graphs
from benchmarks.programs.elimination_graphs import COUNTS, TASKS
from benchmarks.suites.suite import Suite
from irad import ordering

SEEDS: dict[Size, int] = {"small": 3, "full": 5}
"""So many searches, whose median counts."""
# So many moves tell how many go in a second.
TRIAL = 10_000
SECONDS: dict[Size, tuple[float, ...]] = {"small": (1.0,), "full": (1.0, 10.0)}
# How far above the best known count the median of a search in so many seconds may be.
SLACK = {1.0: 1.01, 10.0: 1.0}
OBJECTIVES: tuple[ordering.Objective, ...] = ("raw", "typed")


@dataclass(frozen=True)
class Task:
    """A graph by its name, and what its searches get: seconds, and seeds each."""

    name: str
    seconds: tuple[float, ...]
    seeds: int
    source: str = elimination_graphs.SOURCE


def tasks(size: Size) -> Sequence[Task]:
    return [Task(name, SECONDS[size], SEEDS[size]) for name in TASKS]


def row(task: Task, _: Peer) -> Row:
    graph, known = elimination_graphs.graph(task.name), COUNTS[task.name]
    orders = (ordering.forward, ordering.reverse, ordering.markowitz)
    simple = {o.__name__: asdict(ordering.count(graph, o(graph))) for o in orders}
    found, moves = {}, {}
    for objective in OBJECTIVES:
        moves[objective] = rate = _moves_a_second(graph, objective)
        found[objective] = searches(task, rate, _search, graph, objective)
    return {
        "published": asdict(known),
        "lower_bound": ordering.lower_bound(graph),
        "simple": simple,
        "found": found,
        "moves_a_second": moves,
        "missed": {
            "raw": missed(found["raw"], known.best, known.alphagrad),
            "typed": missed(found["typed"], known.typed_best),
        },
    }


def searches(
    task: Task, moves_a_second: float, search: Callable[..., int], *arguments: Any
) -> dict[float, list[int]]:
    """For so many seconds, what ``search(moves, seed, *arguments)`` finds by seed."""
    draws = [
        (round(moves_a_second * seconds), seed, *arguments)
        for seconds in task.seconds
        for seed in range(task.seeds)
    ]
    counts = iter(side_by_side(search, draws))
    return {
        seconds: [next(counts) for _ in range(task.seeds)] for seconds in task.seconds
    }


def _moves_a_second(graph: ordering.Graph, objective: ordering.Objective) -> float:
    started = time.process_time()
    _search(TRIAL, 0, graph, objective)
    return TRIAL / (time.process_time() - started)


def _search(
    moves: int, seed: int, graph: ordering.Graph, objective: ordering.Objective
) -> int:
    found = ordering.search(graph, moves, math.inf, seed, objective=objective)
    return getattr(ordering.count(graph, found.vertices), objective)


def missed(
    found: dict[float, list[int]], best: int, alphagrad: int | None = None
) -> list[str]:
    """What the medians should have reached."""
    above = [
        f"{seconds:g} s: {SLACK[seconds] * best:g}"
        for seconds, counts in found.items()
        if statistics.median(counts) > SLACK[seconds] * best
    ]
    longest = max(found)
    if alphagrad is not None and statistics.median(found[longest]) > alphagrad:
        above.append(f"AlphaGrad: {alphagrad}")
    return above


def lines(row: Row) -> Sequence[Row]:
    """The raw counts of a task, then the typed ones."""
    published = row["published"]
    beside = {
        "raw": {
            "bound": row["lower_bound"],
            "alphagrad": published["alphagrad"],
            "best": published["best"],
        },
        "typed": {"bound": "", "alphagrad": "", "best": published["typed_best"]},
    }
    return [
        {
            "program": row["program"] if objective == "raw" else "",
            "counted": objective,
            **{name: counts[objective] for name, counts in row["simple"].items()},
            **beside[objective],
            "found": row["found"][objective],
            "missed": row["missed"][objective],
        }
        for objective in OBJECTIVES
    ]


def contests(row: Row) -> list[Contest]:
    """What the longest search found beside the best known."""
    best = {"raw": row["published"]["best"], "typed": row["published"]["typed_best"]}
    return [
        Contest(
            f"best known, {objective}", counts=multiplications(found, best[objective])
        )
        for objective, found in row["found"].items()
    ]


def multiplications(
    found: dict[str, list[int]], best: float
) -> dict[str, tuple[float, float]]:
    """The median of the longest search and the best known."""
    longest = max(found, key=float)
    return {"multiplications": (statistics.median(found[longest]), best)}


def spread(counts: Sequence[int] | None) -> str:
    """The median, and between which it is one."""
    if counts is None:
        return "-"
    return f"{statistics.median(counts):g} [{min(counts)}, {max(counts)}]"


SUITE = Suite(
    name="elimination",
    title="Multiplications of vertex elimination orders, median of the seeds [each]",
    programs=tasks,
    row=row,
    columns=[
        Column("task", lambda line: line["program"]),
        Column("counted", lambda line: line["counted"]),
        Column("forward", lambda line: line["forward"]),
        Column("reverse", lambda line: line["reverse"]),
        Column("Markowitz", lambda line: line["markowitz"]),
        Column("search 1 s", lambda line: line["found"].get("1.0"), spread),
        Column("search 10 s", lambda line: line["found"].get("10.0"), spread),
        Column("AlphaGrad", lambda line: line["alphagrad"]),
        Column("best known", lambda line: line["best"]),
        Column("bound", lambda line: line["bound"]),
        Column("missed", lambda line: ", ".join(line["missed"]) or "none"),
    ],
    notes=[
        "raw: all products count but those with copies; typed: +-1 and constants free",
        "bound: no order has fewer raw multiplications (paths that share no vertex)",
        "a search of 1 s gets the moves that take 1 s of CPU time",
        "missed: the median that 1 s (within 1% of best known) or 10 s should reach",
        "BlackScholes: published for the trace of another JAX, which shows in its",
        "  published forward and reverse, 545 and 572",
    ],
    lines=lines,
    contests=contests,
)
