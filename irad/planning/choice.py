"""The choice: every way to a Jacobian is priced, and the fastest is taken."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from irad.accumulate import ENGINE
from irad.cost import Cost, call_seconds, compile_seconds
from irad.ellpack import TooWideError
from irad.errors import PlanError
from irad.ordering import count
from irad.planning import chains, compressed, pricing
from irad.planning.elimination import Elimination, checked, in_order, searched
from irad.planning.plans import (
    ORDERS,
    PLAIN,
    Candidate,
    Plan,
    Recipe,
    quantity,
    reason,
    tree_note,
)
from irad.planning.preference import preferred
from irad.planning.program import Program, Section, cuts, size_of
from irad.planning.recipes import COMPRESSIONS, Made, make
from irad.planning.result import Structure
from irad_passes import dce

NARROW, EXACT = 8, 64
"""Where elements have so few entries, columns are not coloured too: the first number
in any case, the second if no equation was applied as a whole."""

FEW_EQUATIONS, FEW_ELEMENTS = 400, 64
"""Vertices are eliminated one by one in programs of so few equations, and inputs or
outputs of so few elements; larger ones take it on demand."""

HOPELESS = 1.1
"""Orders are not searched where structured ways take so many times a plain one."""

FEW_SEEDS, MANY_ENTRIES = 8, 1 << 24
"""Of so few seeds through arrays of so many entries none are saved: a pattern takes as
long to find as many of them to push."""

DEFAULT_LIMIT = 2 << 30
"""Without a limit, chunks are chosen so that two GiB are held at once."""

HUGE = 1 << 28
"""A Jacobian of so many elements, zeros included, is planned by columns if that is
exact."""


@dataclass(frozen=True)
class Options:
    """What a user asks of a plan.

    ``sparse`` says that no dense array is wanted, ``factored`` that products may be
    left as they are, ``symmetric`` that the matrix is a Hessian.
    """

    order: str | tuple[int, ...] = "auto"
    effort: str = "search"
    sparse: bool = False
    factored: bool = False
    symmetric: bool = False
    chunk_size: int | str | None = None
    memory_limit: int | None = None
    backend: str = "cpu"


def planned(program: Program, options: Options, key: Any) -> Plan:
    """Prices all ways that the options leave open, and chooses."""
    table = _Table(program, options)
    for name in _ways(options):
        table.add(name)
    chosen, reason = table.choose()
    title = (
        f"Jacobian of {program.rows} outputs by {program.columns} inputs, "
        f"{len(program.active_equations)} active equations"
    )
    rows = tuple(table.rows)
    return Plan(title, rows, chosen, reason, options.backend, key, table.labels)


GROUPS = {
    "forward": ("forward", "forward, structured", "forward, apart"),
    "reverse": ("reverse", "reverse, structured"),
    "chain": ("chain",),
    "compressed": ("compressed",),
    "markowitz": ("markowitz",),
    "elimination": ("elimination",),
}
SYMMETRIC = ("compressed, symmetric", "compressed, acyclic")


def _ways(options: Options) -> Sequence[str]:
    if options.order == "auto":
        left_out = "elimination" if options.effort == "estimate" else "markowitz"
        groups = (g for name, g in GROUPS.items() if name != left_out)
        return [name for group in groups for name in group]
    if isinstance(options.order, str):
        return GROUPS[options.order]
    return GROUPS["elimination"]


class _Table:
    """The rows of a plan as they are priced."""

    def __init__(self, program: Program, options: Options) -> None:
        self.program = program
        self.options = options
        self.rows: list[Candidate] = []
        self.labels: tuple[str, ...] = ()
        self._dtype = pricing.is_structured(program)
        self._narrow = program.columns + program.rows
        self._exact = self._has_narrow = False
        self._least = 0
        self._is_huge = program.columns * program.rows > HUGE

    def add(self, way: str) -> None:
        """Prices one way; what is not open has a row that says why."""
        if way in PLAIN:
            self._plain(way)
        elif isinstance(self._dtype, str):
            self._closed(way, self._dtype)
        elif isinstance(self.options.chunk_size, int):
            self._closed(way, "not computed in chunks")
        elif way == "chain":
            self._chain()
        elif way == "forward, apart" and not self._has_narrow:
            return
        elif way == "reverse, structured" and self._exact and self._is_huge:
            self._closed(way, "columns are few already, and rows are many")
        elif way == "reverse, structured" and self._is_gradient:
            self._closed(way, "one row is one cotangent")
        elif way in ORDERS:
            self._elimination(way)
        elif way == "compressed":
            self._compressed()
        else:
            self._sweep(Recipe(way), "")

    def choose(self) -> tuple[int, str]:
        """The fastest of the rows within the limit, and why it was taken."""
        priced = [(i, c) for i, c in enumerate(self.rows) if c.seconds is not None]
        if not priced:
            raise self._nothing_open()
        structured = [row for row in priced if row[1].way not in PLAIN]
        eligible = structured if self.options.sparse and structured else priced
        best, first = preferred(eligible, self.options.backend)
        rest = [c for i, c in priced if i != best]
        if not rest:
            return best, f"{first.way}: the only way that is open."
        return best, reason(first, rest)

    def _nothing_open(self) -> PlanError:
        if self._least:
            return PlanError(
                f"no way to the Jacobian fits memory_limit={self.options.memory_limit}"
                f": the least that would do is {self._least} bytes. Raise the limit."
            )
        notes = "; ".join(f"{c.way}: {c.note}" for c in self.rows)
        return PlanError(
            f"no way to the Jacobian is open with order={self.options.order!r} "
            f"({notes}). Use order='auto'."
        )

    def _closed(self, way: str, why: str) -> None:
        self.rows.append(Candidate(Recipe(way), None, None, why))

    def _plain(self, way: str) -> None:
        size = self._chunk(way)
        price = pricing.forward if way == "forward" else pricing.reverse
        count = self.program.columns if way == "forward" else self.program.rows
        unit = "pushes" if way == "forward" else "pulls"
        self._priced(
            Recipe(way, chunk=size), price(self.program, size), f"{count} {unit}"
        )

    def _chunk(self, way: str) -> int | None:
        """How many seeds go in one batch, so that it fits; None for all of them."""
        chunk = self.options.chunk_size
        if isinstance(chunk, int):
            return chunk
        limit = self.options.memory_limit or (DEFAULT_LIMIT if chunk else None)
        if limit is None:
            return None
        price = pricing.forward if way == "forward" else pricing.reverse
        count = self.program.columns if way == "forward" else self.program.rows
        size = count
        while size > 1 and price(self.program, size).peak_bytes > limit:
            size = -(-size // 2)
        return None if size == count else size

    def _sweep(self, recipe: Recipe, note: str) -> None:
        try:
            made = make(self.program, recipe)
            assert made is not None
            cost = self._price(made)
        except TooWideError as error:
            self._closed(recipe.way, str(error))
            return
        structure = made.structure
        if self.options.sparse and not self.options.factored and structure.factors:
            self._closed(recipe.way, "its products are dense")
            return
        widest = _widest(structure)
        self._narrow = min(self._narrow, widest)
        whole = sum(s.walk.whole for s in made.sweeps.swept)
        self._has_narrow |= any(s.walk.has_narrow for s in made.sweeps.swept)
        self._exact |= not whole and widest <= EXACT
        self._priced(recipe, cost, note or _widths(structure))

    def _elimination(self, way: str) -> None:
        """Orders of Markowitz or of a search, or the user's."""
        order = self.options.order
        if order == "auto" and not self._is_small:
            return
        if order == "auto" and not self._pays():
            self._closed(way, "structure costs more than it saves")
            return
        try:
            graphed = Elimination(self.program, self._dtype)
            graph = graphed.graph()
            self.labels = tuple(graphed.labels)
            note = f"{len(graph.eliminated)} vertices"
            if not isinstance(order, str):
                vertices = checked(order, graph)
            elif way == "markowitz" or self.options.effort == "estimate":
                vertices = in_order(graph, None)
            else:
                vertices, capped = searched(graph, self._search_seconds)
                note += ", cut short after 2 s" if capped else ""
            structure = graphed.structure(vertices)[1]
            multiplications = count(graph, vertices).typed
        except TooWideError as error:
            self._closed(way, str(error))
            return
        recipe = Recipe(way, vertices=vertices)
        cost = self._price(Made(graphed.sweeps, structure))
        self._priced(recipe, cost, f"{note}, {multiplications} multiplications")

    def _pays(self) -> bool:
        """Whether a structured way is nearly as fast as a plain one, or there is none.

        An order saves products, and costs as many kernels as a structured way.
        """
        times = {c.way: c.seconds for c in self.rows if c.seconds is not None}
        plain = [times[way] for way in times.keys() & set(PLAIN)]
        others = [time for way, time in times.items() if way not in PLAIN]
        return min(others, default=0.0) <= HOPELESS * min(plain, default=math.inf)

    @property
    def _is_small(self) -> bool:
        """Whether the program computes with so little that single edges count."""
        return (
            len(self.program.active_equations) <= FEW_EQUATIONS
            and max(self.program.rows, self.program.columns) <= FEW_ELEMENTS
        )

    @property
    def _is_gradient(self) -> bool:
        """Whether there is one row: pulled, each element has one entry in any case."""
        return self.program.rows == 1 and not self.options.sparse

    @property
    def _search_seconds(self) -> float:
        """At most a second, and a tenth of what compiling is predicted to take."""
        equations = 4 * len(self.program.active_equations)
        return min(1.0, 0.1 * compile_seconds(equations))

    def _price(self, made: Made) -> Cost:
        dense = not self.options.sparse
        return pricing.structured(made.sweeps, made.structure, dense=dense)

    def _compressed(self) -> None:
        """Both sides and each alone, unless structure is known to the last equation."""
        if self.options.order == "auto" and (self._narrow <= NARROW or self._exact):
            return
        m, n = self.program.rows, self.program.columns
        is_large = self.program.plain_entries > MANY_ENTRIES
        if self.options.order == "auto" and min(m, n) <= FEW_SEEDS and is_large:
            self._closed("compressed", "seeds are few already, and arrays are large")
            return
        pattern = compressed.pattern_of(self.program)
        if self.options.order == "auto" and 2 * pattern.nnz > m * n:
            self._closed("compressed", f"{pattern.nnz} of {m * n} entries are not zero")
            return
        for way, compress in COMPRESSIONS.items():
            if way in SYMMETRIC and not self.options.symmetric:
                continue
            found = compress(self.program, pattern)
            if found is None:
                continue
            if way == "compressed, both" and not (found.num_pushes and found.num_pulls):
                continue
            entries = pattern.nnz if self.options.sparse else None
            cost = pricing.together(
                compressed.cost(self.program, found),
                pricing.written(self.program, entries),
            )
            self._priced(Recipe(way), cost, found.note)

    def _chain(self) -> None:
        places = cuts(self.program)
        if not places:
            return
        variables = [
            self.program.inputs,
            *(self.program.crossings[p] for p in places),
            self.program.outputs,
        ]
        widths = tuple(map(size_of, variables))
        ends = [0, *places, len(self.program.active_equations)]
        pushes, pulls = [], []
        for (a, b), start, stop in zip(
            itertools.pairwise(ends),
            variables[:-1],
            variables[1:],
            strict=True,
        ):
            section = self.program.section(a, b, start, stop)
            push, pull = _per_tangent(section)
            pushes.append(push)
            pulls.append(pull)
        _, tree = chains.best(widths, pushes, pulls)
        if chains.is_plain(tree):
            return
        self._sweep(Recipe("chain", tuple(places), tree), tree_note(tree, widths))

    def _priced(self, recipe: Recipe, cost: Cost, note: str) -> None:
        limit = self.options.memory_limit
        if limit is not None and cost.peak_bytes > limit:
            self._least = min(self._least or cost.peak_bytes, cost.peak_bytes)
            held = quantity(cost.peak_bytes, "B")
            self._closed(recipe.way, f"{note}; holds {held}, more than the limit")
            return
        time = call_seconds(cost, self.options.backend)
        self.rows.append(Candidate(recipe, cost, time, note))


def _per_tangent(section: Section) -> tuple[float, float]:
    """The flops of one tangent and of one cotangent through a section."""
    wanted = (True,) * len(section.stop)
    push = ENGINE.linearize(section.jaxpr, section.active, wanted).linear.jaxpr
    pull = ENGINE.vjp(section.jaxpr, section.active, wanted).linear.jaxpr
    return pricing.one_tangent(dce(push)), pricing.one_tangent(dce(pull))


def _widths(structure: Structure) -> str:
    """How many entries an element has: of each output, or of each input."""
    kind = "an output" if structure.by_output else "an input"
    note = f"{_widest(structure)} entries {kind}"
    if structure.factors:
        apart = sum(factor.size for factor in structure.factors)
        note += f", {apart} columns apart"
    return note


def _widest(structure: Structure) -> int:
    """The most entries that an element has."""
    of = (*structure.by_output, *structure.by_input)
    return max((sum(t.k for t in terms) for terms in of), default=0)
