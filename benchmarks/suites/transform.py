"""What it costs to make a gradient: CPU time from a function to the derivative's IR.

Every sample traces a function object that did not exist before. ``cold`` forgets
what the peer has learned about primitives before each sample; ``warm`` follows at
once. JAX's own caches of the bodies of its functions are warm for every side.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

import jax

from benchmarks.harness.contests import Contest, inverse
from benchmarks.harness.peers import Peer, failures_of
from benchmarks.harness.tables import (
    Column,
    Row,
    count,
    digits,
    interval,
    milliseconds,
)
from benchmarks.programs import Program, Size, equation_chains, models
from benchmarks.suites.suite import Suite
from irad.instruments import counts
from irad.instruments.agreement import agree
from irad.instruments.timing import Rounds, Side, Times, interleaved, ratio

ROUNDS = Rounds(least=5, most=20, seconds=4.0)
# A longer program takes XLA minutes to compile, so its values go unchecked here; the
# shorter one of its family stands for it.
CHECKED = 2000
PER_EQUATION = 10e-6
# How many times faster than `jax.grad`: warm, cold.
TARGETS: dict[str, tuple[float, float]] = {
    "chain lax": (10.0, 0.0),
    "chain jnp": (3.0, 0.0),
    "MLP jnp": (4.0, 0.0),
    "transformer": (4.0, 2.0),
    "LSTM": (4.0, 0.0),
}


def programs(size: Size) -> Sequence[Program]:
    chosen = [p for p in models(size) if "unrolled" in p.name or p.name == "LSTM"]
    return [*equation_chains(size), *chosen]


def row(program: Program, peer: Peer) -> Row:
    arguments = program.arguments()

    def trace(make: Callable[..., Any]) -> Any:
        return jax.make_jaxpr(make)(*arguments)

    primal = trace(program.make())
    reference = trace(jax.grad(program.make(), program.argnums))
    with failures_of(peer):
        gradient = trace(peer.grad(program.make(), program.argnums))
    equations = counts.equations(primal.jaxpr)
    checked = equations <= CHECKED and _difference(program, peer, arguments)
    times = interleaved(
        {
            "trace": Side(trace, _fresh(program.make)),
            "jax": _derivative(program, jax.grad, trace, lambda: None),
            "cold": _derivative(program, peer.grad, trace, peer.clear_caches),
            "warm": _derivative(program, peer.grad, trace, lambda: None),
        },
        clock=time.process_time,
        rounds=ROUNDS,
    )
    return {
        "equations": equations,
        "gradient_equations": counts.equations(gradient.jaxpr),
        "jax_gradient_equations": counts.equations(reference.jaxpr),
        "difference": checked if equations <= CHECKED else None,
        **_figures(program, equations, times),
    }


def _figures(program: Program, equations: int, times: dict[str, Times]) -> Row:
    """Medians, ratios, and whether they reach the targets."""
    warm, cold = (ratio(times["jax"], times[side]) for side in ("warm", "cold"))
    trace = times["trace"].median
    beyond = {
        side: (times[side].median - trace) / equations for side in ("jax", "warm")
    }
    families = (name for name in TARGETS if program.name.startswith(name))
    wanted = TARGETS.get(next(families, ""), (0.0, 0.0))
    missed = [
        what
        for what, reached in {
            f"warm {wanted[0]:g}x": warm.median >= wanted[0],
            f"cold {wanted[1]:g}x": cold.median >= wanted[1],
            "10 us": beyond["warm"] <= PER_EQUATION,
        }.items()
        if not reached
    ]
    return {
        "median_s": {name: side.median for name, side in times.items()},
        "spread": {name: side.spread for name, side in times.items()},
        "samples_s": {name: side.samples for name, side in times.items()},
        "warm": asdict(warm),
        "cold": asdict(cold),
        "beyond_trace_s": beyond,
        "missed": missed,
    }


def _derivative(
    program: Program,
    grad: Callable[..., Any],
    trace: Callable[..., Any],
    forget: Callable[[], None],
) -> Side:
    """The side that makes a new function, and is timed to trace its derivative."""

    def prepare() -> Callable[..., Any]:
        forget()
        gc.collect()
        return program.make()

    return Side(lambda fun: trace(grad(fun, program.argnums)), prepare)


def _fresh(make: Callable[[], object]) -> Callable[[], object]:
    def prepare() -> object:
        gc.collect()
        return make()

    return prepare


def _difference(program: Program, peer: Peer, arguments: tuple[Any, ...]) -> float:
    """How far the values of both gradients lie apart."""
    reference = jax.jit(jax.grad(program.make(), program.argnums))(*arguments)
    with failures_of(peer):
        result = jax.jit(peer.grad(program.make(), program.argnums))(*arguments)
    return agree(result, reference, tolerance=program.tolerance)


def contests(row: Row) -> list[Contest]:
    """Both our sides, with caches and without, beside the one of JAX."""
    return [
        Contest(f"jax.grad, ours {side}", inverse(row[side]))
        for side in ("warm", "cold")
    ]


SUITE = Suite(
    name="transform",
    title="Making a gradient: CPU ms, make_jaxpr of grad, the trace of f included",
    programs=programs,
    row=row,
    columns=[
        Column("program", lambda r: r["program"]),
        Column("equations", lambda r: r["equations"], count),
        Column("trace f", lambda r: r["median_s"]["trace"], milliseconds),
        Column("jax.grad", lambda r: r["median_s"]["jax"], milliseconds),
        Column("cold", lambda r: r["median_s"]["cold"], milliseconds),
        Column("warm", lambda r: r["median_s"]["warm"], milliseconds),
        Column("jax/cold", lambda r: r["cold"], interval),
        Column("jax/warm", lambda r: r["warm"], interval),
        Column("us/eqn", lambda r: 1e6 * r["beyond_trace_s"]["warm"], digits),
        Column("us/eqn jax", lambda r: 1e6 * r["beyond_trace_s"]["jax"], digits),
        Column("missed", lambda r: ", ".join(r["missed"]) or "none"),
    ],
    notes=[
        "cold: caches of rules forgotten before each sample; warm: the sample after it",
        "us/eqn: microseconds an equation of f, beyond tracing f",
    ],
    contests=contests,
)
