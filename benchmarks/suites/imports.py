"""What importing costs beyond JAX, and a first gradient: CPU time in new processes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence

import jax

from benchmarks.harness.peers import Peer, failures_of
from benchmarks.harness.tables import Column, Row, milliseconds
from benchmarks.programs import Program, Size
from benchmarks.suites.suite import Suite
from irad.instruments.timing import Times

PROCESSES = 15
TARGET = 50e-3
SCRIPT = """
import importlib, sys, time
import jax
started = time.process_time()
peer = importlib.import_module(sys.argv[1])
imported = time.process_time()
peer.grad(lambda x: x * x)(2.0)
print(imported - started, time.process_time() - imported)
"""


def _make():
    def square(x: jax.Array) -> jax.Array:
        return x * x

    return square


def programs(_: Size) -> Sequence[Program]:
    """The least program that there is."""
    return [Program(name="x * x", make=_make, arguments=lambda: (2.0,), source="here")]


def row(program: Program, peer: Peer) -> Row:
    """Seconds of both, after processes that only leave compiled bytecode behind."""
    del program
    with tempfile.TemporaryDirectory() as bytecode, failures_of(peer):
        for _ in range(2):
            _process(peer, bytecode)
        samples = [_process(peer, bytecode) for _ in range(PROCESSES)]
    imports, firsts = (Times(taken) for taken in zip(*samples, strict=True))
    return {
        "median_s": {"import": imports.median, "first": firsts.median},
        "spread": {"import": imports.spread, "first": firsts.spread},
        "samples_s": {"import": imports.samples, "first": firsts.samples},
    }


def _process(peer: Peer, bytecode: str) -> tuple[float, float]:
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT, peer.name],
        env={**kept, "PYTHONPYCACHEPREFIX": bytecode},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    imported, first = map(float, run.stdout.split())
    return imported, first


SUITE = Suite(
    name="import",
    title="Importing beyond JAX, and the first gradient: CPU ms",
    programs=programs,
    row=row,
    columns=[
        Column("program", lambda r: r["program"]),
        Column("import", lambda r: r["median_s"]["import"], milliseconds),
        Column("first grad", lambda r: r["median_s"]["first"], milliseconds),
        Column(
            "within",
            lambda r: "yes" if r["median_s"]["import"] <= TARGET else "no",
        ),
    ],
    notes=[f"within: {1e3 * TARGET:g} ms to import; medians of {PROCESSES} processes"],
)
