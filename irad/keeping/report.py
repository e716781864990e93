"""The account of a gradient as users see it: a table, numbers, a plot."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from irad._compat import scientific
from irad.cost import Cost
from irad.keeping.lifetimes import Lifetimes, Programs, lifetimes_of
from irad.keeping.values import Value
from irad.tables import aligned, quantity

WIDTH, HEIGHT = 64, 16
SHADES = " ░▒▓█"
# Of each decision the largest values are printed, so many rows of them.
SHOWN = {"kept": ("kept", 12), "again": ("computed again", 12), "there": ("there", 4)}


@dataclass(frozen=True, eq=False)
class Residuals:
    """What a gradient keeps and what it computes again, and why.

    Printed, it is a table with the largest of ``values``. ``cost`` is what the gradient
    program is predicted to cost, ``xla_bytes`` what XLA reports to need for temporaries
    once it is compiled.
    """

    title: str
    values: tuple[Value, ...]
    cost: Cost
    xla_bytes: int
    programs: Programs = field(repr=False)

    @property
    def peak_bytes(self) -> int:
        """What is predicted to be held at once beside the inputs, results included."""
        return self.cost.peak_bytes

    @property
    def kept_bytes(self) -> int:
        """Bytes of what is kept from the forward program to the gradient's."""
        return sum(
            v.bytes for v in self.values if v.decision == "kept" and not v.in_segment
        )

    @cached_property
    def lifetimes(self) -> Lifetimes:
        """When the program's values are in memory, by the emitted gradient."""
        return lifetimes_of(self.programs)

    def to_dict(self) -> dict[str, Any]:
        """All figures, as numbers and strings."""
        return {
            "program": self.title,
            "kept_bytes": self.kept_bytes,
            "peak_bytes": self.peak_bytes,
            "flops": self.cost.flops,
            "xla_bytes": self.xla_bytes,
            "values": [asdict(v) for v in self.values],
        }

    def plot(self, ax: Any = None) -> Any:
        """Draws what is in memory when with matplotlib, on given axes or new ones.

        A row is a value of the program or one that the gradient reads, in the order in
        which they are first computed; the steps of the gradient program go from left to
        right, and a cell is filled while the value is live. What loops stack counts by
        rows.

        Returns:
            The axes.

        Raises:
            ImportError: matplotlib is not installed.
            PlanError: the program takes too many steps to be drawn, or nobody knows how
                many.
        """
        ax = scientific.pyplot().gca() if ax is None else ax
        live = self.lifetimes.live()
        ax.imshow(live, aspect="auto", interpolation="nearest", cmap="Blues", vmin=0)
        ax.set_title(self._caption())
        ax.set_xlabel("steps of the gradient program")
        ax.set_ylabel("values, as they are computed")
        return ax

    def picture(self) -> str:
        """The plot in a terminal: cells shaded by how much of them is live."""
        live = self.lifetimes.live()
        rows = np.array_split(live, min(HEIGHT, len(live)) or 1)
        lines = [self._caption()]
        for row in rows:
            cells = np.array_split(row, min(WIDTH, live.shape[1]) or 1, axis=1)
            parts = [cell.mean() for cell in cells if cell.size]
            shades = np.ceil(np.multiply(parts, len(SHADES) - 1)).astype(int)
            lines.append("".join(SHADES[s] for s in shades).rstrip())
        return "\n".join(lines)

    def __str__(self) -> str:
        """The table."""
        rows = [("", "bytes", "value", "steps", "source", "why")]
        for decision, (title, most) in SHOWN.items():
            chosen = [v for v in self.values if v.decision == decision]
            rows += _rows(title, _grouped(chosen), most)
        lines = aligned(rows, to_the_right=(1, 3))
        return "\n".join([self.title, *lines, self.summary])

    def _caption(self) -> str:
        found = self.lifetimes
        times = f"{found.runs:.3g} times on average"
        return (
            f"{found.most} of {len(found.rows)} values in memory at most, computed "
            + ("once" if found.runs == 1.0 else times)
        )

    @property
    def summary(self) -> str:
        """What is held, and whether XLA holds more."""
        kept, peak, actual = (
            quantity(x, "B") for x in (self.kept_bytes, self.peak_bytes, self.xla_bytes)
        )
        lines = [
            f"{kept} are kept. Held at once: {peak} by prediction, results included; "
            f"{actual} of temporaries by XLA."
        ]
        if self.xla_bytes > self.peak_bytes:
            times = self.xla_bytes / max(1, self.peak_bytes)
            lines.append(
                f"XLA breaks the promise: it takes {times:.3g} times what is predicted."
            )
        return "\n".join(lines)


def _grouped(values: Sequence[Value]) -> list[tuple[Value, int]]:
    """Values that only differ in their place, as one, and how many; largest first."""
    counts = Counter(values)
    made = [(replace(v, bytes=n * v.bytes), n) for v, n in counts.items()]
    return sorted(made, key=lambda pair: -pair[0].bytes)


def _rows(
    title: str, groups: Sequence[tuple[Value, int]], most: int
) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for i, (v, n) in enumerate(groups[:most]):
        times = f"{n} x " if n > 1 else ""
        rows.append(
            (
                title if i == 0 else "",
                quantity(v.bytes, "B"),
                f"{times}{v.name} {v.type}",
                "?" if v.steps is None else str(v.steps),
                v.source.rpartition("/")[2],
                v.reason,
            )
        )
    rest = groups[most:]
    if rest:
        size = quantity(sum(v.bytes for v, _ in rest), "B")
        rows.append(("", size, f"{sum(n for _, n in rest)} more", "", "", ""))
    return rows
