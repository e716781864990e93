"""A recorded run as the page docs/benchmarks.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness.tables import Row, Table
from benchmarks.reasons import reason
from benchmarks.records import Record
from benchmarks.suites import SUITES, Suite
from benchmarks.suites.suite import measured

PAGE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
HEAD = """# Benchmarks

Written by `python -m benchmarks render` from a recorded run (`python -m benchmarks
--record`); what is measured, and how, is in
[benchmarks/README.md](../benchmarks/README.md). Change neither figures nor words here:
the next rendering writes them anew.

*Ours* is irad. A time ratio is our time over the other side's, below 1 where ours is
faster, with its 95% interval in brackets; only a column that is headed *jax/...* is the
other way round. *Temp* is bytes of temporary memory as XLA reports them; k, M and G are
thousands, millions and billions.
"""
LOST = """## Where irad loses

Every figure of this run in which another side is better: time with its whole 95%
interval above 1, more operations, more temporary memory, more multiplications. Ratios
are ours over the other side's.
"""
ENVIRONMENT = "environment"
BUSY = (
    "**Others used this machine** (the load is above its cores): counts hold, times "
    "tell little, and their ratios no more than their intervals do."
)
SMALL = (
    "**A run of small size**: most calls cost what their dispatch does, and the "
    "targets that *missed* names are for the full size."
)


def page(record: Record, pictures: Mapping[str, str] | None = None) -> str:
    """The text; ``pictures`` has a path for each suite that is drawn."""
    parts = [HEAD, *_cautions(record), *_grid(_facts(record)), ""]
    for suite, rows, errors in _suites(record):
        parts += _section(suite, rows, errors, (pictures or {}).get(suite.name))
    return "\n".join([*parts, LOST, *_lost(record), ""])


def losses(record: Record) -> Iterator[tuple[str, ...]]:
    """Suite, program, other side, what is worse, the ratio and why."""
    for suite, rows, _ in _suites(record):
        for row in measured(rows):
            program = row["program"]
            for contest in suite.contests(row):
                for what, ratio in contest.lost().items():
                    why = reason(suite.name, program, contest.beside, what)
                    yield suite.name, program, contest.beside, what, ratio, why


def read(path: Path) -> Record:
    """A recorded run."""
    return json.loads(path.read_text())


def _suites(record: Record) -> Iterator[tuple[Suite[Any], list[Row], list[str]]]:
    """The recorded suites in their order, as long as there still is such a suite."""
    known = {suite.name: suite for group in SUITES.values() for suite in group}
    for name, suite in known.items():
        if name in record["suites"]:
            kept = record["suites"][name]
            yield suite, kept["rows"], kept["errors"]


def _cautions(record: Record) -> Iterator[str]:
    """What a reader has to know of this run before its figures."""
    environment = record[ENVIRONMENT]
    # A run by itself ends with a load of about as many as there are cores.
    loads = environment["load"][0], record["load_at_the_end"][0] / 2
    if max(loads) > environment["cores"]:
        yield from (BUSY, "")
    if environment["size"] == "small":
        yield from (SMALL, "")


def _facts(record: Record) -> Iterator[tuple[str, ...]]:
    yield "run", "value"
    for name, value in record[ENVIRONMENT].items():
        yield name, str(value)
    yield "load at the end", str(record["load_at_the_end"])


def _section(
    suite: Suite[Any], rows: Sequence[Row], errors: Sequence[str], picture: str | None
) -> list[str]:
    table = suite.table(rows)
    drawn = [f"![{suite.name}]({picture})", ""] if picture else []
    failed = [
        f"- {row['program']}: failed: {row['failed']}"
        for row in rows
        if "failed" in row
    ]
    wrong = [f"- **wrong values, no row**: {error}" for error in errors]
    # Notes are lines of text, some of which go on in the next one.
    notes = [f"- {note}" if not note.startswith("  ") else note for note in table.notes]
    below = [*wrong, *failed, *notes]
    return [
        f"## {suite.name}",
        "",
        table.title + ".",
        "",
        *drawn,
        *_grid(_cells(table)),
        "",
        *below,
        "",
    ]


def _cells(table: Table) -> Iterator[Sequence[str]]:
    yield [column.title for column in table.columns]
    yield from table.cells()


def _lost(record: Record) -> list[str]:
    found = list(losses(record))
    if not found:
        return ["Nowhere in this run."]
    head = ("suite", "program", "beside", "what", "ours / theirs", "why")
    return _grid([head, *found])


def _grid(rows: Iterable[Sequence[str]]) -> list[str]:
    """A table of Markdown; the first row is its head."""
    head, *body = (f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows)
    return [head, "|" + "---|" * (head.replace("\\|", "").count("|") - 1), *body]


def _cell(text: str) -> str:
    return text.strip().replace("|", "\\|")
