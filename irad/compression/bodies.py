"""Patterns of equations that hold programs: branches and loops."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from irad._compat import calls, ir
from irad._compat.ir import Atom, ClosedJaxpr, JaxprEqn, Var
from irad.compression.known import Scope, Value, constants, is_countable
from irad.compression.loops import Loop, interleaved, run_loop
from irad.compression.pattern import Array, Pattern, identity, size, stacked, zero
from irad.compression.site import Patterns, shape_of, united

T = TypeVar("T")
Walk = Callable[[ClosedJaxpr, Patterns, Scope], list[Pattern | None]]
Structure = Callable[[JaxprEqn, Patterns, Scope, Walk], Patterns]

UNROLLED = 4096
"""A scan of at most so many steps times equations is unrolled if values are known."""


def cond(eqn: JaxprEqn, patterns: Patterns, scope: Scope, walk: Walk) -> Patterns:
    """Of any branch, or of the one that is known to be taken."""
    branches = eqn.params["branches"]
    which = scope.value(eqn.invars[0])
    if which is not None:
        branches = [branches[int(np.clip(which, 0, len(branches) - 1))]]
    found = [
        walk(branch, patterns[1:], scope.of_body(branch, eqn.invars[1:]))
        for branch in branches
    ]
    return [_either(of) for of in zip(*found, strict=True)]


def _either(patterns: Sequence[Pattern | None]) -> Pattern | None:
    found = [p for p in patterns if p is not None]
    return united(found) if found else None


# Loops --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Parts:
    """How a body's inputs divide, and the order of its steps; None if it has none."""

    consts: int
    carry: int
    order: Array | None

    def split(self, values: Sequence[T]) -> tuple[list[T], list[T], list[T]]:
        """Values for the inputs: constants, carries, slices."""
        a, b = self.consts, self.consts + self.carry
        return list(values[:a]), list(values[a:b]), list(values[b:])


def while_loop(eqn: JaxprEqn, patterns: Patterns, scope: Scope, walk: Walk) -> Patterns:
    """A loop of unknown length."""
    first = eqn.params["cond_nconsts"]
    parts = Parts(eqn.params["body_nconsts"], len(eqn.outvars), None)
    loop = Body(eqn.params["body_jaxpr"], parts, eqn.invars[first:], scope, walk)
    own = [None] * parts.carry
    return _loop(loop, patterns[first:], own)


def scan(eqn: JaxprEqn, patterns: Patterns, scope: Scope, walk: Walk) -> Patterns:
    """A loop of known length; unrolled where the steps know values of their own."""
    params, body = eqn.params, eqn.params["jaxpr"]
    order = np.arange(params["length"])
    if params["reverse"]:
        order = order[::-1]
    parts = Parts(*calls.scan_counts(params), order)
    loop = Body(body, parts, eqn.invars, scope, walk)
    values = [
        scope.value(x) if is_countable(x) else None for x in eqn.invars[parts.consts :]
    ]
    if not len(order):
        return _loop(loop, patterns, [None] * len(values))
    carry, xs = values[: parts.carry], values[parts.carry :]
    alike = [None if v is None or (v != v[0]).any() else v[0] for v in xs]
    own = [*[None] * parts.carry, *alike]
    changing = sum(v is not None for v in values) > sum(v is not None for v in own)
    if changing and len(order) * len(body.jaxpr.eqns) <= UNROLLED:
        return _unrolled(loop, patterns, carry, xs)
    return _loop(loop, patterns, own)


@dataclass(frozen=True)
class Body:
    """A loop's body with its operands, where their values are found, and the walk."""

    closed: ClosedJaxpr
    parts: Parts
    operands: Sequence[Atom]
    outer: Scope
    walk: Walk

    def scope(self, own: Sequence[Value | None]) -> Scope:
        """The scope of a step that has these values of carry and slices."""
        k, invars = self.parts.consts, self.closed.jaxpr.invars
        outer = dict(zip(invars[:k], self.operands, strict=False))
        known = constants(self.closed)
        pairs = zip(invars[k:], own, strict=True)
        known.update({v: x for v, x in pairs if x is not None})

        def given(v: Var) -> Any:
            return self.outer.value(outer[v]) if v in outer else known.get(v)

        return Scope(self.closed.jaxpr, given)


