"""What one more call costs: under `jit`, on arrays, and the very first.

The programs are small, so that the call and not its arithmetic shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import jax

from benchmarks.harness.contests import Contest
from benchmarks.harness.peers import Peer, failures_of
from benchmarks.harness.tables import (
    Column,
    Row,
    count,
    interval,
    microseconds,
    milliseconds,
)
from benchmarks.programs import Program, Size, models
from benchmarks.suites.suite import Suite
from irad.instruments import counts
from irad.instruments.agreement import agree
from irad.instruments.timing import Rounds, Side, Times, call, interleaved, ratio

CHOSEN = ("MLP", "transformer, 8 layers unrolled", "LSTM", "GMM", "GP likelihood")
ROUNDS = Rounds(least=20, most=20)
# A loop compiles at each call of `jax.grad` on arrays, as at each first call.
SLOW = Rounds(least=5, most=20, seconds=4.0)
# A first call compiles all sides anew.
FIRST = Rounds(least=3, most=20, seconds=2.0)
PER_CALL = 100e-6
PER_EQUATION = 5e-6


def programs(_: Size) -> Sequence[Program]:
    """The same small programs at every size."""
    return [program for program in models("small") if program.name in CHOSEN]


def jitted(program: Program, peer: Peer) -> Row:
    """The second and later calls of ``jit(grad(f))``."""
    arguments = program.arguments()
    theirs = jax.jit(jax.grad(program.make(), program.argnums))
    reference = theirs(*arguments)
    with failures_of(peer):
        ours = jax.jit(peer.grad(program.make(), program.argnums))
        result = ours(*arguments)
    agree(result, reference, tolerance=program.tolerance)
    sides = {"ours": call(ours, *arguments), "jax": call(theirs, *arguments)}
    return _figures(interleaved(sides, rounds=ROUNDS))


def eager(program: Program, peer: Peer) -> Row:
    """The second and later calls of ``grad(f)`` on arrays, and what they are made of.

    Such a call traces ``f``, finds the compiled gradient and runs it; what remains is
    what finding it cost.
    """
    arguments = program.arguments()
    fun = program.make()
    theirs = jax.grad(fun, program.argnums)
    reference = theirs(*arguments)
    with failures_of(peer):
        ours = peer.grad(fun, program.argnums)
        compiled = jax.jit(peer.grad(fun, program.argnums))
        results = [ours(*arguments), compiled(*arguments)]
    for result in results:
        agree(result, reference, tolerance=program.tolerance)
    capture = _capture(program, arguments)
    equations = counts.equations(capture(fun).jaxpr)
    sides = {
        "ours": call(ours, *arguments),
        "jax": call(theirs, *arguments),
        "capture": Side(lambda _: capture(fun)),
        "run": call(compiled, *arguments),
    }
    timed = interleaved(sides, rounds=SLOW)
    total, capture_s, run = (timed[name].median for name in ("ours", "capture", "run"))
    return {
        "equations": equations,
        "remainder_s": total - capture_s - run,
        "allowed_s": equations * PER_EQUATION + PER_CALL,
        **_figures(timed),
    }


def first(program: Program, peer: Peer) -> Row:
    """The first call of ``grad(f)`` on arrays against that of ``jit(grad(f))``."""
    arguments = program.arguments()

    def forget() -> Callable[..., Any]:
        peer.clear_caches()
        return program.make()

    def ours(fun: Callable[..., Any]) -> Any:
        with failures_of(peer):
            return jax.block_until_ready(peer.grad(fun, program.argnums)(*arguments))

    def theirs(fun: Callable[..., Any]) -> Any:
        gradient = jax.jit(jax.grad(fun, program.argnums))
        return jax.block_until_ready(gradient(*arguments))

    agree(ours(forget()), theirs(program.make()), tolerance=program.tolerance)
    sides = {"ours": Side(ours, forget), "jax": Side(theirs, program.make)}
    return _figures(interleaved(sides, rounds=FIRST))


def _capture(
    program: Program, arguments: Sequence[Any]
) -> Callable[[Callable[..., Any]], Any]:
    """Traces a function afresh in its differentiated arguments, others as they are."""
    argnums = program.argnums
    active = (argnums,) if isinstance(argnums, int) else argnums

    def capture(fun: Callable[..., Any]) -> Any:
        def traced(*values: Any) -> Any:
            every = list(arguments)
            for i, value in zip(active, values, strict=True):
                every[i] = value
            return fun(*every)

        return jax.make_jaxpr(traced)(*(arguments[i] for i in active))

    return capture


def _figures(timed: dict[str, Times]) -> Row:
    return {
        "median_s": {name: side.median for name, side in timed.items()},
        "spread": {name: side.spread for name, side in timed.items()},
        "samples_s": {name: side.samples for name, side in timed.items()},
        "time_ratio": asdict(ratio(timed["ours"], timed["jax"])),
    }


def contests(row: Row) -> list[Contest]:
    return [Contest("jax.grad", row["time_ratio"])]


def _within(row: Row) -> str:
    return "yes" if row["remainder_s"] <= row["allowed_s"] else "no"


def _median(side: str) -> Callable[[Row], float]:
    return lambda row: row["median_s"][side]


NAME = Column("program", lambda r: r["program"])
RATIO = Column("ours/jax", lambda r: r["time_ratio"], interval)

JITTED = Suite(
    name="dispatch: jit",
    title="A later call of jit(grad(f)), microseconds",
    programs=programs,
    row=jitted,
    columns=[
        NAME,
        Column("jax", _median("jax"), microseconds),
        Column("ours", _median("ours"), microseconds),
        RATIO,
    ],
    contests=contests,
)
EAGER = Suite(
    name="dispatch: arrays",
    title="A later call of grad(f) on arrays, microseconds",
    programs=programs,
    row=eager,
    columns=[
        NAME,
        Column("equations", lambda r: r["equations"], count),
        Column("jax.grad", _median("jax"), microseconds),
        Column("ours", _median("ours"), microseconds),
        Column("trace f", _median("capture"), microseconds),
        Column("run", _median("run"), microseconds),
        Column("remainder", lambda r: r["remainder_s"], microseconds),
        Column("allowed", lambda r: r["allowed_s"], microseconds),
        Column("within", _within),
        RATIO,
    ],
    notes=[
        "trace f: make_jaxpr(f); run: a call of the compiled gradient, jit(grad(f))",
        "remainder: ours less both; allowed: 5 us an equation + 100 us",
    ],
    contests=contests,
)
FIRST_CALL = Suite(
    name="dispatch: first",
    title="The first call: grad(f) on arrays against jit(jax.grad(f)), ms",
    programs=programs,
    row=first,
    columns=[
        NAME,
        Column("jit(jax.grad)", _median("jax"), milliseconds),
        Column("ours", _median("ours"), milliseconds),
        RATIO,
    ],
    contests=contests,
)
SUITES = (JITTED, EAGER, FIRST_CALL)
