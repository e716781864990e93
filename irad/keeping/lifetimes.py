"""Lifetimes: when each value of a program is in memory while its gradient runs.

The emitted programs are run with values in place of numbers: a value is what computes
it, so that a value that is computed again is known as the same one. Loops are run step
by step, and what they stack is told apart by rows; counters and indices are numbers, so
that loops that store states in slots are followed as well.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray

from irad._compat import calls, ir
from irad._compat.ir import Atom, ClosedJaxpr, Jaxpr, JaxprEqn, Var
from irad._compat.waiting import after_p
from irad.checkpointing.prices import bytes_of
from irad.cost.operations import MOVES
from irad.cost.steps import CALLS
from irad.errors import PlanError
from irad.keeping.followed import (
    BY_INDEX,
    MOST_ROWS,
    Copy,
    Held,
    Known,
    copies_in,
    evaluated,
    key_of,
    restacked,
)
from irad_passes.bodies import open_jaxpr
from irad_passes.keys import param_key

MOST_STEPS = 200_000
"""Longer programs are not drawn: nothing could be told apart."""
SMALLEST = 16
"""Values of less than so many parts of the largest are not drawn."""


@dataclass(frozen=True)
class Lifetime:
    """A value: what makes it, and from when to when each copy of it is live."""

    name: str
    bytes: int
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Lifetimes:
    """When the values of a program are in memory, over the steps of its gradient.

    A step is one equation. ``rows`` has the large values of the program and those that
    its gradient reads, in the order in which they are first computed.
    """

    steps: int
    rows: tuple[Lifetime, ...]

    @property
    def most(self) -> int:
        """How many of the values are live at once, at most."""
        return int(self.live().sum(axis=0).max(initial=0))

    @property
    def runs(self) -> float:
        """How many times a value is computed, on average."""
        return sum(len(row.spans) for row in self.rows) / max(1, len(self.rows))

    def live(self) -> NDArray[np.bool_]:
        """For each value and step, whether it is in memory."""
        found = np.zeros((len(self.rows), self.steps), np.bool_)
        for i, row in enumerate(self.rows):
            for start, stop in row.spans:
                found[i, start : stop + 1] = True
        return found


@dataclass(frozen=True, eq=False)
class Programs:
    """A program, one that also returns all that a gradient reads, and a gradient."""

    primal: Jaxpr
    forward: ClosedJaxpr
    gradient: ClosedJaxpr


def lifetimes_of(programs: Programs) -> Lifetimes:
    """When the program's values and what its gradient reads are live in the gradient.

    Raises:
        PlanError: the gradient takes too many steps to be drawn, or nobody knows how
            many.
    """
    numbers = _Numbers()
    inputs = [
        numbers.copy(("input", i), v) for i, v in enumerate(programs.primal.invars)
    ]
    primal, forward, gradient = (_Run(numbers) for _ in range(3))
    primal.run(programs.primal, inputs)
    closed = programs.forward
    outs = forward.run(closed.jaxpr, inputs, closed.consts)
    closed = programs.gradient
    gradient.read(gradient.run(closed.jaxpr, inputs, closed.consts))
    read = copies_in(outs[len(programs.primal.outvars) :])
    wanted = {copy.number for copy in (*primal.made, *read) if not copy.moves}
    rows = {copy.number: copy for copy in forward.made if copy.number in wanted}
    spans: dict[int, list[tuple[int, int]]] = {n: [] for n in rows}
    for copy in gradient.made:
        if copy.number in spans:
            spans[copy.number].append((copy.start, copy.stop))
    largest = max((copy.bytes for copy in rows.values()), default=0)
    found = [
        Lifetime(copy.name, copy.bytes, tuple(spans[n]))
        for n, copy in rows.items()
        if SMALLEST * copy.bytes >= largest and spans[n]
    ]
    return Lifetimes(gradient.time, tuple(found))


@dataclass(frozen=True)
class _Numbers:
    """Values by what computes them: equal keys, equal numbers."""

    known: dict[Hashable, int] = field(default_factory=dict)
    fresh: Iterator[int] = field(default_factory=count)

    def copy(
        self, key: Hashable, v: Var, name: str = "", *, moves: bool = True
    ) -> Copy:
        """A copy of the value with a key."""
        number = next(self.fresh)
        with suppress(TypeError):  # what cannot be hashed is like nothing else
            number = self.known.setdefault(key, number)
        return Copy(number, name, bytes_of(v.aval), moves)


class _Run:
    """A program, run once: its copies in the order in which they are made."""

    def __init__(self, numbers: _Numbers) -> None:
        self.time = 0
        self.made: list[Copy] = []
        self._numbers = numbers

    def run(
        self, jaxpr: Jaxpr, inputs: Sequence[Held], values: Sequence[Any] = ()
    ) -> list[Held]:
        """The results of a program; ``values`` are those of its constants."""
        consts: list[Held] = [
            self._numbers.copy(("const", id(v)), v) for v in jaxpr.constvars
        ]
        for i, (v, value) in enumerate(zip(jaxpr.constvars, values, strict=False)):
            if Known.is_so(v):
                consts[i] = Known(value)
        variables = (*jaxpr.constvars, *jaxpr.invars)
        env: dict[Var, Held] = dict(zip(variables, [*consts, *inputs], strict=True))

        def held(x: Atom) -> Held:
            if isinstance(x, Var):
                return env[x]
            return Known(x.val) if Known.is_so(x) else x

        for eqn in jaxpr.eqns:
            outs = self._equation(eqn, [held(x) for x in eqn.invars])
            env.update(zip(eqn.outvars, outs, strict=True))
        return [held(x) for x in jaxpr.outvars]

    def read(self, held: Sequence[Held]) -> None:
        """Marks values as live until now."""
        for copy in copies_in(held):
            copy.stop = self.time

    def _equation(self, eqn: JaxprEqn, x: list[Held]) -> Sequence[Held]:
        body = eqn.params.get(CALLS.get(eqn.primitive, ""))
        if body is not None:
            return self.run(open_jaxpr(body), x)
        if eqn.primitive is after_p:
            return [x[0]]
        if eqn.primitive is ir.scan_p:
            return self._scan(eqn, x)
        if eqn.primitive is ir.while_p:
            return self._while(eqn, x)
        if eqn.primitive is ir.cond_p and isinstance(x[0], Known):
            branches = eqn.params["branches"]
            i = int(np.clip(x[0].value, 0, len(branches) - 1))
            return self.run(open_jaxpr(branches[i]), x[1:])
        known = evaluated(eqn, x)
        if known is not None:
            return known
        if eqn.primitive in BY_INDEX and isinstance(x[0], Copy):
            x = [self._rows(x[0], eqn.invars[0]), *x[1:]]
        stack = restacked(eqn, x)
        return self._step(eqn, x) if stack is None else [stack]

    def _step(self, eqn: JaxprEqn, x: Sequence[Held]) -> list[Held]:
        """One equation that computes something."""
        self.time += 1
        if self.time > MOST_STEPS:
            raise _too_long()
        self.read(x)
        key = (eqn.primitive, param_key(eqn.params), *map(key_of, x))
        name, moves = eqn.primitive.name, eqn.primitive in MOVES
        outs = [
            self._numbers.copy((*key, j), y, name, moves=moves)
            for j, y in enumerate(eqn.outvars)
        ]
        for y in outs:
            y.start = y.stop = self.time
        self.made += outs
        return list(outs)

    def _scan(self, eqn: JaxprEqn, x: list[Held]) -> list[Held]:
        """A loop, step by step; what it stacks is a tuple."""
        params, body = eqn.params, open_jaxpr(eqn.params["jaxpr"])
        a, n = calls.scan_counts(params)
        consts, carry, xs = x[:a], x[a : a + n], x[a + n :]
        rows = body.invars[a + n :]
        stacks: list[list[Held]] = [[] for _ in body.outvars[n:]]
        steps = range(params["length"])
        for i in reversed(steps) if params["reverse"] else steps:
            slices = [self._row(s, i, v) for s, v in zip(xs, rows, strict=True)]
            outs = self.run(body, [*consts, *carry, *slices])
            carry = outs[:n]
            for stack, y in zip(stacks, outs[n:], strict=True):
                stack.append(y)
        order = -1 if params["reverse"] else 1
        return [*carry, *(tuple(stack[::order]) for stack in stacks)]

    def _while(self, eqn: JaxprEqn, x: list[Held]) -> list[Held]:
        """A loop whose end is known, step by step."""
        params = eqn.params
        a, b = params["cond_nconsts"], params["body_nconsts"]
        cond, body = (open_jaxpr(params[f"{name}_jaxpr"]) for name in ("cond", "body"))
        carry = x[a + b :]
        for _ in range(MOST_STEPS):
            (going,) = self.run(cond, [*x[:a], *carry])
            if not isinstance(going, Known):
                raise PlanError(
                    f"the loop at {ir.source_line(eqn)} is not drawn: how many steps "
                    "it takes is not known before it runs. A lax.scan is drawn."
                )
            if not going.value:
                return carry
            carry = self.run(body, [*x[a : a + b], *carry])
        raise _too_long()

    def _rows(self, array: Copy, v: Any) -> Held:
        """The rows of an array, so that they can be told apart."""
        if not v.aval.shape or v.aval.shape[0] > MOST_ROWS:
            return array
        row = Var(v.aval.update(shape=v.aval.shape[1:]))
        return tuple(self._row(array, i, row) for i in range(v.aval.shape[0]))

    def _row(self, stack: Held, i: int, v: Var) -> Held:
        """A row of a stack; reading one of an array reads the array."""
        if isinstance(stack, tuple):
            return stack[i]
        self.read([stack])
        return self._numbers.copy(("row", key_of(stack), i), v)


def _too_long() -> PlanError:
    return PlanError(
        f"a gradient of more than {MOST_STEPS} steps is not drawn. Draw that of a "
        "shorter loop."
    )
