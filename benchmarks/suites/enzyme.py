"""Gradients beside Enzyme-JAX's, in a process of its own for each program.

Enzyme brings a compiler along that lives in the process it is loaded into. All sides of
a row run in that one: `python -m benchmarks.suites.enzyme PROGRAM SIZE SUBJECT`.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import jax

from benchmarks.harness.contests import Contest
from benchmarks.harness.peers import Peer, peer
from benchmarks.harness.processes import Task, row_of
from benchmarks.harness.tables import Column, Row, digits, interval, milliseconds
from benchmarks.programs import Program, Size, models
from benchmarks.suites.suite import Suite
from irad.errors import DisagreementError
from irad.instruments.agreement import agree
from irad.instruments.timing import Rounds, call, interleaved, ratio

ROUNDS = Rounds(least=5, most=20, seconds=4.0)
LIBRARY = "enzyme_ad"
CHOSEN = ("MLP", "LSTM", "GMM", "nonlinear heat")


def tasks(size: Size) -> Sequence[Task]:
    return [Task(p, size) for p in models(size) if p.name in CHOSEN]


def row(task: Task, peer: Peer) -> Row:
    """What the other process measured."""
    return row_of(__name__, LIBRARY, task.name, task.size, peer.name)


def measured(program: Program, peer: Peer) -> Row:
    """Ours, JAX's and Enzyme's in turn.

    Ours that disagrees with JAX's is said in ``wrong``; Enzyme's raises.
    """
    arguments = program.arguments()
    sides = {
        "jax": jax.jit(jax.grad(program.make(), program.argnums)),
        "ours": jax.jit(peer.grad(program.make(), program.argnums)),
        "enzyme": jax.jit(_enzyme(program)),
    }
    reference = sides["jax"](*arguments)
    try:
        agree(sides["ours"](*arguments), reference, tolerance=program.tolerance)
    except DisagreementError as error:
        return {"wrong": str(error)}
    apart = agree(sides["enzyme"](*arguments), reference, tolerance=program.tolerance)
    runs = {name: call(side, *arguments) for name, side in sides.items()}
    timed = interleaved(runs, rounds=ROUNDS)
    return {
        "wrong": "",
        "difference": apart,
        "median_s": {name: times.median for name, times in timed.items()},
        "samples_s": {name: times.samples for name, times in timed.items()},
        "time_ratio": asdict(ratio(timed["ours"], timed["enzyme"])),
    }


def _enzyme(program: Program) -> Callable[..., Any]:
    """The gradient by `jax.vjp` of a call that Enzyme compiles."""
    compiled_by_enzyme = importlib.import_module(f"{LIBRARY}.jax").enzyme_jax_ir()
    fun = compiled_by_enzyme(program.make())
    argnums = program.argnums
    places = (argnums,) if isinstance(argnums, int) else argnums

    def gradient(*arguments: Any) -> Any:
        def active(*given: Any) -> jax.Array:
            every = list(arguments)
            for i, x in zip(places, given, strict=True):
                every[i] = x
            return fun(*every)

        value, pull = jax.vjp(active, *(arguments[i] for i in places))
        found = pull(jax.numpy.ones_like(value))
        return found[0] if isinstance(argnums, int) else found

    return gradient


def main(name: str, size: Any, subject: Any) -> None:
    """Prints the row of one program as JSON."""
    (program,) = (p for p in models(size) if p.name == name)
    print(json.dumps(measured(program, peer(subject))))


def contests(row: Row) -> list[Contest]:
    return [Contest("enzyme", row["time_ratio"])]


SUITE = Suite(
    name="enzyme",
    title="Compiled gradients beside Enzyme-JAX's, in a process for each program",
    programs=tasks,
    row=row,
    columns=[
        Column("program", lambda r: r["program"]),
        Column("ms jax", lambda r: r["median_s"]["jax"], milliseconds),
        Column("ms", lambda r: r["median_s"]["ours"], milliseconds),
        Column("ms enzyme", lambda r: r["median_s"]["enzyme"], milliseconds),
        Column("ours/enzyme", lambda r: r["time_ratio"], interval),
        Column("its difference", lambda r: r["difference"], digits),
    ],
    notes=["enzyme is a call within XLA's program, which XLA does not look into"],
    contests=contests,
)

if __name__ == "__main__":
    main(*sys.argv[1:])
