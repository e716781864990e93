"""A plan: the ways to a Jacobian, what each would cost, and which one is taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from irad.cost import Cost
from irad.errors import PlanError
from irad.planning.chains import Tree, describe
from irad.tables import aligned, duration, quantity

FAVOUR = 1.1
"""A way must be so many times faster than a plain one to be preferred to it."""

AS_FAST = 1.05
"""Two times that are nearer to each other are said to be the same."""

PLAIN = ("forward", "reverse")
ORDERS = ("markowitz", "elimination")


@dataclass(frozen=True)
class Recipe:
    """What has to be known to follow a plan.

    ``way`` is a row's name. ``places`` and ``tree`` belong to chains: the cuts, as
    counts of active equations before them, and what is done between them; ``vertices``
    to elimination: the order; ``chunk`` is how many seeds go in one batch.
    """

    way: str
    places: tuple[int, ...] = ()
    tree: Tree | None = None
    vertices: tuple[int, ...] | None = None
    chunk: int | None = None


@dataclass(frozen=True)
class Candidate:
    """One way to the Jacobian; without a cost it is not open, ``note`` says why."""

    recipe: Recipe
    cost: Cost | None
    seconds: float | None
    note: str

    @property
    def way(self) -> str:
        """The name of the row."""
        return self.recipe.way


@dataclass(frozen=True, eq=False)
class Plan:
    """How a Jacobian is computed, and why so.

    Printed, it is a table of the candidates: predicted flops, bytes moved, bytes held
    at once and time on ``backend``. It can be passed back as ``plan=`` for the same
    program on inputs of the same types, which then is not planned again. Where
    elimination was priced, ``vertices`` says what each number in an order stands for.
    """

    title: str
    candidates: tuple[Candidate, ...]
    chosen: int
    reason: str
    backend: str
    key: Any = field(repr=False)
    vertices: tuple[str, ...] = ()

    @property
    def recipe(self) -> Recipe:
        """What is done."""
        return self.candidates[self.chosen].recipe

    @property
    def order(self) -> str:
        """The way that is taken."""
        return self.recipe.way

    @property
    def cost(self) -> Cost:
        """The predicted cost of it."""
        cost = self.candidates[self.chosen].cost
        assert cost is not None
        return cost

    def choosing(self, row: int) -> Plan:
        """The same plan with another of its candidates chosen, by its row."""
        if self.candidates[row].cost is None:
            note = self.candidates[row].note
            raise PlanError(f"{self.candidates[row].way} is not open: {note}")
        return replace(self, chosen=row, reason="chosen by the user.")

    def to_dict(self) -> dict[str, Any]:
        """All figures, as numbers and strings."""
        rows = []
        for i, c in enumerate(self.candidates):
            figures = None if c.cost is None else asdict(c.cost)
            if figures is not None:
                figures["uncounted"] = sorted(figures["uncounted"])
            rows.append(
                {
                    "way": c.way,
                    "chosen": i == self.chosen,
                    "cost": figures,
                    "seconds": c.seconds,
                    "note": c.note,
                }
            )
        return {
            "program": self.title,
            "backend": self.backend,
            "order": self.order,
            "reason": self.reason,
            "candidates": rows,
        }

    def __str__(self) -> str:
        """The table."""
        header: tuple[str, ...] = ("", "way", "flops", "moved", "held", "time", "note")
        rows: list[tuple[str, ...]] = [header]
        for i, c in enumerate(self.candidates):
            mark = "->" if i == self.chosen else ""
            if c.cost is None or c.seconds is None:
                rows.append((mark, c.way, "-", "-", "-", "-", c.note))
                continue
            rows.append(
                (
                    mark,
                    c.way,
                    quantity(c.cost.flops, ""),
                    quantity(c.cost.bytes, "B"),
                    quantity(c.cost.peak_bytes, "B"),
                    duration(c.seconds),
                    c.note,
                )
            )
        lines = aligned(rows, to_the_right=range(2, 6))
        return "\n".join([self.title, *lines, self.reason])


def tree_note(tree: Tree, widths: tuple[int, ...]) -> str:
    """A chain in words: the cuts' widths, and what is done between them."""
    return f"{' > '.join(map(str, widths))}: {describe(tree)}"


def reason(first: Candidate, others: Sequence[Candidate]) -> str:
    """Why a candidate was taken: against the better plain way, or the next best."""
    plain = [c for c in others if c.way in PLAIN]
    second = min(plain or others, key=_time)
    if first.way in PLAIN and not plain:
        best = _time(second)
        if best < _time(first):
            return (
                f"{first.way}: plain, and {second.way} is not {FAVOUR} times faster by "
                "prediction."
            )
    flops = [1 if c.cost is None else max(c.cost.flops, 1) for c in (first, second)]
    ratio = _time(second) / max(_time(first), 1e-12)
    if ratio < 1 / AS_FAST:
        return f"{first.way}: the best of those that give what was asked for."
    faster = f"{ratio:.3g} times faster than" if ratio > AS_FAST else "as fast as"
    return (
        f"{first.way}: {faster} {second.way} by prediction, with "
        f"{quantity(flops[0], '')} flops instead of {quantity(flops[1], '')}."
    )


def _time(candidate: Candidate) -> float:
    assert candidate.seconds is not None
    return candidate.seconds
