"""Gradients under shrinking memory limits: what they hold, compute and give."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from benchmarks.harness.peers import Peer, failures_of
from benchmarks.harness.tables import Column, Row, milliseconds, quantity, times
from benchmarks.programs import Program, Size, kept_by_gradients
from benchmarks.programs.program import Posed
from benchmarks.suites.suite import Suite
from irad.instruments.agreement import agree
from irad.instruments.executable import Compiled, compiled
from irad.instruments.timing import Rounds, call, interleaved

# Percent of what the gradient without a limit takes.
LIMITS: dict[Size, tuple[int, ...]] = {
    "small": (50, 10),
    "full": (100, 50, 30, 20, 15, 10, 5),
}
ROUNDS = Rounds(least=5, most=9, seconds=10.0, shuffled=True)
# Entries may differ by so many units in the last place of the largest.
ULPS = 10


@dataclass(frozen=True)
class Task(Posed):
    """A program, and the limits that its gradient is put under."""

    limits: tuple[int, ...]


# What is put under limits at small size, where XLA compiles for most of the time.
SMALL = ("LSTM", "nonlinear heat", "transformer", "6-layer net")


def tasks(size: Size) -> Sequence[Task]:
    programs = kept_by_gradients(size)
    if size == "small":
        programs = [p for p in programs if p.name.startswith(SMALL)]
    return [Task(program, LIMITS[size]) for program in programs]


def row(task: Task, peer: Peer) -> Row:
    program = task.program
    arguments = program.arguments()
    with failures_of(peer):
        free = compiled(peer.value_and_grad(program.make(), program.argnums), arguments)
        sides: dict[str, Compiled] = {}
        least: dict[str, int] = {}
        for share in task.limits:
            made = _fitted(program, peer, share * free.temp_bytes // 100)
            if isinstance(made, int):
                least[str(share)] = made
            else:
                sides[str(share)] = made
    reference = free.run(*arguments)
    theirs = jax.jit(jax.value_and_grad(program.make(), program.argnums))(*arguments)
    for result in (reference, *(side.run(*arguments) for side in sides.values())):
        agree(result, theirs, tolerance=program.tolerance)
    runs = {share: call(side.run, *arguments) for share, side in sides.items()}
    timed = interleaved(runs, rounds=ROUNDS, clock=time.process_time)
    return {
        "free": free.row(),
        "least": least,
        "sides": {
            share: {
                **side.row(),
                "ulps": _ulps(side.run(*arguments), reference),
                "median_s": timed[share].median,
            }
            for share, side in sides.items()
        },
    }


def _fitted(program: Program, peer: Peer, limit: int) -> Compiled | int:
    """The gradient within a limit, or the least that its error names."""
    transform: Any = peer.value_and_grad
    gradient = transform(program.make(), program.argnums, memory_limit=limit)
    try:
        return compiled(gradient, program.arguments())
    except ValueError as error:
        found = re.search(r"the least that would do is (\d+) bytes", str(error))
        if found is None:
            raise
        return int(found[1])


def _ulps(result: Any, reference: Any) -> float:
    """The largest difference, in units in the last place of a leaf's largest entry."""
    pairs = zip(jax.tree.leaves(result), jax.tree.leaves(reference), strict=True)
    worst = 0.0
    for ours, theirs in pairs:
        largest = np.max(np.abs(theirs), initial=np.finfo(theirs.dtype).tiny)
        apart = np.max(np.abs(np.asarray(ours) - np.asarray(theirs)), initial=0.0)
        worst = max(worst, float(apart / np.spacing(largest)))
    return worst


def missed(row: Row) -> list[str]:
    """Limits that do not hold, peaks that grow as limits shrink, other values."""
    free, sides = row["free"]["temp_bytes"], row["sides"]
    temps = [side["temp_bytes"] for side in sides.values()]
    reached = {
        "limits": all(
            side["temp_bytes"] <= int(share) * free // 100
            for share, side in sides.items()
        ),
        "monotone": temps == sorted(temps, reverse=True),
        f"{ULPS} ulps": all(side["ulps"] <= ULPS for side in sides.values()),
    }
    return [name for name, is_reached in reached.items() if not is_reached]


def lines(row: Row) -> Sequence[Row]:
    """One line for each limit; the first says what is missed."""
    free = row["free"]
    found = []
    for share in sorted(map(int, {**row["sides"], **row["least"]}), reverse=True):
        side = row["sides"].get(str(share))
        found.append(
            {
                "program": "" if found else row["program"],
                "limit": f"{share}%",
                "bytes": share * free["temp_bytes"] // 100,
                "temp": side["temp_bytes"] if side else row["least"][str(share)],
                "fits": "yes" if side else "no: the least",
                "flops": _operations(side, free) if side else "",
                "ulps": f"{side['ulps']:.1f}" if side else "",
                "ms": side["median_s"] if side else None,
                "missed": "" if found else ", ".join(missed(row)) or "none",
            }
        )
    return found


def _operations(side: Row, free: Row) -> str:
    """Operations over those without a limit; loops of unknown length count once."""
    return times(side["flops"] / max(1, free["flops"])) + "?" * bool(side["uncounted"])


def _optional(show: Any) -> Any:
    return lambda value: "" if value is None else show(value)


SUITE = Suite(
    name="limits",
    title="Value and gradient within a limit of memory, temporaries by XLA",
    programs=tasks,
    row=row,
    columns=[
        Column("program", lambda r: r["program"]),
        Column("limit", lambda r: r["limit"]),
        Column("bytes", lambda r: r["bytes"], quantity),
        Column("temp", lambda r: r["temp"], quantity),
        Column("fits", lambda r: r["fits"]),
        Column("flops/free", lambda r: r["flops"]),
        Column("ulps", lambda r: r["ulps"]),
        Column("CPU ms", lambda r: r["ms"], _optional(milliseconds)),
        Column("missed", lambda r: r["missed"]),
    ],
    notes=[
        "ulps: of the largest entry of an array, beside the gradient without limit",
        "flops/free?: the steps of loops that keep states in slots are counted once",
    ],
    lines=lines,
)
