"""A suite: programs, what is measured of each, and how the rows are shown."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from benchmarks.harness.contests import Contest
from benchmarks.harness.peers import Peer, PeerError
from benchmarks.harness.tables import Column, Row, Table, alone, plain
from benchmarks.programs import Size
from irad.errors import DisagreementError


class Named(Protocol):
    """What a row is of: a program, or another task."""

    @property
    def name(self) -> str: ...

    @property
    def source(self) -> str: ...


P = TypeVar("P", bound=Named)


@dataclass(frozen=True)
class Suite(Generic[P]):
    """Programs, the measurement of one, and the columns that show it.

    ``row`` raises ``DisagreementError`` for wrong values and ``PeerError`` where the
    peer fails. ``contests`` are the sides of a row that ours is held against;
    ``summary`` says what holds for all rows that were measured; ``draw``, with
    matplotlib's pyplot, gives a figure in place of that of the contests' times. All
    but ``row`` work on rows as JSON gives them back.
    """

    name: str
    title: str
    programs: Callable[[Size], Sequence[P]]
    row: Callable[[P, Peer], Row]
    columns: Sequence[Column]
    notes: Sequence[str] = ()
    lines: Callable[[Row], Sequence[Row]] = alone
    summary: Callable[[Sequence[Row]], Sequence[str]] = lambda _: ()
    contests: Callable[[Row], Sequence[Contest]] = lambda _: ()
    draw: Callable[[Any, Sequence[Row]], Any] | None = None

    def table(self, rows: Sequence[Row]) -> Table:
        """Rows, measured now or recorded, as they are shown."""
        notes = [*self.notes, *self.summary(measured(rows))]
        return Table(self.title, self.columns, rows, notes, self.lines)


@dataclass(frozen=True)
class Outcome:
    """The table of a suite, and the disagreements that took the place of rows."""

    suite: str
    table: Table
    errors: Sequence[str]


def measured(rows: Sequence[Row]) -> list[Row]:
    """The rows of programs that the peer did not fail on."""
    return [row for row in rows if "failed" not in row]


def measure(
    suite: Suite[P],
    programs: Sequence[P],
    peer: Peer,
    progress: Callable[[str], None],
) -> Outcome:
    """The rows of ``suite`` for ``programs``, each shown as it comes."""
    rows: list[Row] = []
    errors: list[str] = []
    for program in programs:
        title = f"{suite.name}: {program.name}"
        progress(title)
        named = {"program": program.name, "source": program.source}
        try:
            row = _plain({**named, **suite.row(program, peer)})
        except PeerError as error:
            row = {**named, "failed": str(error)}
        except DisagreementError as error:
            errors.append(f"{title}: {error}")
            continue
        rows.append(row)
        progress(plain(Table(title, suite.columns, [row], lines=suite.lines)))
    return Outcome(suite.name, suite.table(rows), errors)


def _plain(row: Row) -> Row:
    """The row as it is read back from a file, so that both are shown alike."""
    return json.loads(json.dumps(row))
