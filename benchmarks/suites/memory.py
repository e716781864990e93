"""Gradients of loops beside `jax.grad` and beside policies picked by hand.

Every side gives value and gradient. A policy of `jax.checkpoint` is put on the bodies
of the loops; the best of them is the fastest.
"""

from __future__ import annotations

import math
import resource
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from typing import Any

import jax

from benchmarks.harness.contests import Contest, counted, inverse
from benchmarks.harness.equinox_scans import with_checkpoints
from benchmarks.harness.peers import Library, Peer, PeerError, failures_of
from benchmarks.harness.policies import POLICIES, checkpointed, has_loop
from benchmarks.harness.tables import (
    Column,
    Row,
    count,
    interval,
    milliseconds,
    quantity,
    times,
)
from benchmarks.programs import Program, kept_by_gradients
from benchmarks.suites.suite import Suite
from irad.instruments import hlo
from irad.instruments.agreement import agree
from irad.instruments.executable import Compiled, compiled
from irad.instruments.timing import Rounds, Times, call, interleaved, ratio

EQUINOX = "equinox"
# A call that follows one that used and freed much memory is slower.
ROUNDS = Rounds(least=7, most=20, seconds=15.0, shuffled=True)
# The least that each program, and all with a loop in the mean, gain.
NEVER_SLOWER = 0.97
MEAN_TIME, MEAN_MEMORY, MEAN_BEST = 1.5, 4.0, 1.15
# How much more than the best policy a program may take.
MEMORY = 1.1


@dataclass(frozen=True, eq=False)
class Sides:
    """What is compiled of a program, and how far ours lies from JAX's gradient."""

    compiled: Mapping[str, Compiled]
    left_out: Mapping[str, str]
    difference: float


def row(
    program: Program, peer: Peer, *, clock: Callable[[], float] = time.process_time
) -> Row:
    arguments = program.arguments()
    made = _sides(program, peer)
    sides = made.compiled
    runs = {name: call(side.run, *arguments) for name, side in sides.items()}
    timed = interleaved(runs, rounds=ROUNDS, clock=clock)
    by_hand = [name for name in sides if name in POLICIES]
    return {
        "difference": made.difference,
        "sides": {
            name: _figures(side, timed[name], arguments) for name, side in sides.items()
        },
        "best": min(by_hand, key=lambda name: timed[name].median, default=None),
        "speed": _speeds(sides, timed),
        "left_out": made.left_out,
    }


# Both suites measure the same executables.
@lru_cache(maxsize=32)
def _sides(program: Program, peer: Peer) -> Sides:
    arguments = program.arguments()
    sides = {"jax": _made(jax.value_and_grad, program.make(), program)}
    left_out: dict[str, str] = {}
    reference = sides["jax"].run(*arguments)
    with failures_of(peer):
        sides["ours"] = _made(peer.value_and_grad, program.make(), program)
        ours = sides["ours"].run(*arguments)
    apart = agree(ours, reference, tolerance=program.tolerance)
    if has_loop(program.make(), arguments):
        for name, policy in POLICIES.items():
            fun = checkpointed(program.make(), policy)
            sides[name] = _made(jax.value_and_grad, fun, program)
            found = sides[name].run(*arguments)
            agree(found, reference, tolerance=program.tolerance)
        try:
            sides[EQUINOX] = _equinox(program, reference)
        except PeerError as error:
            left_out[EQUINOX] = str(error)
    return Sides(sides, left_out, apart)


def _equinox(program: Program, reference: Any) -> Compiled:
    """The side of another library, which is left out when it fails or is wrong."""
    with failures_of(Library(EQUINOX)):
        fun = with_checkpoints(program.make())
        made = _made(jax.value_and_grad, fun, program)
        found = made.run(*program.arguments())
        agree(found, reference, tolerance=program.tolerance)
    return made


def _speeds(sides: Mapping[str, Compiled], timed: Mapping[str, Times]) -> Row:
    """The time of each side over ours, and whether both are the same program."""
    digests = {name: hlo.digest(side.module) for name, side in sides.items()}
    return {
        name: {
            **asdict(ratio(timed[name], timed["ours"])),
            "same_program": digests[name] in {digests["ours"]} - {None},
        }
        for name in sides
    }


def _made(
    transform: Callable[..., Any], fun: Callable[..., Any], program: Program
) -> Compiled:
    return compiled(transform(fun, program.argnums), program.arguments())


def _figures(side: Compiled, times: Times, arguments: Sequence[Any]) -> Row:
    return {
        **side.row(),
        "faults": _faults(side, arguments),
        "median_s": times.median,
        "spread": times.spread,
        "samples_s": times.samples,
    }


