"""Scans in the place of counted loops: their equations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jax import lax

from irad_passes._compat import (
    DropVar,
    Jaxpr,
    JaxprEqn,
    Literal,
    Primitive,
    Var,
    no_effects,
    scalar_literal,
    scan_params,
)
from irad_passes.bodies import with_jaxpr
from irad_passes.counting import Count
from irad_passes.effects import union_of_effects
from irad_passes.fold import is_plain
from irad_passes.rows import Row, row_written, rows_read, uses_in
from irad_passes.simplify import simplify

Atom = Var | Literal


@dataclass(frozen=True, eq=False)
class Replacement:
    """Equations in the place of another, and atoms in the places of results, by id."""

    eqns: list[JaxprEqn]
    results: dict[int, Atom]


@dataclass(frozen=True, eq=False)
class Carry:
    """What steps hand on: before the loop, in a step, after a step, after the loop.

    ``last`` is its number after the loop, where that is known.
    """

    start: Atom
    inside: Var
    after: Atom
    result: Var
    last: int | None

    @property
    def is_kept(self) -> bool:
        """Whether every step hands it on unchanged."""
        return self.after is self.inside and self.start.aval == self.result.aval

    @property
    def known(self) -> Atom | None:
        """What it is after the loop, where that is known before."""
        if self.is_kept:
            return self.start
        aval: Any = self.result.aval
        if self.last is None or not is_plain(aval):
            return None
        return scalar_literal(aval.dtype.type(self.last), aval)


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts of a counted loop, each with what it is outside of the loop.

    Constants and what they are, carries, slices and the arrays that they are of,
    stacked results.
    """

    fixed: Sequence[tuple[Var, Atom]]
    carried: Sequence[Carry]
    reads: Sequence[tuple[Row, Atom]]
    writes: Sequence[tuple[Row, Var]]

    @property
    def reverse(self) -> bool:
        """Whether most rows are earlier ones from step to step."""
        rows = [row for row, _ in (*self.reads, *self.writes)]
        return 2 * sum(row.descends for row in rows) > len(rows)

    @property
    def slices(self) -> list[tuple[Row, Atom]]:
        """One read for each slice."""
        return [*{id(row.slice): (row, x) for row, x in self.reads}.values()]


def scan_of(eqn: JaxprEqn, body: Jaxpr, count: Count) -> Replacement:
    """A counted ``while`` as a scan, with the equations that it needs around it.

    Args:
        eqn: A ``while`` equation without effects.
        body: Its body, without dead code.
        count: How many steps it takes.
    """
    carries = _carries(eqn, body, count)
    parts = _parts(eqn, body, carries, count)
    step = _step(body, parts)
    before, after = _Equations(eqn), _Equations(eqn)
    operands = [
        *(x for _, x in parts.fixed),
        *(c.start for c in parts.carried),
        *(_rows(before, row, x, count.trips, parts.reverse) for row, x in parts.slices),
    ]
    results = [
        *(DropVar(c.result.aval) if c.known else c.result for c in parts.carried),
        *(_written(after, row, y, parts.reverse) for row, y in parts.writes),
    ]
    scan = eqn.replace(
        primitive=lax.scan_p,
        invars=operands,
        outvars=results,
        params=scan_params(
            with_jaxpr(eqn.params["body_jaxpr"], step),
            count.trips,
            parts.reverse,
            consts=len(parts.fixed),
            carries=len(parts.carried),
            xs=len(parts.slices),
            ys=len(parts.writes),
        ),
        effects=step.effects,
    )
    known = [(c.result, c.known) for c in carries]
    return Replacement(
        [*before.made, scan, *after.made],
        {id(y): x for y, x in known if x is not None},
    )


def _carries(eqn: JaxprEqn, body: Jaxpr, count: Count) -> list[Carry]:
    a, b = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    lasts = [c and c.at(count.trips) for c in count.counters]
    start, inside = eqn.invars[a + b :], body.invars[b:]
    columns = (start, inside, body.outvars, eqn.outvars, lasts)
    return [Carry(*row) for row in zip(*columns, strict=True)]


