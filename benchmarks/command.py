"""The command line: `python -m benchmarks [suite ...]`, or an action."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

from benchmarks import guard, pages, pictures, records
from benchmarks.harness.devices import DEVICES, AbsentError, use
from benchmarks.harness.environment import environment, load
from benchmarks.harness.peers import Subject, peer
from benchmarks.harness.tables import show
from benchmarks.programs import Size
from benchmarks.suites import SUITES, Suite
from benchmarks.suites.suite import Outcome, measure


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, or does what another first word says."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if given and given[0] in ACTIONS:
        return ACTIONS[given[0]](given[1:])
    return run(given)


def run(arguments: Sequence[str]) -> int:
    """Measures, prints, writes.

    The status is 1 when a side computed other values than JAX, and 2 when there is no
    such device.
    """
    options = _options(arguments)
    try:
        use(options.device)
    except AbsentError as error:
        print(error, file=sys.stderr)
        return 2
    header = {**environment(), "size": options.size, "subject": options.subject}
    _print_header(header)
    record: records.Record = {"environment": header, "suites": {}}
    errors: list[str] = []
    for suite in _suites(options.suites):
        programs = [p for p in suite.programs(options.size) if options.only in p.name]
        started = time.perf_counter(), time.process_time()
        outcome = measure(suite, programs, peer(options.subject), _progress)
        show(outcome.table)
        errors += outcome.errors
        record["suites"][suite.name] = {
            **_kept(outcome),
            "wall_s": time.perf_counter() - started[0],
            "cpu_s": time.process_time() - started[1],
        }
        record["load_at_the_end"] = load()
        _write(record, options)
    print(f"\nload at the end: {load()}")
    for error in errors:
        print(f"ERROR: {error}", file=sys.stderr)
    return 1 if errors else 0


def render(arguments: Sequence[str]) -> int:
    """Writes docs/benchmarks.md, and its pictures where matplotlib is installed."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks render", description=render.__doc__
    )
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        help="a recorded run; without, the newest of full size or else of small",
    )
    parser.add_argument("--page", type=Path, default=pages.PAGE, help="what is written")
    options = parser.parse_args(arguments)
    record = pages.read(options.file or records.newest())
    folder = options.page.with_suffix("")
    try:
        drawn = pictures.draw(record, folder)
    except ImportError as error:
        print(f"no pictures: {error}", file=sys.stderr)
        drawn = {}
    links = {name: f"{folder.name}/{file.name}" for name, file in drawn.items()}
    options.page.write_text(pages.page(record, links))
    print(f"{options.page}: {len(list(pages.losses(record)))} figures are lost")
    return 0


ACTIONS: dict[str, Callable[[Sequence[str]], int]] = {
    "render": render,
    "check": guard.check,
    "recount": guard.record,
}
"""Words that stand in place of suites, and what they do with the rest of the line."""


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=f"Measures suites; or one of: {', '.join(ACTIONS)} (see --help).",
    )
    named = ", ".join(SUITES)
    parser.add_argument(
        "suites", nargs="*", metavar="suite", help=f"any of {named}; all when none"
    )
    parser.add_argument(
        "--device",
        choices=DEVICES,
        default="cpu",
        help="where to run; for a tpu, programs are only lowered",
    )
    parser.add_argument(
        "--size", choices=get_args(Size), help="small, but on a gpu full"
    )
    parser.add_argument(
        "--subject",
        choices=get_args(Subject),
        default="irad",
        help="what is measured beside jax.grad; jax tries the instrument out",
    )
    parser.add_argument("--only", default="", help="programs whose name holds this")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    parser.add_argument("--plot", type=Path, help="a folder for pictures (matplotlib)")
    parser.add_argument(
        "--record",
        action="store_true",
        help="keep the run in benchmarks/results, for `render`; written suite by suite",
    )
    options = parser.parse_args(arguments)
    for name in options.suites:
        if name not in SUITES:
            parser.error(f"no suite {name!r}: there are {named}")
    chosen = DEVICES[options.device]
    options.suites = options.suites or chosen.suites
    options.size = options.size or chosen.size
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


def _kept(outcome: Outcome) -> dict[str, Any]:
    table = outcome.table
    return {"title": table.title, "rows": table.rows, "errors": outcome.errors}


def _write(record: records.Record, options: argparse.Namespace) -> None:
    """Writes what there is so far, so that a run that is cut short leaves its rows."""
    if options.json:
        options.json.write_text(json.dumps(record, indent=1) + "\n")
    if options.record:
        path = records.path_of(record["environment"])
        path.parent.mkdir(exist_ok=True)
        path.write_text(records.written(record))
    if options.plot:
        pictures.draw(record, options.plot)
