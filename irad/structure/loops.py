"""Loops: what moves through one, and the body that computes values and tangents.

A body is ``(a, s, x) -> (s', y)`` for constants ``a``, carries ``s`` and slices ``x``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from irad._compat import ir
from irad._compat.ir import ClosedJaxpr, Jaxpr
from irad.caching import by_jaxpr
from irad.emitter import Emitter
from irad.graph import Engine
from irad.structure.bodies import code_of


@dataclass(frozen=True)
class Parts:
    """How a body's inputs divide: constants, carries, slices."""

    consts: int
    carry: int

    def split(self, values: Sequence[Any]) -> tuple[list[Any], list[Any], list[Any]]:
        """Values of the inputs, divided."""
        a, b = self.consts, self.consts + self.carry
        return list(values[:a]), list(values[a:b]), list(values[b:])


@dataclass(frozen=True)
class Activity:
    """What moves through a loop, after the fixed point over its carries.

    ``inputs`` marks body inputs that carry tangents, ``outputs`` body outputs whose
    tangents are needed; a carry is marked in both or in neither.
    """

    inputs: tuple[bool, ...]
    outputs: tuple[bool, ...]


def activity(
    body: Jaxpr,
    parts: Parts,
    active: Sequence[bool],
    wanted: Sequence[bool],
    engine: Engine,
) -> Activity:
    """The fixed point: forward over active carries, then backward over wanted ones."""
    a, n = parts.consts, parts.carry
    inputs = list(active)
    everything = (True,) * len(body.outvars)
    while True:
        carries, _ = engine.activity(body, tuple(inputs), everything)
        grown = [i or o for i, o in zip(inputs[a : a + n], carries[:n], strict=True)]
        if grown == inputs[a : a + n]:
            break
        inputs[a : a + n] = grown
    outputs = list(wanted)
    while True:
        needs = tuple(outputs)
        _, reached = engine.activity(body, tuple(inputs), needs)
        grown = [o or r for o, r in zip(outputs[:n], reached[a : a + n], strict=True)]
        if grown == outputs[:n]:
            break
        outputs[:n] = grown
    live = [i and o for i, o in zip(inputs[a : a + n], outputs[:n], strict=True)]
    carries, reached = engine.activity(body, tuple(inputs), tuple(outputs))
    marked = [i and r for i, r in zip(inputs, reached, strict=True)]
    marked[a : a + n] = live
    ys = [o and c for o, c in zip(outputs[n:], carries[n:], strict=True)]
    return Activity(tuple(marked), (*live, *ys))


@by_jaxpr
def jvp_body(
    body: Jaxpr, parts: Parts, moving: Activity, engine: Engine
) -> ClosedJaxpr:
    """(a, da; s, ds; x, dx) to (s', ds'; y, dy)."""
    program = engine.jvp(body, moving.inputs, moving.outputs)
    emit = Emitter()
    inner = program.jaxpr.jaxpr
    n, m = parts.carry, len(body.outvars)
    outs = emit.splice(code_of(program.jaxpr), inner.invars)
    pushed = iter(outs[m:])
    tangents = [
        (next(pushed) if carried else emit.zeros(ir.tangent_aval(v.aval)))
        if on
        else None
        for v, on, carried in zip(
            body.outvars, moving.outputs, program.carries, strict=True
        )
    ]
    total = len(body.invars)
    a, s, x = parts.split(inner.invars[:total])
    on_a, on_s, _ = parts.split(moving.inputs)
    given = inner.invars[total:]
    na, ns = sum(on_a), sum(on_s)
    da, ds, dx = given[:na], given[na : na + ns], given[na + ns :]
    live = [t for t in tangents[:n] if t is not None]
    slices = [t for t in tangents[n:] if t is not None]
    return emit.closed(
        [*a, *da, *s, *ds, *x, *dx], [*outs[:n], *live, *outs[n:m], *slices], "jvp"
    )
