"""What small programs cost in operations and memory, held against recorded counts.

Nothing is run or timed: each derivative of ours is compiled and counted. The counts are
the same on every machine under the same versions of JAX.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

import irad
from benchmarks.programs import (
    Derivative,
    Program,
    hessians,
    jacobians,
    kept_by_gradients,
    models,
)
from irad.instruments.executable import compiled

Counts: TypeAlias = dict[str, int]

RECORDED = Path(__file__).parent / "recorded.json"
# How far a count may move, relative to the recorded one; nothing where it is reported.
ALLOWED: dict[str, float | None] = {
    "equations": 0.0,
    "flops": 0.02,
    "bytes": 0.02,
    "temporaries": None,
}
AGAIN = "if that is intended: make bench-record, and commit benchmarks/recorded.json"


@dataclass(frozen=True)
class Change:
    """A count of one program that is not what was recorded."""

    program: str
    count: str
    recorded: int
    found: int

    @property
    def is_failure(self) -> bool:
        """Whether it moved further than it may, up or down."""
        allowed = ALLOWED[self.count]
        if allowed is None:
            return False
        return abs(self.found - self.recorded) > allowed * self.recorded

    def __str__(self) -> str:
        by = ""
        if self.recorded:
            by = f" ({100 * (self.found / self.recorded - 1):+.1f}%)"
        return f"{self.program}: {self.count} {self.recorded:,} -> {self.found:,}{by}"


def tasks() -> Iterator[tuple[str, Callable[[], Any], Program]]:
    """A name, what makes the derivative anew, and the program: all of small size."""
    gradients = {p.name: p for p in [*models("small"), *kept_by_gradients("small")]}
    for program in gradients.values():
        yield f"gradient: {program.name}", _gradient(program), program
    for program in jacobians("small"):
        yield f"jacobian: {program.name}", _whole(irad.jacobian, program), program
    for program in hessians("small"):
        yield f"hessian: {program.name}", _whole(irad.hessian, program), program


def counted(progress: Callable[[str], None]) -> dict[str, Counts]:
    """The counts of every task."""
    found: dict[str, Counts] = {}
    for name, make, program in tasks():
        progress(name)
        side = compiled(make(), program.arguments())
        found[name] = {
            "equations": side.equations,
            "flops": side.work.flops,
            "bytes": side.work.bytes,
            "temporaries": side.temp_bytes,
        }
    return found


def changes(
    recorded: Mapping[str, Counts], found: Mapping[str, Counts]
) -> list[Change]:
    """All counts that moved, of the programs in both."""
    return [
        Change(name, count, before, found[name][count])
        for name, counts in recorded.items()
        if name in found
        for count, before in counts.items()
        if found[name][count] != before
    ]


def check(arguments: Sequence[str]) -> int:
    """Holds the counts against the recorded ones: 1 when one moved too far."""
    path = _options("check", check, arguments)
    kept = json.loads(path.read_text())
    if kept["versions"] != versions():
        print(
            f"recorded under {kept['versions']}, and this is {versions()}, whose "
            f"programs may be others; {AGAIN}",
            file=sys.stderr,
        )
        return 1
    return report(kept["counts"], counted(_progress))


def report(recorded: Mapping[str, Counts], found: Mapping[str, Counts]) -> int:
    """Says what moved and which programs came or went; 1 when that is a failure."""
    moved = changes(recorded, found)
    failures = [f"{change}" for change in moved if change.is_failure]
    failures += [f"{name}: not recorded" for name in found.keys() - recorded.keys()]
    failures += [f"{name}: is no more" for name in recorded.keys() - found.keys()]
    for change in moved:
        if not change.is_failure:
            print(f"within bounds: {change}")
    for failure in failures:
        print(f"CHANGED: {failure}", file=sys.stderr)
    if failures:
        print(AGAIN, file=sys.stderr)
        return 1
    print(f"{len(found)} programs cost what was recorded")
    return 0


def record(arguments: Sequence[str]) -> int:
    """Records the counts anew."""
    path = _options("recount", record, arguments)
    lines = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(counts)}"
        for name, counts in counted(_progress).items()
    )
    head = json.dumps(versions())
    path.write_text(f'{{"versions": {head},\n"counts": {{\n{lines}\n}}}}\n')
    return 0


def versions() -> dict[str, str]:
    """What the counts depend on beside irad."""
    return {name: version(name) for name in ("jax", "jaxlib")}


def _gradient(program: Program) -> Callable[[], Any]:
    return lambda: irad.value_and_grad(program.make(), program.argnums)


def _whole(transform: Callable[..., Any], program: Derivative) -> Callable[[], Any]:
    """In the format that is worth most: entries where the derivative is sparse."""
    form = "bcoo" if program.pattern else "dense"
    return lambda: transform(program.make(), format=form)


def _options(word: str, action: Callable[..., int], arguments: Sequence[str]) -> Path:
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks {word}", description=action.__doc__
    )
    parser.add_argument("--file", type=Path, default=RECORDED, help="recorded counts")
    return parser.parse_args(arguments).file


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