def _loop(loop: Body, patterns: Patterns, own: Sequence[Value | None]) -> Patterns:
    """A loop whose step is interpreted once, with what is the same in all steps.

    A variable that depends on no tangent counts as one without elements.
    """
    parts = loop.parts
    n = next(p.shape[1] for p in patterns if p is not None)
    sizes, outs = _one_step(loop, patterns, own)
    out_sizes = sizes[parts.consts : parts.consts + parts.carry]
    out_sizes += [0 if p is None else len(p.rows) for p in outs[parts.carry :]]
    step = _stacked(outs, out_sizes, sum(sizes))
    a, s, x = parts.split(patterns)
    n_a, n_s, n_x = parts.split(sizes)
    order = np.empty(0, np.int64) if parts.order is None else parts.order
    length = None if parts.order is None else len(order)
    last, ys = run_loop(
        Loop(step, sum(n_a), sum(n_s), sum(n_x), length),
        _stacked(a, n_a, n),
        _stacked(s, n_s, n),
        _stacked(x, [m * len(order) for m in n_x], n).take(interleaved(n_x, order)),
    )
    return [*_cut(last, n_s), *_unstacked(ys, out_sizes[parts.carry :], order)]


def _one_step(
    loop: Body, patterns: Patterns, own: Sequence[Value | None]
) -> tuple[list[int], list[Pattern | None]]:
    """How many elements of each input move, and a step's own patterns over them.

    A carry moves if it does before the first step, or after one that moving values
    enter.
    """
    body, parts, scope = loop.closed, loop.parts, loop.scope(own)
    moving = [p is not None for p in patterns]
    first = parts.consts
    while True:
        sizes = [
            size(shape_of(v)) if on else 0
            for v, on in zip(body.jaxpr.invars, moving, strict=True)
        ]
        starts = np.cumsum([0, *sizes])
        inputs = [
            identity(m, int(start), int(starts[-1])) if m else None
            for m, start in zip(sizes, starts, strict=False)
        ]
        outs = loop.walk(body, inputs, scope)
        grown = [
            on or p is not None
            for on, p in zip(moving[first:], outs[: parts.carry], strict=False)
        ]
        if grown == moving[first : first + parts.carry]:
            return sizes, outs
        moving[first : first + parts.carry] = grown


def _stacked(patterns: Patterns, sizes: Sequence[int], n: int) -> Pattern:
    """The patterns of several variables in one, zeros for those that have none."""
    pairs = zip(patterns, sizes, strict=True)
    return stacked([zero(0, n), *(zero(m, n) if p is None else p for p, m in pairs)])


def _cut(whole: Pattern, sizes: Sequence[int]) -> list[Pattern | None]:
    """The pattern of each of several variables that lie one after the other."""
    ends = np.cumsum(sizes, dtype=np.int64)
    return [
        whole.take(np.arange(end - m, end)) if m else None
        for m, end in zip(sizes, ends, strict=True)
    ]


def _unstacked(ys: Pattern, sizes: Sequence[int], order: Array) -> list[Pattern | None]:
    """The pattern of each ys, its steps in the order of the array."""
    ends = np.cumsum(sizes, dtype=np.int64)
    steps = order[:, None] * sum(sizes)
    return [
        ys.take(steps + np.arange(end - m, end)) if m else None
        for m, end in zip(sizes, ends, strict=True)
    ]


def _unrolled(
    loop: Body,
    patterns: Patterns,
    held: Sequence[Value | None],
    xs: Sequence[Value | None],
) -> Patterns:
    """A loop step by step, each with the values that it knows."""
    body, parts = loop.closed.jaxpr, loop.parts
    a, carry, x = parts.split(patterns)
    assert parts.order is not None
    slices: list[list[Pattern | None]] = [[] for _ in parts.order]
    for t in parts.order:
        scope = loop.scope([*held, *(None if v is None else v[t] for v in xs)])
        inputs = [*a, *carry, *(_slice(p, t, len(parts.order)) for p in x)]
        outs = loop.walk(loop.closed, inputs, scope)
        carry, slices[t] = outs[: parts.carry], outs[parts.carry :]
        held = [
            None if h is None else scope.value(y)
            for y, h in zip(body.outvars, held, strict=False)
        ]
    n = next(p.shape[1] for p in patterns if p is not None)
    sizes = [size(shape_of(v)) for v in body.outvars[parts.carry :]]
    ys = [
        _stacked(of, [m] * len(of), n)
        for of, m in zip(zip(*slices, strict=True), sizes, strict=True)
    ]
    return [*carry, *ys]


def _slice(p: Pattern | None, t: int, length: int) -> Pattern | None:
    if p is None:
        return None
    m = len(p.rows) // length
    return Pattern(p.rows[t * m : (t + 1) * m], p.sets)


STRUCTURES: dict[ir.Primitive, Structure] = {
    ir.cond_p: cond,
    ir.scan_p: scan,
    ir.while_p: while_loop,
}
