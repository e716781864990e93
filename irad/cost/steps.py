"""A jaxpr as a list of steps, with calls written out and the batch marked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jax import lax

from irad._compat import calls, ir, primitives
from irad.cost.entries import size
from irad_passes.bodies import open_jaxpr

# Where a call keeps the program that it runs in its place.
CALLS: dict[ir.Primitive, str] = {
    ir.jit_p: "jaxpr",
    ir.remat_p: "jaxpr",
    ir.closed_call_p: "call_jaxpr",
    ir.core_call_p: "call_jaxpr",
    ir.custom_jvp_call_p: "call_jaxpr",
    ir.custom_vjp_call_p: "call_jaxpr",
    primitives.custom_lin_p: "call_jaxpr",
}


@dataclass(frozen=True, eq=False)
class Value:
    """A value of a program: its type, in how many copies, and whether it is code."""

    aval: Any
    copies: int = 1
    is_literal: bool = False

    @property
    def bytes(self) -> int:
        """Bytes of memory; none for a literal."""
        itemsize = getattr(getattr(self.aval, "dtype", None), "itemsize", 0)
        return 0 if self.is_literal else self.copies * size(self.aval) * itemsize


@dataclass(frozen=True, eq=False)
class Step:
    """An equation at the place where it runs: its operands, results and copies."""

    eqn: ir.JaxprEqn
    x: tuple[Value, ...]
    y: tuple[Value, ...]
    copies: int


@dataclass(frozen=True)
class Program:
    """Inputs, steps in order, outputs."""

    inputs: tuple[Value, ...]
    steps: tuple[Step, ...]
    outputs: tuple[Value, ...]


def program(
    jaxpr: ir.Jaxpr, copies: Sequence[int], batched: Collection[ir.Var], batch: int
) -> Program:
    """The steps of a jaxpr whose inputs, constants first, come in so many copies.

    What depends on an input in ``batch`` copies or on a variable in ``batched`` comes
    in ``batch`` copies too.
    """
    names = (*jaxpr.constvars, *jaxpr.invars)
    inputs = [Value(v.aval, n) for v, n in zip(names, copies, strict=True)]
    steps: list[Step] = []
    outputs = _Writer(batch, batched, steps).write(jaxpr, inputs)
    return Program(tuple(inputs), tuple(steps), tuple(outputs))


@dataclass(frozen=True)
class _Writer:
    """Writes steps for the equations of a jaxpr and of those that it calls."""

    batch: int
    batched: Collection[ir.Var]
    steps: list[Step]

    def write(self, jaxpr: ir.Jaxpr, inputs: Sequence[Value]) -> list[Value]:
        known = dict(zip((*jaxpr.constvars, *jaxpr.invars), inputs, strict=True))
        for eqn in jaxpr.eqns:
            x = tuple(_read(known, v) for v in eqn.invars)
            body = _called(eqn)
            y = self._step(eqn, x) if body is None else self._inside(body, x)
            known.update(zip(eqn.outvars, y, strict=True))
        return [_read(known, v) for v in jaxpr.outvars]

    def _inside(self, body: ir.Jaxpr, x: Sequence[Value]) -> list[Value]:
        return self.write(body, [*(Value(v.aval) for v in body.constvars), *x])

    def _step(self, eqn: ir.JaxprEqn, x: tuple[Value, ...]) -> Sequence[Value]:
        copies = max((v.copies for v in x), default=1)
        if any(v in self.batched for v in eqn.outvars):
            copies = self.batch
        marks = self._marks(eqn, x, copies)
        y = tuple(Value(v.aval, n) for v, n in zip(eqn.outvars, marks, strict=True))
        self.steps.append(Step(eqn, x, y, copies))
        return y

    def _marks(
        self, eqn: ir.JaxprEqn, x: Sequence[Value], copies: int
    ) -> Sequence[int]:
        if eqn.primitive is ir.scan_p and copies > 1:
            return scan_copies(eqn, [v.copies for v in x], self.batch)[1]
        return [copies] * len(eqn.outvars)


def _read(known: Mapping[ir.Var, Value], x: ir.Atom) -> Value:
    return Value(x.aval, is_literal=True) if isinstance(x, ir.Literal) else known[x]


def _called(eqn: ir.JaxprEqn) -> ir.Jaxpr | None:
    """The program that an equation runs in its place, if it is a call."""
    body = eqn.params.get(CALLS.get(eqn.primitive, ""))
    return None if body is None else open_jaxpr(body)


def scan_copies(
    eqn: ir.JaxprEqn, copies: Sequence[int], batch: int
) -> tuple[list[int], list[int]]:
    """Copies of the inputs and of the results of a scan's body.

    A carry is batched when its first value is, or the value that the body gives it.
    """
    consts, carries = calls.scan_counts(eqn.params)
    jaxpr = open_jaxpr(eqn.params["jaxpr"])
    inputs, constants = list(copies), [1] * len(jaxpr.constvars)
    while True:
        results = [
            v.copies for v in program(jaxpr, [*constants, *inputs], (), batch).outputs
        ]
        old = inputs[consts : consts + carries]
        new = [max(a, b) for a, b in zip(old, results[:carries], strict=True)]
        if new == old:
            return inputs, [*new, *results[carries:]]
        inputs[consts : consts + carries] = new


def with_stacked(body: Program, carries: int) -> Program:
    """A scan's body with a step for each value that is stacked.

    XLA computes it anew where it is written, if the body uses it too and it is cheap.
    """
    made = {y for step in body.steps for y in step.y}
    writes: dict[Value, Step] = {}
    for y in body.outputs[carries:]:
        if y in made and y not in writes:
            place, after = Value(y.aval, y.copies), Value(y.aval, y.copies)
            writes[y] = Step(_update(), (place, y), (after,), y.copies)
    stacked = (writes[y].y[0] if y in writes else y for y in body.outputs[carries:])
    outputs = (*body.outputs[:carries], *stacked)
    return Program(body.inputs, (*body.steps, *writes.values()), outputs)


def _update() -> ir.JaxprEqn:
    """An equation of no program, for what a loop does beside its body."""
    primitive, context = lax.dynamic_update_slice_p, ir.current_equation_context()
    return ir.JaxprEqn([], [], primitive, {}, ir.no_effects, ir.no_source, context)
