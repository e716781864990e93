"""The compiled gradient beside `jax.grad`'s: work, instructions, memory, time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import jax
import numpy as np

from benchmarks.harness.contests import Contest, counted
from benchmarks.harness.differences import central, differentiated
from benchmarks.harness.peers import Peer, failures_of
from benchmarks.harness.tables import (
    Column,
    Row,
    count,
    digits,
    interval,
    milliseconds,
    quantity,
    times,
)
from benchmarks.programs import Program, models
from benchmarks.suites.suite import Suite
from irad.instruments import counts, hlo
from irad.instruments.agreement import agree
from irad.instruments.executable import Compiled, compiled
from irad.instruments.timing import Rounds, Times, call, interleaved, ratio

ROUNDS = Rounds(least=20, most=20)
# Central differences in more entries are no way to a gradient.
ENTRIES = 500
FLOPS = 1.02
TIME = 1.05
# Where a better rule is known, the gradient is that much faster.
TARGETS = {"CNN, max-pool": 0.5}


def row(program: Program, peer: Peer) -> Row:
    arguments = program.arguments()
    reference = compiled(jax.grad(program.make(), program.argnums), arguments)
    with failures_of(peer):
        gradient = compiled(peer.grad(program.make(), program.argnums), arguments)
        result = gradient.run(*arguments)
    difference = agree(result, reference.run(*arguments), tolerance=program.tolerance)
    primal = jax.make_jaxpr(program.make())(*arguments)
    return {
        "equations": counts.equations(primal.jaxpr),
        "difference": difference,
        **beside(gradient, reference, arguments, _numerical(program, arguments)),
    }


def beside(
    ours: Compiled,
    theirs: Compiled,
    arguments: Sequence[Any],
    numerical: Compiled | None = None,
) -> Row:
    """Programs for the same values, counted, and timed in turns."""
    sides = {"ours": call(ours.run, *arguments), "jax": call(theirs.run, *arguments)}
    if numerical:
        sides["numerical"] = call(numerical.run, *arguments)
    digests = hlo.digest(ours.module), hlo.digest(theirs.module)
    return {
        "ours": ours.row(),
        "jax": theirs.row(),
        "flops_ratio": _over(ours.work.flops, theirs.work.flops),
        "same_program": digests[0] is not None and digests[0] == digests[1],
        "numerical": _beside(numerical, theirs, arguments),
        **_figures(interleaved(sides, rounds=ROUNDS)),
    }


def _numerical(program: Program, arguments: tuple[Any, ...]) -> Compiled | None:
    """Central differences, where there are few entries to differ in."""
    inputs = jax.tree.leaves(differentiated(program.argnums, arguments))
    if sum(np.size(x) for x in inputs) > ENTRIES:
        return None
    return compiled(central(program.make(), program.argnums), arguments)


def _beside(
    numerical: Compiled | None, reference: Compiled, arguments: Sequence[Any]
) -> Row | None:
    """What they cost, and how far they are off: they are never right to all digits."""
    if numerical is None:
        return None
    found, wanted = numerical.run(*arguments), reference.run(*arguments)
    return {**numerical.row(), "error": agree(found, wanted, tolerance=float("inf"))}


def _figures(timed: dict[str, Times]) -> Row:
    return {
        "median_s": {name: side.median for name, side in timed.items()},
        "spread": {name: side.spread for name, side in timed.items()},
        "samples_s": {name: side.samples for name, side in timed.items()},
        "time_ratio": asdict(ratio(timed["ours"], timed["jax"])),
        "numerical_ratio": asdict(ratio(timed["ours"], timed["numerical"]))
        if "numerical" in timed
        else None,
    }


def missed(row: Row) -> list[str]:
    """Which targets a row does not reach."""
    flops = row["flops_ratio"]
    wanted = TARGETS.get(row["program"], TIME)
    if row["same_program"]:
        is_fast = wanted >= 1.0
    else:
        is_fast = row["time_ratio"]["low"] <= wanted
    reached = {f"flops {FLOPS}": flops <= FLOPS, f"time {wanted}": is_fast}
    return [name for name, is_reached in reached.items() if not is_reached]


def contests(row: Row) -> list[Contest]:
    time = None if row["same_program"] else row["time_ratio"]
    found = [Contest("jax.grad", time, counted(row["ours"], row["jax"]))]
    if numerical := row["numerical"]:
        counts = counted(row["ours"], numerical)
        found.append(Contest("central differences", row["numerical_ratio"], counts))
    return found


def _over(ours: int, theirs: int) -> float:
    if theirs:
        return ours / theirs
    return 1.0 if not ours else float("inf")


def _time(row: Row) -> str:
    if row["same_program"]:
        return "1.00 same HLO"
    found = row["time_ratio"]
    return f"{found['median']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"


def _flops(row: Row) -> str:
    unknown = row["ours"]["uncounted"] or row["jax"]["uncounted"]
    return times(row["flops_ratio"]) + ("?" if unknown else "")


BESIDE = (
    Column("flops jax", lambda r: r["jax"]["flops"], quantity),
    Column("flops", _flops),
    Column("bytes", lambda r: _over(r["ours"]["bytes"], r["jax"]["bytes"]), times),
    Column("HLO jax", lambda r: r["jax"]["hlo_instructions"], count),
    Column("HLO", lambda r: r["ours"]["hlo_instructions"], count),
    Column("temp jax", lambda r: r["jax"]["temp_bytes"], quantity),
    Column("temp", lambda r: r["ours"]["temp_bytes"], quantity),
    Column("ms jax", lambda r: r["median_s"]["jax"], milliseconds),
    Column("ms", lambda r: r["median_s"]["ours"], milliseconds),
    Column("time", _time),
)
"""The figures of ours beside JAX's."""

SUITE = Suite(
    name="gradients",
    title="Compiled gradients: ours over jax.grad's, of 20 interleaved pairs",
    programs=models,
    row=row,
    columns=[
        Column("program", lambda r: r["program"]),
        *BESIDE,
        Column("numerical", lambda r: r["numerical_ratio"], interval),
        Column("its error", lambda r: (r["numerical"] or {}).get("error"), digits),
        Column("missed", lambda r: ", ".join(missed(r)) or "none"),
    ],
    notes=[
        "flops, bytes: ours over jax's, loop bodies times their trip count",
        "time: median of the paired ratios and its 95% interval",
        f"numerical: our time over central differences', in up to {ENTRIES} entries;",
        "  its error: beside jax.grad, of the largest entry of an array",
    ],
    contests=contests,
)
