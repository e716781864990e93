"""Cost against size: equations, steps of a loop, rows of a Jacobian, examples."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import jax

from benchmarks.harness.axes import logarithmic
from benchmarks.harness.contests import Contest, counted
from benchmarks.harness.derivatives import MODES, Ready, Way, by_hand, ready, subject
from benchmarks.harness.matrices import agree_by_rows, matrix
from benchmarks.harness.peers import Peer, PeerError, failures_of
from benchmarks.harness.tables import Column, Row, interval, milliseconds, quantity
from benchmarks.programs import Derivative, Program, Size, sized
from benchmarks.suites.suite import Suite
from irad.instruments import hlo
from irad.instruments.agreement import agree
from irad.instruments.executable import Compiled, compiled
from irad.instruments.timing import Rounds, Side, Times, call, interleaved, ratio

ROUNDS = Rounds(least=3, most=20, seconds=2.0)
# Longer straight lines take XLA long to compile; `transform` checks one of 1,000.
CHECKED = 100


@dataclass(frozen=True)
class Point:
    """One size of one family, and how it is measured."""

    family: str
    size: int
    program: Program
    measure: Callable[[Any, Peer], Row]

    @property
    def name(self) -> str:
        return f"{self.family}, {self.size:,}"

    @property
    def source(self) -> str:
        return self.program.source


LABELS = {
    "equations": ("equations of a straight line", "CPU ms to trace a gradient"),
    "steps": ("steps of a recurrent net", "ms a gradient"),
    "rows": ("rows: ours sparse, jax dense", "ms a Jacobian"),
    "batch": ("examples of a perceptron", "ms a gradient"),
}
"""What is drawn of a family: across its sizes, and up."""


def points(size: Size) -> Sequence[Point]:
    return [
        Point(family.name, n, family.program(n), MEASURES[family.name])
        for family in sized.FAMILIES
        for n in family.sizes[size]
    ]


def row(point: Point, peer: Peer) -> Row:
    measured = point.measure(point.program, peer)
    return {"family": point.family, "size": point.size, **measured}


def tracing(program: Program, peer: Peer) -> Row:
    """CPU time from a new function to the jaxpr of its gradient, caches warm."""
    arguments = program.arguments()

    def trace(fun: Callable[..., Any]) -> Any:
        return jax.make_jaxpr(fun)(*arguments)

    def side(grad: Callable[..., Any]) -> Side:
        def prepare() -> Callable[..., Any]:
            gc.collect()
            return program.make()

        return Side(lambda fun: trace(grad(fun, program.argnums)), prepare)

    equations = len(trace(program.make()).jaxpr.eqns)
    if equations <= CHECKED:
        _check(program, peer, arguments)
    sides = {"ours": side(peer.grad), "jax": side(jax.grad)}
    with failures_of(peer):
        timed = interleaved(sides, rounds=ROUNDS, clock=time.process_time)
    return _row({name: _times(taken) for name, taken in timed.items()}, timed)


def _check(program: Program, peer: Peer, arguments: tuple[Any, ...]) -> None:
    reference = jax.jit(jax.grad(program.make(), program.argnums))(*arguments)
    with failures_of(peer):
        result = jax.jit(peer.grad(program.make(), program.argnums))(*arguments)
    agree(result, reference, tolerance=program.tolerance)


def gradient(program: Program, peer: Peer) -> Row:
    """The compiled gradient beside `jax.grad`'s."""
    arguments = program.arguments()
    reference = compiled(jax.grad(program.make(), program.argnums), arguments)
    with failures_of(peer):
        ours = compiled(peer.grad(program.make(), program.argnums), arguments)
        result = ours.run(*arguments)
    agree(result, reference.run(*arguments), tolerance=program.tolerance)
    return _beside({"ours": ours, "jax": reference}, arguments)


def jacobian(program: Derivative, peer: Peer) -> Row:
    """The entries of the sparse Jacobian beside the dense one of `jax.jacfwd`."""
    arguments = program.arguments()
    form = "bcoo" if "bcoo" in peer.formats else "dense"
    ours = ready(subject(peer, form), program, arguments)
    hand = ready(Way("by hand", by_hand, is_dense=False), program, arguments)
    sides, left_out = {"ours": ours}, None
    try:
        sides["jax"] = ready(MODES[0], program, arguments)
    except PeerError as error:
        left_out = str(error)
    _agree(program, sides, hand)
    made = {name: side.compiled for name, side in sides.items()}
    return {**_beside(made, arguments), "left_out": left_out}


