"""Rows of plain values, and how they are printed: by rich, or in columns of text."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A heading, the value it shows of a row, and how that is written."""

    title: str
    value: Callable[[Row], Any]
    written: Callable[[Any], str] = str


def median(side: str) -> Callable[[Row], float | None]:
    """A side's median time, where it took part."""
    return lambda row: row["median_s"].get(side)


def beside(side: str) -> Callable[[Row], Row | None]:
    """Our time over a side's, where it took part."""
    return lambda row: row["beside"].get(side)


def alone(row: Row) -> Sequence[Row]:
    """A row as the one line it is."""
    return (row,)


@dataclass(frozen=True)
class Table:
    """Rows under one title, with what a reader needs to know below.

    ``lines`` gives what is printed for a row: itself, or a line for each part of it.
    """

    title: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    notes: Sequence[str] = ()
    lines: Callable[[Row], Sequence[Row]] = alone

    def cells(self) -> list[list[str]]:
        """Text for each line; a peer that failed fills the row with how it did."""
        lines = (
            line
            for row in self.rows
            for line in ((row,) if "failed" in row else self.lines(row))
        )
        return [[_cell(column, line) for column in self.columns] for line in lines]


def show(table: Table) -> None:
    """Prints the table: by rich where it is installed and somebody looks."""
    if importlib.util.find_spec("rich") and sys.stdout.isatty():
        _show_rich(table)
    else:
        print(plain(table))
    for row in table.rows:
        if "failed" in row:
            print(f"  {row['program']}: failed: {row['failed']}")
    for note in table.notes:
        print(f"  {note}")


def plain(table: Table) -> str:
    """The table in columns of text: first to the left, numbers to the right."""
    lines = [[column.title for column in table.columns], *table.cells()]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = [
        "  ".join(
            cell.rjust(width) if i else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    ]
    rule = "-" * len(texts[0])
    return "\n".join(["", table.title, rule, texts[0], rule, *texts[1:]])


def milliseconds(seconds: float) -> str:
    """Three digits, in ms."""
    return digits(1e3 * seconds)


def microseconds(seconds: float) -> str:
    """Three digits, in microseconds."""
    return digits(1e6 * seconds)


def digits(value: float) -> str:
    """Three digits, without an exponent."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def count(value: int) -> str:
    """A whole number, its thousands set apart."""
    return f"{value:,}"


def quantity(value: float) -> str:
    """Three digits and a unit of a thousand, a million, ..."""
    for unit in ("", "k", "M", "G"):
        if abs(value) < 1000:
            return f"{digits(value)}{unit}"
        value /= 1000
    return f"{digits(value)}T"


def times(value: float) -> str:
    """A ratio to two decimals."""
    return f"{value:.2f}"


def interval(value: Row) -> str:
    """A median ratio and its 95% interval."""
    return f"{value['median']:.2f} [{value['low']:.2f}, {value['high']:.2f}]"


def _cell(column: Column, row: Row) -> str:
    if "failed" in row:
        first = column.title == "program"
        return row["program"] if first else "failed"
    value = column.value(row)
    return "-" if value is None else column.written(value)


def _show_rich(table: Table) -> None:
    rich = importlib.import_module("rich.table")
    console = importlib.import_module("rich.console").Console()
    grid = rich.Table(title=table.title, title_justify="left")
    for i, column in enumerate(table.columns):
        grid.add_column(column.title, justify="right" if i else "left")
    for line in table.cells():
        grid.add_row(*line)
    console.print(grid)
