"""Gradients lowered for a TPU, from any machine: operations alone, nothing is run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax

from benchmarks.harness.contests import Contest
from benchmarks.harness.peers import Peer, failures_of
from benchmarks.harness.tables import Column, Row, count, times
from benchmarks.programs import Program, models
from benchmarks.suites.suite import Suite
from irad.instruments import counts

PLATFORM = "tpu"


def row(program: Program, peer: Peer) -> Row:
    """Both programs for a TPU; other suites hold the values of the same gradients."""
    with failures_of(peer):
        ours = _operations(peer.grad, program)
    return {"ours": ours, "jax": _operations(jax.grad, program)}


def _operations(grad: Callable[..., Any], program: Program) -> int:
    traced = jax.jit(grad(program.make(), program.argnums)).trace(*program.arguments())
    lowered = traced.lower(lowering_platforms=(PLATFORM,))
    return counts.stablehlo_operations(lowered.compiler_ir("stablehlo"))


def contests(row: Row) -> list[Contest]:
    return [Contest("jax.grad", counts={"operations": (row["ours"], row["jax"])})]


SUITE = Suite(
    name="lowering",
    title="Gradients lowered for a TPU: StableHLO operations",
    programs=models,
    row=row,
    columns=[
        Column("program", lambda r: r["program"]),
        Column("jax", lambda r: r["jax"], count),
        Column("ours", lambda r: r["ours"], count),
        Column("ours/jax", lambda r: r["ours"] / r["jax"], times),
    ],
    notes=["lowered only: there is no TPU, nothing is compiled, run or timed"],
    contests=contests,
)