def _agree(program: Derivative, sides: dict[str, Ready], hand: Ready) -> None:
    """Holds each side against what is written by hand."""
    assert program.pattern is not None
    shape = program.shape(program.arguments())
    reference = matrix(hand.result, shape, program.pattern())
    for side in sides.values():
        found = matrix(side.result, shape)
        agree_by_rows(found, reference, tolerance=program.tolerance)


def _beside(sides: dict[str, Compiled], arguments: tuple[Any, ...]) -> Row:
    """Counts and times of programs that were compared; JAX's may be left out."""
    runs = {name: call(side.run, *arguments) for name, side in sides.items()}
    timed = interleaved(runs, rounds=ROUNDS)
    digests = {name: hlo.digest(side.module) for name, side in sides.items()}
    return _row(
        {name: {**side.row(), **_times(timed[name])} for name, side in sides.items()},
        timed,
        same_program=digests.get("jax") in {digests["ours"]} - {None},
    )


def _row(
    sides: dict[str, Row], timed: dict[str, Times], *, same_program: bool = False
) -> Row:
    found = asdict(ratio(timed["ours"], timed["jax"])) if "jax" in timed else None
    return {"sides": sides, "time_ratio": found, "same_program": same_program}


def _times(times: Times) -> Row:
    return {
        "median_s": times.median,
        "spread": times.spread,
        "samples_s": times.samples,
    }


MEASURES: dict[str, Callable[[Any, Peer], Row]] = {
    "equations": tracing,
    "steps": gradient,
    "rows": jacobian,
    "batch": gradient,
}


def contests(row: Row) -> list[Contest]:
    sides = row["sides"]
    if "jax" not in sides:
        return []
    is_counted = "flops" in sides["ours"]
    counts = counted(sides["ours"], sides["jax"]) if is_counted else {}
    time = None if row["same_program"] else row["time_ratio"]
    return [Contest("jax", time, counts)]


def draw(plot: Any, rows: Sequence[Row]) -> Any:
    """Milliseconds against size, a panel for each family, both axes logarithmic."""
    families = list(dict.fromkeys(row["family"] for row in rows))
    figure, _ = plot.subplots(1, len(families), figsize=(3 * len(families), 3))
    for panel, family in zip(figure.axes, families, strict=True):
        _panel(panel, family, [row for row in rows if row["family"] == family])
    figure.tight_layout()
    return figure


def _panel(panel: Any, family: str, rows: Sequence[Row]) -> None:
    across, up = LABELS[family]
    every: list[float] = []
    for name, mark in (("ours", "o-"), ("jax", "s--")):
        found = [
            (row["size"], 1e3 * row["sides"][name]["median_s"])
            for row in rows
            if name in row["sides"]
        ]
        panel.plot(*zip(*found, strict=True), mark, label=name, markersize=3)
        every += [taken for _, taken in found]
    sizes = [row["size"] for row in rows]
    logarithmic(panel, "x", min(sizes) / 1.5, max(sizes) * 1.5)
    logarithmic(panel, "y", min(every) / 2, max(every) * 2)
    panel.set_xlabel(across, fontsize=8)
    panel.set_ylabel(up, fontsize=8)
    panel.grid(color="0.9")
    panel.legend(fontsize=7)


def _of(side: str, key: str) -> Callable[[Row], Any]:
    return lambda row: row["sides"].get(side, {}).get(key)


def _time(row: Row) -> str:
    if row["same_program"]:
        return "1.00 same HLO"
    return interval(row["time_ratio"]) if row["time_ratio"] else row["left_out"]


SUITE = Suite(
    name="scaling",
    title="Cost against size, ours beside JAX's",
    programs=points,
    row=row,
    columns=[
        Column("program", lambda row: row["program"]),
        Column("ms jax", _of("jax", "median_s"), milliseconds),
        Column("ms", _of("ours", "median_s"), milliseconds),
        Column("time", _time),
        Column("flops jax", _of("jax", "flops"), quantity),
        Column("flops", _of("ours", "flops"), quantity),
        Column("temp jax", _of("jax", "temp_bytes"), quantity),
        Column("temp", _of("ours", "temp_bytes"), quantity),
        Column("compile ms jax", _of("jax", "compile_s"), milliseconds),
        Column("compile ms", _of("ours", "compile_s"), milliseconds),
    ],
    notes=[
        "equations: CPU time of make_jaxpr(grad(f)) for a straight line of so many",
        "steps: the compiled gradient of a recurrent net of 16 states over so many",
        "rows: the Jacobian of Burgers' equation, entries beside a dense jax.jacfwd",
        "batch: the compiled gradient of a perceptron for so many examples",
    ],
    contests=contests,
    draw=draw,
)
