"""The command line: `python -m benchmarks [suite ...]`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from benchmarks.harness.environment import environment, load
from benchmarks.harness.peers import Subject, peer
from benchmarks.harness.tables import show
from benchmarks.programs import Size
from benchmarks.suites import SUITES, Suite
from benchmarks.suites.suite import Outcome, measure


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints, writes; 1 when a side computed other values than JAX."""
    options = _options(arguments)
    header = {**environment(), "size": options.size, "subject": options.subject}
    _print_header(header)
    outcomes: list[Outcome] = []
    for suite in _suites(options.suites):
        programs = [p for p in suite.programs(options.size) if options.only in p.name]
        outcomes.append(measure(suite, programs, peer(options.subject), _progress))
        show(outcomes[-1].table)
        if options.json:
            _write(options.json, header, outcomes)
    errors = [error for outcome in outcomes for error in outcome.errors]
    print(f"\nload at the end: {load()}")
    for error in errors:
        print(f"ERROR: {error}", file=sys.stderr)
    return 1 if errors else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    named = ", ".join(SUITES)
    parser.add_argument(
        "suites", nargs="*", metavar="suite", help=f"any of {named}; all when none"
    )
    parser.add_argument("--size", choices=get_args(Size), default="small")
    parser.add_argument(
        "--subject",
        choices=get_args(Subject),
        default="irad",
        help="what is measured beside jax.grad; jax tries the instrument out",
    )
    parser.add_argument("--only", default="", help="programs whose name holds this")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    options = parser.parse_args(arguments)
    for name in options.suites:
        if name not in SUITES:
            parser.error(f"no suite {name!r}: there are {named}")
    return options


def _suites(names: Sequence[str]) -> list[Suite[Any]]:
    """The suites of these names, each once."""
    found = {suite.name: suite for name in names or SUITES for suite in SUITES[name]}
    return list(found.values())


def _print_header(header: dict[str, object]) -> None:
    for name, value in header.items():
        print(f"{name:28} {value}")


def _progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _write(path: Path, header: dict[str, object], outcomes: Sequence[Outcome]) -> None:
    tables: dict[str, Any] = {
        outcome.suite: {
            "title": outcome.table.title,
            "rows": outcome.table.rows,
            "errors": outcome.errors,
        }
        for outcome in outcomes
    }
    kept = {"environment": header, "load_at_the_end": load(), "suites": tables}
    path.write_text(json.dumps(kept, indent=1) + "\n")
