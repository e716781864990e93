"""A suite: programs, what is measured of each, and how the rows are shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from benchmarks.harness.peers import Peer, PeerError
from benchmarks.harness.tables import Column, Row, Table, alone
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
    peer fails. ``summary`` says what holds for all rows that were measured.
    """

    name: str
    title: str
    programs: Callable[[Size], Sequence[P]]
    row: Callable[[P, Peer], Row]
    columns: Sequence[Column]
    notes: Sequence[str] = ()
    lines: Callable[[Row], Sequence[Row]] = alone
    summary: Callable[[Sequence[Row]], Sequence[str]] = lambda _: ()


@dataclass(frozen=True)
class Outcome:
    """The table of a suite, and the disagreements that took the place of rows."""

    suite: str
    table: Table
    errors: Sequence[str]


def measure(
    suite: Suite[P],
    programs: Sequence[P],
    peer: Peer,
    progress: Callable[[str], None],
) -> Outcome:
    """The rows of ``suite`` for ``programs``."""
    rows: list[Row] = []
    errors: list[str] = []
    for program in programs:
        progress(f"{suite.name}: {program.name}")
        named = {"program": program.name, "source": program.source}
        try:
            rows.append({**named, **suite.row(program, peer)})
        except PeerError as error:
            rows.append({**named, "failed": str(error)})
        except DisagreementError as error:
            errors.append(f"{suite.name}: {program.name}: {error}")
    measured = [row for row in rows if "failed" not in row]
    notes = [*suite.notes, *suite.summary(measured)]
    table = Table(suite.title, suite.columns, rows, notes, suite.lines)
    return Outcome(suite.name, table, errors)