def _parts(eqn: JaxprEqn, body: Jaxpr, carries: Sequence[Carry], count: Count) -> Parts:
    a, b = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    fixed = list(zip(body.invars[:b], eqn.invars[a : a + b], strict=True))
    fixed += [(c.inside, c.start) for c in carries if c.is_kept]
    moving = [c for c in carries if not c.is_kept]
    uses = uses_in(body, [c.after for c in moving])
    reads = [(row, x) for v, x in fixed for row in rows_read(v, uses, count)]
    found = [(row_written(c.inside, c.after, uses, count), c) for c in moving]
    carried = [c for row, c in found if row is None]
    writes = [(row, c.result) for row, c in found if row is not None]
    return Parts(fixed, carried, reads, writes)


def _step(body: Jaxpr, parts: Parts) -> Jaxpr:
    """The body of the scan, whose slices and results are rows."""
    reads = {id(row.eqn): row for row, _ in parts.reads}
    writes = {id(row.eqn): row for row, _ in parts.writes}
    eqns: list[JaxprEqn] = []
    for eqn in body.eqns:
        if (read := reads.get(id(eqn))) is not None:
            eqns.append(_reshaped(eqn, read.slice, eqn.outvars[0]))
        elif (write := writes.get(id(eqn))) is not None:
            eqns += _as_slice(write)
        else:
            eqns.append(eqn)
    return simplify(
        body.replace(
            invars=[
                *(v for v, _ in parts.fixed),
                *(c.inside for c in parts.carried),
                *(row.slice for row, _ in parts.slices),
            ],
            outvars=[
                *(c.after for c in parts.carried),
                *(row.slice for row, _ in parts.writes),
            ],
            eqns=eqns,
            effects=union_of_effects(eqns),
            debug_info=body.debug_info._replace(arg_names=None, result_paths=None),
        )
    )


def _as_slice(write: Row) -> list[JaxprEqn]:
    """The equations that make a row that is written a slice of a result."""
    aval: Any = write.inside.aval
    if not aval.weak_type:
        return [_reshaped(write.eqn, write.inside, write.slice)]
    strong = Var(aval.update(weak_type=False))
    params = {"new_dtype": aval.dtype, "weak_type": False, "sharding": None}
    converted = write.eqn.replace(
        primitive=lax.convert_element_type_p,
        invars=[write.inside],
        outvars=[strong],
        params=params,
    )
    return [converted, _reshaped(write.eqn, strong, write.slice)]


def _reshaped(eqn: JaxprEqn, x: Atom, y: Var) -> JaxprEqn:
    """The equation that puts an axis of size 1 before a row, or takes it away."""
    aval: Any = y.aval
    params = {"new_sizes": aval.shape, "dimensions": None, "sharding": None}
    return eqn.replace(primitive=lax.reshape_p, invars=[x], outvars=[y], params=params)


def _rows(around: _Equations, row: Row, x: Atom, trips: int, reverse: bool) -> Atom:
    """The rows of an array that the steps read, in the order of a scan."""
    aval: Any = x.aval
    length, *rest = aval.shape
    slope = abs(row.line.slope)
    if trips != length:
        low, high = sorted((row.line.at(0), row.line.at(trips - 1)))
        params = {
            "start_indices": (low, *(0 for _ in rest)),
            "limit_indices": (high + 1, *rest),
            "strides": None if slope == 1 else (slope, *(1 for _ in rest)),
        }
        x = around.apply(lax.slice_p, x, params)
    if row.descends != reverse:
        x = around.apply(lax.rev_p, x, {"dimensions": (0,)})
    return x


def _written(around: _Equations, row: Row, y: Var, reverse: bool) -> Var:
    """The result of a scan whose rows, in their own order, are those of ``y``."""
    if row.descends == reverse:
        return y
    stack = Var(y.aval)
    around.apply(lax.rev_p, stack, {"dimensions": (0,)}, y)
    return stack


class _Equations:
    """Equations beside a loop, in its place of the program."""

    def __init__(self, loop: JaxprEqn) -> None:
        self._loop = loop
        self.made: list[JaxprEqn] = []

    def apply(
        self,
        primitive: Primitive,
        x: Atom,
        params: dict[str, Any],
        y: Var | None = None,
    ) -> Var:
        """Appends an equation; ``y`` is its result if there is a variable for it."""
        if y is None:
            aval, _ = primitive.abstract_eval(x.aval, **params)
            y = Var(aval)
        self.made.append(
            self._loop.replace(
                primitive=primitive,
                invars=[x],
                outvars=[y],
                params=params,
                effects=no_effects,
            )
        )
        return y
