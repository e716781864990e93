"""Lines: integers of a loop's body as functions of the number of the step.

A counter is ``start + slope * k`` at step ``k``. What is added to it is on a line too,
and a comparison of two lines is decided for all steps where neither crosses the other.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jax import lax

from irad_passes._compat import Jaxpr, JaxprEqn, Literal, Primitive, Var, jit_p
from irad_passes.bodies import open_jaxpr

Atom = Var | Literal
Compare = Callable[[int, int], bool]


@dataclass(frozen=True)
class Line:
    """An integer that is ``start + slope * k`` at step ``k``."""

    start: int
    slope: int = 0

    def at(self, k: int) -> int:
        """The integer at a step."""
        return self.start + self.slope * k

    def plus(self, other: Line, times: int = 1) -> Line:
        """The sum with a multiple of another."""
        return Line(self.start + times * other.start, self.slope + times * other.slope)


class Lines:
    """The integers of a program that are known to be on lines, at steps 0 to ``last``.

    An integer that leaves its type at one of these steps wraps around and is on no
    line. Without a ``last`` step this is not looked at, and ``turns`` has the steps
    from which comparisons that were met say something else than before.
    """

    def __init__(self, last: int | None) -> None:
        self._last = last
        # Keyed by id, so that literals, which have no hash, need no test.
        self._found: dict[int, Line] = {}
        self.turns: list[int] = []

    def of(self, x: Atom) -> Line | None:
        """The line that an integer is on, if any is known."""
        if not isinstance(x, Literal):
            return self._found.get(id(x))
        aval: Any = x.aval
        if not _is_integer(aval):
            return None
        return Line(int(np.asarray(x.val, aval.dtype).item()))

    def learn(self, variables: Sequence[Var], lines: Sequence[Line | None]) -> None:
        """Take in the lines of some variables."""
        for v, line in zip(variables, lines, strict=True):
            self._put(v, line)

    def run(self, jaxpr: Jaxpr, inputs: Sequence[Line | None]) -> list[Line | None]:
        """The lines of a program's outputs."""
        self.learn(jaxpr.invars, inputs)
        for eqn in jaxpr.eqns:
            self.follow(eqn)
        return [self.of(x) for x in jaxpr.outvars]

    def follow(self, eqn: JaxprEqn) -> None:
        """Take an equation in."""
        if eqn.primitive is jit_p:
            self._follow_call(eqn)
            return
        row = _TABLE.get(eqn.primitive)
        if row is not None:
            line = row(self, *map(self.of, eqn.invars))
            self._put(eqn.outvars[0], line)

    def _follow_call(self, eqn: JaxprEqn) -> None:
        inner = Lines(self._last)
        body = open_jaxpr(eqn.params["jaxpr"])
        self.learn(eqn.outvars, inner.run(body, [self.of(x) for x in eqn.invars]))
        self.turns += inner.turns

    def _put(self, v: Var, line: Line | None) -> None:
        if line is not None and _is_integer(v.aval) and self._fits(line, v.aval):
            self._found[id(v)] = line

    def _fits(self, line: Line, aval: Any) -> bool:
        if self._last is None:
            return True
        low, high = _range(aval.dtype)
        return all(low <= line.at(k) <= high for k in (0, self._last))

    def decided(self, compare: Compare, d: Line) -> bool | None:
        """What comparing a difference with 0 says, None where that turns."""
        says = compare(d.start, 0)
        turn = _turn(compare, d)
        if turn is None or (self._last is not None and turn > self._last):
            return says
        self.turns.append(turn)
        return None


def _is_integer(aval: Any) -> bool:
    """Whether this is one integer or truth value."""
    dtype = getattr(aval, "dtype", None)
    return isinstance(dtype, np.dtype) and dtype.kind in "biu" and aval.size == 1


def _range(dtype: np.dtype[Any]) -> tuple[int, int]:
    if dtype.kind == "b":
        return 0, 1
    ends = np.iinfo(dtype)
    return int(ends.min), int(ends.max)


def _turn(compare: Compare, d: Line) -> int | None:
    """The first step at which comparing with 0 says something else than at step 0.

    The sign changes where the line meets 0 or passes it, and again a step later.
    """
    if d.slope == 0 or d.start * d.slope > 0:
        return None
    says = compare(d.start, 0)
    meets = -(-abs(d.start) // abs(d.slope)) or 1
    for k in (meets, meets + 1):
        if compare(d.at(k), 0) != says:
            return k
    return None


Row = Callable[..., Line | None]


def _known(operation: Callable[..., Line | None]) -> Row:
    """A row: the operation on operands that are all on lines."""

    def row(lines: Lines, *x: Line | None) -> Line | None:
        return operation(lines, *x) if None not in x else None

    return row


def _arithmetic(operation: Callable[..., Line | None]) -> Row:
    return _known(lambda lines, *x: operation(*x))


def _product(x: Line, y: Line) -> Line | None:
    if x.slope and y.slope:
        return None
    fixed, other = (y, x) if x.slope else (x, y)
    return Line(fixed.start * other.start, fixed.start * other.slope)


def _comparison(compare: Compare) -> Row:
    def row(lines: Lines, x: Line, y: Line) -> Line | None:
        says = lines.decided(compare, x.plus(y, -1))
        return None if says is None else Line(int(says))

    return _known(row)


def _larger(lines: Lines, x: Line, y: Line) -> Line | None:
    """The larger of two lines, where it is the same one at all steps."""
    if lines.decided(operator.ge, x.plus(y, -1)):
        return x
    return y if lines.decided(operator.le, x.plus(y, -1)) else None


def _smaller(lines: Lines, x: Line, y: Line) -> Line | None:
    larger = _larger(lines, x, y)
    return None if larger is None else y if larger is x else x


def _clamped(lines: Lines, low: Line, x: Line, high: Line) -> Line | None:
    larger = _larger(lines, low, x)
    return None if larger is None else _smaller(lines, larger, high)


def _selected(lines: Lines, which: Line | None, *cases: Line | None) -> Line | None:
    """The case that is selected at all steps; the others need not be known."""
    del lines
    if which is None or which.slope or not 0 <= which.start < len(cases):
        return None
    return cases[which.start]


_SAME = _arithmetic(lambda x: x)

_TABLE: dict[Primitive, Row] = {
    lax.convert_element_type_p: _SAME,
    lax.broadcast_in_dim_p: _SAME,
    lax.reshape_p: _SAME,
    lax.squeeze_p: _SAME,
    lax.copy_p: _SAME,
    lax.add_p: _arithmetic(lambda x, y: x.plus(y)),
    lax.sub_p: _arithmetic(lambda x, y: x.plus(y, -1)),
    lax.neg_p: _arithmetic(lambda x: Line(0).plus(x, -1)),
    lax.mul_p: _arithmetic(_product),
    lax.lt_p: _comparison(operator.lt),
    lax.le_p: _comparison(operator.le),
    lax.gt_p: _comparison(operator.gt),
    lax.ge_p: _comparison(operator.ge),
    lax.eq_p: _comparison(operator.eq),
    lax.ne_p: _comparison(operator.ne),
    lax.max_p: _known(_larger),
    lax.min_p: _known(_smaller),
    lax.clamp_p: _known(_clamped),
    lax.select_n_p: _selected,
}