def _faults(side: Compiled, arguments: Sequence[Any]) -> int:
    """Pages that one more call maps: none where the last call's memory is reused."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    jax.block_until_ready(side.run(*arguments))
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def missed(row: Row) -> list[str]:
    """Which targets a row does not reach, a slower time beyond its whole interval."""
    sides, best = row["sides"], row["best"]
    temp = {name: side["temp_bytes"] for name, side in sides.items()}
    reached = {
        f"time jax {NEVER_SLOWER}": _is_as_fast(row["speed"]["jax"]),
        "temp jax": temp["ours"] <= temp["jax"],
    }
    if best:
        reached |= {
            f"time best {NEVER_SLOWER}": _is_as_fast(row["speed"][best]),
            f"temp best {MEMORY}": temp["ours"] <= MEMORY * temp[best],
        }
    return [name for name, is_reached in reached.items() if not is_reached]


def _is_as_fast(speed: Row) -> bool:
    return speed["same_program"] or speed["high"] >= NEVER_SLOWER


def contests(row: Row) -> list[Contest]:
    """Ours beside `jax.grad` and each policy."""
    sides, speed = row["sides"], row["speed"]
    return [
        Contest(
            _called(name),
            None if speed[name]["same_program"] else inverse(speed[name]),
            counted(sides["ours"], side),
        )
        for name, side in sides.items()
        if name != "ours"
    ]


def _called(side: str) -> str:
    if side == "jax":
        return "jax.grad"
    return f"policy: {side}" if side in POLICIES else side


def summary(rows: Sequence[Row]) -> list[str]:
    """The geometric means over programs with a loop, and their targets."""
    looped = [row for row in rows if row.get("best")]
    if not looped:
        return []
    means = {
        "time jax/ours": (MEAN_TIME, [_speed(row, "jax") for row in looped]),
        "temp jax/ours": (MEAN_MEMORY, [_memory(row, "jax") for row in looped]),
        "time best/ours": (MEAN_BEST, [_speed(row, row["best"]) for row in looped]),
        "temp best/ours": (1 / MEMORY, [_memory(row, row["best"]) for row in looped]),
    }
    found = {name: (goal, _geomean(values)) for name, (goal, values) in means.items()}
    return [
        f"geomean of {len(looped)} loops, {name}: {mean:.2f}, wanted {goal:.2f}"
        + ("" if mean >= goal else ": missed")
        for name, (goal, mean) in found.items()
    ]


def _geomean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def _speed(row: Row, side: str) -> float:
    speed = row["speed"][side]
    return 1.0 if speed["same_program"] else speed["median"]


def _memory(row: Row, side: str) -> float:
    """A side's temporaries over ours; a page is as good as nothing."""
    theirs, ours = (max(4096, row["sides"][s]["temp_bytes"]) for s in (side, "ours"))
    return theirs / ours


def lines(row: Row) -> list[Row]:
    """One line for each side; the first says what is missed."""
    ours, best = row["sides"]["ours"], row["best"]
    cells = [row["program"], f"  best by hand: {best or 'none'}"]
    sides = [
        {
            **side,
            "program": cells[i] if i < len(cells) else "",
            "side": f"{name} *" if name == best else name,
            "speed": None if name == "ours" else row["speed"][name],
            "flops_ratio": side["flops"] / max(1, ours["flops"]),
            "memory_ratio": _memory(row, name),
            "missed": ", ".join(missed(row)) if name == "ours" else "",
        }
        for i, (name, side) in enumerate(row["sides"].items())
    ]
    absent = [
        {"program": "", "side": name, "missed": f"left out: {why}"}
        for name, why in row["left_out"].items()
    ]
    return [*sides, *absent]


def _value(key: str) -> Callable[[Row], Any]:
    return lambda line: line.get(key)


def _time(speed: Row) -> str:
    return "1.00 same HLO" if speed["same_program"] else interval(speed)


COLUMNS = [
    Column("program", _value("program")),
    Column("side", _value("side")),
    Column("temp", _value("temp_bytes"), quantity),
    Column("/ours", _value("memory_ratio"), times),
    Column("flops", _value("flops"), quantity),
    Column("/ours", _value("flops_ratio"), times),
    Column("faults", _value("faults"), count),
    Column("ms", _value("median_s"), milliseconds),
    Column("time/ours", _value("speed"), _time),
    Column("missed", _value("missed")),
]
NOTES = [
    "* the fastest policy of jax.checkpoint on the bodies of the loops",
    "equinox: its scan of kind 'checkpointed' in place of each loop",
    "time/ours: median of the paired ratios and its 95% interval",
    "faults: pages that a call maps. By itself glibc maps blocks of more than 32 MiB",
    "  anew in each call; where the environment sets MALLOC_MMAP_THRESHOLD_=4294967296",
    "  and MALLOC_TRIM_THRESHOLD_=8589934592, it keeps those that fit its heap",
]


def _suite(name: str, clock: Callable[[], float], time_of: str) -> Suite[Program]:
    return Suite(
        name=name,
        title=f"Memory and time of value and gradient, interleaved: {time_of}",
        programs=kept_by_gradients,
        row=partial(row, clock=clock),
        columns=COLUMNS,
        notes=NOTES,
        lines=lines,
        summary=summary,
        contests=contests,
    )


SUITE = _suite("memory", time.process_time, "CPU time of all threads")
WALL = _suite("memory-wall", time.perf_counter, "wall time")
