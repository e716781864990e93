"""What is drawn of a suite: our time over that of each other side, by program."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness.axes import logarithmic
from benchmarks.harness.tables import Row
from benchmarks.records import Record
from benchmarks.suites import SUITES, Suite
from benchmarks.suites.suite import measured
from irad._compat import scientific

WIDTH, LINE, MARGIN = 8.0, 0.2, 1.4
"""Inches: of a picture, of a line in it, of its title and axis together."""
CAPTION = (
    "below 1 ours is faster; dot: median, line: its 95% interval,\n"
    "red where all of it is above 1"
)
SAME = {"svg.hashsalt": "irad", "svg.fonttype": "none"}
"""Settings under which the same figures give the same file."""


def draw(record: Record, folder: Path) -> dict[str, Path]:
    """Draws what there is to draw in files of ``folder``: one for each suite.

    Raises:
        ImportError: matplotlib is not installed.
    """
    plot = scientific.pyplot()
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Path] = {}
    for suite in (suite for group in SUITES.values() for suite in group):
        rows = measured(record["suites"].get(suite.name, {"rows": []})["rows"])
        if suite.name in files or not rows:
            continue
        figure = suite.draw(plot, rows) if suite.draw else _ratios(plot, suite, rows)
        if figure is None:
            continue
        files[suite.name] = folder / f"{_plain(suite.name)}.svg"
        with plot.rc_context(SAME):
            figure.savefig(files[suite.name], metadata={"Date": None})
        plot.close(figure)
    return files


def _ratios(plot: Any, suite: Suite[Any], rows: Sequence[Row]) -> Any:
    """Medians and intervals on a logarithmic axis; nothing where no clock ran."""
    timed = [
        (row["program"], contest, contest.time)
        for row in rows
        for contest in suite.contests(row)
        if contest.time
    ]
    if not timed:
        return None
    figure, axes = plot.subplots(figsize=(WIDTH, MARGIN + LINE * len(timed)))
    for place, (_, _, time) in enumerate(reversed(timed)):
        _interval(axes, place, time)
    labels = [f"{program} / {contest.beside}" for program, contest, _ in timed[::-1]]
    axes.set_yticks(range(len(timed)), labels, fontsize=7)
    axes.set_ylim(-0.7, len(timed) - 0.3)
    axes.axvline(1.0, color="black", linewidth=0.8)
    ends = [time[end] for *_, time in timed for end in ("low", "high")]
    logarithmic(axes, "x", min(0.5, *ends) / 1.1, max(2.0, *ends) * 1.1)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.set_xlabel(CAPTION, fontsize=8)
    axes.set_title(f"{suite.name}: our time over that of the side named", fontsize=9)
    figure.tight_layout()
    return figure


def _interval(axes: Any, place: int, time: Row) -> None:
    colour = "tab:red" if time["low"] > 1 else "tab:blue"
    axes.plot([time["low"], time["high"]], [place, place], color=colour)
    axes.plot([time["median"]], [place], "o", color=colour, markersize=3)


def _plain(name: str) -> str:
    return name.replace(":", "").replace(" ", "-")
