"""Rows: where the steps of a counted loop read and write one row each of an array."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from jax import lax

from irad_passes._compat import Jaxpr, JaxprEqn, Literal, Var, row_aval, stacked_aval
from irad_passes.counting import Count
from irad_passes.lines import Line

Atom = Var | Literal
# The equations that read a variable, by its id, and None for each output that it is.
Uses = dict[int, list[JaxprEqn | None]]


@dataclass(frozen=True, eq=False)
class Row:
    """An equation that reads or writes one row of an array at each step.

    ``inside`` is the row as the equation has it, ``slice`` as a scan has it.
    """

    eqn: JaxprEqn
    inside: Atom
    line: Line
    slice: Var

    @property
    def descends(self) -> bool:
        """Whether each step has an earlier row than the step before."""
        return self.line.slope < 0


def uses_in(body: Jaxpr, outputs: Sequence[Atom]) -> Uses:
    """What reads the variables of a body of which some ``outputs`` matter."""
    uses: Uses = defaultdict(list)
    for eqn in body.eqns:
        for x in eqn.invars:
            uses[id(x)].append(eqn)
    for x in outputs:
        uses[id(x)].append(None)
    return uses


def rows_read(array: Var, uses: Uses, count: Count) -> list[Row]:
    """The reads of rows of an array, if these are all of its uses."""
    slices: dict[Line, Var] = {}
    rows: list[Row] = []
    for eqn in uses[id(array)]:
        line = None if eqn is None else _line_read(eqn, array, count)
        if eqn is None or line is None:
            return []
        row = slices.setdefault(line, Var(row_aval(array.aval)))
        rows.append(Row(eqn, eqn.outvars[0], line, row))
    return rows


def _line_read(eqn: JaxprEqn, array: Var, count: Count) -> Line | None:
    """The line of the rows that an equation reads whole, if it does."""
    shape = _shape(array)
    if eqn.primitive is not lax.dynamic_slice_p or not shape:
        return None
    y = eqn.outvars[0]
    if _shape(y) != (1, *shape[1:]) or not _reshapes(row_aval(array.aval), y.aval):
        return None
    return _inside(count.lines.of(eqn.invars[1]), shape[0], count.trips)


def row_written(array: Var, after: Atom, uses: Uses, count: Count) -> Row | None:
    """The write that makes a carried array the next one, if it is its one use.

    All rows have to be written, each at one step.
    """
    shape = _shape(array)
    if not shape or shape[0] != count.trips or uses[id(after)] != [None]:
        return None
    if len(uses[id(array)]) != 1:
        return None
    (eqn,) = uses[id(array)]
    if eqn is None or eqn.invars[0] is not array or eqn.outvars[0] is not after:
        return None
    update = _updated(eqn, shape)
    if update is None:
        return None
    row, start = update
    aval = row_aval(array.aval)
    line = _inside(count.lines.of(start), count.trips, count.trips)
    if line is None or stacked_aval(count.trips, aval) != array.aval:
        return None
    if not _reshapes(_strong(row.aval), aval):
        return None
    return Row(eqn, row, line, Var(aval))


def _updated(eqn: JaxprEqn, shape: Sequence[int]) -> tuple[Atom, Atom] | None:
    """The row that an equation writes whole into an array, and its index."""
    if eqn.primitive is lax.dynamic_update_slice_p:
        _, row, start, *_ = eqn.invars
        return (row, start) if _shape(row) == (1, *shape[1:]) else None
    if eqn.primitive is lax.scatter_p and eqn.params["update_jaxpr"] is None:
        _, start, row = eqn.invars
        window = tuple(range(len(shape) - 1))
        whole = lax.ScatterDimensionNumbers(window, (0,), (0,))
        is_row = _shape(row) == (*shape[1:],)
        return (row, start) if is_row and _numbers(eqn) == whole else None
    return None


def _numbers(eqn: JaxprEqn) -> lax.ScatterDimensionNumbers:
    return eqn.params["dimension_numbers"]


def _inside(line: Line | None, rows: int, trips: int) -> Line | None:
    """The line, if it has another row at each step and no index is clamped."""
    if line is None or not line.slope or not trips:
        return None
    return line if all(0 <= line.at(k) < rows for k in (0, trips - 1)) else None


def _strong(aval: Any) -> Any:
    """A type that is not weak: arrays that are written to are not."""
    return aval.update(weak_type=False)


def _reshapes(x: Any, y: Any) -> bool:
    """Whether reshaping makes one type the other, shardings included."""
    params = {"new_sizes": y.shape, "dimensions": None, "sharding": None}
    reshaped, _ = lax.reshape_p.abstract_eval(x, **params)
    return reshaped == y


def _shape(x: Atom) -> tuple[int, ...]:
    return getattr(x.aval, "shape", ())
