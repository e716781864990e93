"""``scan``: the forward loop keeps residuals, the linear loops run over them.

With body ``(a, s, x) -> (s', y)`` for constants ``a``, carries ``s`` and slices ``x``,
the tangent loop is ``(ds, dx) -> (ds', dy)`` and the pulled loop runs the other way
with ``(da + its share, ds', dy) -> (ds, dx)``. Residuals that do not change over the
loop are computed once outside it; those that are slices are passed again and never
stacked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from irad._compat import ir
from irad._compat.ir import Atom, ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var
from irad.caching import by_jaxpr
from irad.emitter import Emitter
from irad.graph import Engine, Linearized, SplitProgram
from irad.structure.bodies import code_of, constants, opened, pick, variables_read
from irad.checkpointing.prices import loop_price
from irad.cost import MACHINES
from irad.structure.deferral import Product, defer
from irad_passes import Boundary, cse, inline, invariant_equations, partition

MOST_INLINED = 4096


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


@dataclass(frozen=True, eq=False)
class LoopProgram:
    """A loop in two: the forward body with residuals, and the linear body over them.

    ``prologue`` computes from the constants what does not change over the loop;
    ``forward`` takes (constants, prologue's results, carries, slices). The residuals of
    the linear body come first from ``fixed`` (positions among constants, prologue's
    results), then from ``sliced`` (positions among slices), then stacked by the forward
    loop.
    """

    prologue: ClosedJaxpr
    forward: ClosedJaxpr
    num_stacked: int
    fixed: tuple[int, ...]
    sliced: tuple[int, ...]
    linear: ClosedJaxpr
    carries: tuple[bool, ...]
    zeros: tuple[bool, ...]
    products: tuple[Product, ...] = ()
    whole: frozenset[int] = frozenset()


@by_jaxpr
def loop_program(
    body: Jaxpr,
    parts: Parts,
    moving: Activity,
    engine: Engine,
    reverse: bool,
    length: int,
) -> LoopProgram:
    """The split of a loop's body, its invariant part moved out."""
    split = (engine.vjp if reverse else engine.linearize)(
        body, moving.inputs, moving.outputs
    )
    joint = _joint(split, body)
    n, m = len(body.invars), len(body.outvars)
    invariant = [i < parts.consts for i in range(len(joint.jaxpr.invars))]
    prologue, moved = invariant_equations(joint.jaxpr, invariant)
    k = len(joint.jaxpr.invars)
    inputs, given, extras = moved.invars[:n], moved.invars[n:k], moved.invars[k:]
    a, s, x = parts.split(inputs)
    moved = moved.replace(invars=[*a, *extras, *s, *x, *given])
    free = [True] * len([*a, *extras]) + [False] * len(s) + [True] * len(x)
    boundary = Boundary(n + len(extras), m, tuple(free))
    machine, storing = MACHINES[jax.default_backend()], engine.checkpointing.storing
    division = partition(moved, boundary=boundary, price=loop_price(machine, storing))
    second = division.second
    reads = variables_read(second)
    fixed = [i for i, v in enumerate([*a, *extras]) if v in reads]
    sliced = [i for i, v in enumerate(x) if v in reads]
    rows = [*([*a, *extras][i] for i in fixed), *(x[i] for i in sliced)]
    linear = second.replace(invars=[*rows, *division.kept, *given])
    zeros, products, whole = split.zeros, (), frozenset()
    if reverse:
        stacked = [*(x[i] for i in sliced), *division.kept]
        na = sum(parts.split(moving.inputs)[0])
        images = [i for i in range(na) if not zeros[i]]
        later = defer(linear, images, stacked, length, machine)
        linear, products, whole = later.linear, later.products, later.whole
        zeros = tuple(zero or i in whole for i, zero in enumerate(zeros))
    return LoopProgram(
        ir.closed_jaxpr(prologue, joint.consts),
        ir.closed_jaxpr(division.first, joint.consts),
        len(division.kept),
        tuple(fixed),
        tuple(sliced),
        ir.closed_jaxpr(linear, joint.consts),
        split.carries,
        zeros,
        products,
        whole,
    )


def _joint(split: SplitProgram, body: Jaxpr) -> ClosedJaxpr:
    """The body and its linear program as one, calls written out.

    It takes the body's inputs, then tangents or cotangents, and gives the body's
    outputs, then the images.
    """
    emit = Emitter()
    full = split.forward.jaxpr
    m = len(body.outvars)
    outs = emit.splice(code_of(split.forward), full.invars)
    residuals = split.residuals(full.invars, outs[m:])
    given = [Var(v.aval) for v in split.linear.jaxpr.invars[len(residuals) :]]
    images = emit.splice(code_of(split.linear), [*residuals, *given])
    made = emit.closed([*full.invars, *given], [*outs[:m], *images], "joint")
    jaxpr = inline(made.jaxpr, max_equations=MOST_INLINED, keep_shared=False)
    return ir.closed_jaxpr(cse(jaxpr), made.consts)


class Scan:
    """The linearization of a ``scan`` equation."""

    def __init__(
        self,
        eqn: JaxprEqn,
        active: Sequence[int],
        wanted: Sequence[int],
        engine: Engine,
    ) -> None:
        self._params = eqn.params
        self._closed = closed = eqn.params["jaxpr"]
        self._body = opened(closed)
        self._engine = engine
        k = len(closed.consts)
        num_consts, num_carry = ir.scan_counts(eqn.params)
        self._parts = Parts(k + num_consts, num_carry)
        on = [False] * k + [i in active for i in range(len(eqn.invars))]
        need = [j in wanted for j in range(len(eqn.outvars))]
        self._moving = activity(self._body, self._parts, on, need, engine)
        self._given = active
        self._operand_marks = self._moving.inputs[k:]
        marks = self._moving.outputs
        self.carries = tuple(j for j in wanted if marks[j])

    def forward(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], *, reverse: bool
    ) -> tuple[Sequence[Atom], Any]:
        program = self._program(reverse=reverse)
        a, s, xs = self._parts.split([*constants(emit, self._closed), *x])
        extras = (
            emit.splice(code_of(program.prologue), a)
            if program.prologue.jaxpr.outvars
            else []
        )
        fixed = [*a, *extras]
        outs = self._loop(emit, program.forward, fixed, s, xs)
        n = len(eqn.outvars)
        kept = [
            *(fixed[i] for i in program.fixed),
            *(xs[i] for i in program.sliced),
            *outs[n:],
        ]
        return outs[:n], kept

    def push(self, emit: Emitter, kept: Any, t: Sequence[Any]) -> Sequence[Any]:
        program = self._program(reverse=False)
        ta, ts, tx = self._spread_tangents(emit, t)
        fixed, rows = self._kept(program, kept)
        outs = self._loop(emit, self._push_body, [*fixed, *ta], ts, [*rows, *tx])
        return self._results(outs)

    def pull(self, emit: Emitter, kept: Any, c: Sequence[Any]) -> Sequence[Any]:
        program = self._program(reverse=True)
        fixed, rows = self._kept(program, kept)
        n = self._parts.carry
        cotangents = dict(zip(self.carries, c, strict=True))
        marks = self._moving.outputs
        cs = [
            cotangents[j] if j in cotangents else emit.zeros(self._cotangent_type(j))
            for j in range(n)
            if marks[j]
        ]
        cy = [
            cotangents[j] if j in cotangents else emit.zeros(self._cotangent_type(j))
            for j in range(n, len(marks))
            if marks[j]
        ]
        a, _, _ = self._parts.split(self._body.invars)
        a_marks, _, _ = self._parts.split(self._moving.inputs)
        sums = [
            emit.zeros(ir.cotangent_aval(v.aval))
            for i, v in enumerate(pick(a, a_marks))
            if i not in program.whole
        ]
        outs = self._loop(
            emit, self._pull_body, fixed, [*sums, *cs], [*rows, *cy], flip=True
        )
        return self._pulled(self._with_products(emit, program, rows, outs))

    def _with_products(
        self, emit: Emitter, program: LoopProgram, rows: Sequence[Atom], outs: list[Any]
    ) -> list[Any]:
        """The results of the pulled loop, with the products over all of its steps."""
        marked = sum(self._moving.inputs) - len(program.whole)
        stacks = [*rows, *outs[marked:]]
        results = iter(outs[:marked])
        found: list[Any] = [
            None if i in program.whole else next(results)
            for i in range(sum(self._moving.inputs))
        ]
        for product in program.products:
            made = product.emit(emit, stacks)
            total = found[product.image]
            found[product.image] = made if total is None else emit.add(total, made)
        return found

    def jvp(
        self, emit: Emitter, eqn: JaxprEqn, x: Sequence[Atom], t: Sequence[Any]
    ) -> tuple[Sequence[Atom], Sequence[Any]]:
        a, s, xs = self._parts.split([*constants(emit, self._closed), *x])
        ta, ts, tx = self._spread_tangents(emit, t)
        outs = self._loop(emit, self._jvp_body, [*a, *ta], [*s, *ts], [*xs, *tx])
        n, k = self._parts.carry, len(ts)
        m = len(eqn.outvars) - n
        y = [*outs[:n], *outs[n + k : n + k + m]]
        return y, self._results([*outs[n : n + k], *outs[n + k + m :]])

    # Bodies -----------------------------------------------------------------------

    def _program(self, *, reverse: bool) -> LoopProgram:
        return loop_program(
            self._body,
            self._parts,
            self._moving,
            self._engine,
            reverse,
            self._params["length"],
        )

    @cached_property
    def _push_body(self) -> ClosedJaxpr:
        """(fixed, da; ds; rows, dx) to (ds'; dy)."""
        program = self._program(reverse=False)
        return _push_body(self._body, program, self._parts, self._moving)

    @cached_property
    def _pull_body(self) -> ClosedJaxpr:
        """(fixed; sums, cs; rows, cy) to (sums + ca, cs; cx)."""
        program = self._program(reverse=True)
        return _pull_body(self._body, program, self._parts, self._moving)

    @cached_property
    def _jvp_body(self) -> ClosedJaxpr:
        """(a, da; s, ds; x, dx) to (s', ds'; y, dy)."""
        return _jvp_body(self._body, self._parts, self._moving, self._engine)

    # Equations --------------------------------------------------------------------

    def _loop(
        self,
        emit: Emitter,
        body: ClosedJaxpr,
        consts: Sequence[Atom],
        carry: Sequence[Atom],
        xs: Sequence[Atom],
        *,
        flip: bool = False,
    ) -> list[Any]:
        leading = [emit.constant(c) for c in body.consts]
        body = ir.closed_jaxpr(opened(body))
        n, length = len(carry), self._params["length"]
        num_consts = len(leading) + len(consts)
        params = ir.scan_params(self._params, body, num_consts, n)
        params["reverse"] = self._params["reverse"] != flip
        avals = body.out_avals
        results = [*avals[:n], *(ir.stacked_aval(length, v) for v in avals[n:])]
        operands = [*leading, *consts, *carry, *xs]
        return emit.equation(
            ir.scan_p, operands, results, params, ir.body_effects(body)
        )

    def _kept(
        self, program: LoopProgram, kept: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        k = len(program.fixed)
        return list(kept[:k]), list(kept[k:])

    def _spread_tangents(
        self, emit: Emitter, t: Sequence[Any]
    ) -> tuple[list[Any], list[Any], list[Any]]:
        """Tangents of all marked inputs, zeros for carries that start without one."""
        given = dict(zip(self._given, t, strict=True))
        k = len(self._closed.consts)
        marks = self._moving.inputs
        operands = self._operand_types
        tangents = [
            given[i - k]
            if i - k in given
            else emit.zeros(ir.tangent_aval(operands[i - k]))
            if marks[i]
            else None
            for i in range(len(marks))
        ]
        divided = self._parts.split(tangents)
        divided_marks = self._parts.split(marks)
        ta, ts, tx = (
            pick(values, on) for values, on in zip(divided, divided_marks, strict=True)
        )
        return ta, ts, tx

    @cached_property
    def _operand_types(self) -> list[Any]:
        k = len(self._closed.consts)
        a, s, x = self._parts.split([v.aval for v in self._body.invars])
        length = self._params["length"]
        return [*a, *s, *(ir.stacked_aval(length, v) for v in x)][k:]

    def _cotangent_type(self, j: int) -> Any:
        aval = ir.cotangent_aval(self._body.outvars[j].aval)
        if j < self._parts.carry:
            return ir.cotangent_aval(self._body.invars[self._parts.consts + j].aval)
        return ir.stacked_aval(self._params["length"], aval)

    def _results(self, outs: Sequence[Any]) -> list[Any]:
        """Tangents of the wanted results, from those of all marked outputs."""
        marked = [j for j, on in enumerate(self._moving.outputs) if on]
        by_output = dict(zip(marked, outs, strict=True))
        return [by_output[j] for j in self.carries]

    def _pulled(self, outs: Sequence[Any]) -> list[Any]:
        """Cotangents of the active operands, from (sums, cs, cx)."""
        k = len(self._closed.consts)
        marked = [i - k for i, on in enumerate(self._moving.inputs) if on]
        by_operand = dict(zip(marked, outs, strict=True))
        return [by_operand.get(i) for i in self._given]


@by_jaxpr
def _push_body(
    body: Jaxpr, program: LoopProgram, parts: Parts, moving: Activity
) -> ClosedJaxpr:
    linear = program.linear.jaxpr
    k = len(program.fixed)
    r = k + len(program.sliced) + program.num_stacked
    rows = linear.invars[:r]
    given = linear.invars[r:]
    na = sum(parts.split(moving.inputs)[0])
    ns = sum(parts.split(moving.inputs)[1])
    da, ds, dx = given[:na], given[na : na + ns], given[na + ns :]
    emit = Emitter()
    outs = _outputs(emit, program, body, moving, program.linear, linear.invars)
    return emit.closed([*rows[:k], *da, *ds, *rows[k:], *dx], outs, "push")


def _outputs(
    emit: Emitter,
    program: LoopProgram,
    body: Jaxpr,
    moving: Activity,
    closed: ClosedJaxpr,
    inputs: Sequence[Atom],
) -> list[Atom]:
    """Tangents of all marked outputs of a linear body, zeros where there is none."""
    returned = iter(emit.splice(code_of(closed), inputs))
    zeros = iter(program.zeros)
    outs: list[Atom] = []
    for v, on, carried in zip(
        body.outvars, moving.outputs, program.carries, strict=True
    ):
        if not on:
            continue
        if carried and not next(zeros):
            outs.append(next(returned))
        else:
            outs.append(emit.zeros(ir.tangent_aval(v.aval)))
    return outs


@by_jaxpr
def _pull_body(
    body: Jaxpr, program: LoopProgram, parts: Parts, moving: Activity
) -> ClosedJaxpr:
    linear = program.linear.jaxpr
    k = len(program.fixed)
    r = k + len(program.sliced) + program.num_stacked
    rows, given = linear.invars[:r], iter(linear.invars[r:])
    n = parts.carry
    cotangents = [
        (next(given) if carried else Var(ir.cotangent_aval(v.aval))) if on else None
        for v, on, carried in zip(
            body.outvars, moving.outputs, program.carries, strict=True
        )
    ]
    cs = [c for c in cotangents[:n] if c is not None]
    cy = [c for c in cotangents[n:] if c is not None]
    a, s, x = parts.split(body.invars)
    on_a, on_s, on_x = parts.split(moving.inputs)
    na, ns = sum(on_a), len(cs)
    sums = [
        Var(ir.cotangent_aval(v.aval))
        for i, v in enumerate(pick(a, on_a))
        if i not in program.whole
    ]
    emit = Emitter()
    returned = iter(emit.splice(code_of(program.linear), linear.invars))
    zeros = iter(program.zeros)
    pulled = [None if zero else next(returned) for zero in zeros]
    factors = list(returned)
    ca, cin, cx = pulled[:na], pulled[na : na + ns], pulled[na + ns :]
    outs: list[Atom] = []
    ca = [c for i, c in enumerate(ca) if i not in program.whole]
    for total, c in zip(sums, ca, strict=True):
        outs.append(total if c is None else emit.add(total, c))
    for v, c in zip([*pick(s, on_s), *pick(x, on_x)], [*cin, *cx], strict=True):
        outs.append(emit.zeros(ir.cotangent_aval(v.aval)) if c is None else c)
    made = [*rows[:k], *sums, *cs, *rows[k:], *cy]
    return emit.closed(made, [*outs, *factors], "pull")


@by_jaxpr
def _jvp_body(
    body: Jaxpr, parts: Parts, moving: Activity, engine: Engine
) -> ClosedJaxpr:
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


def scan(
    eqn: JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
) -> Linearized | None:
    """A ``scan`` equation: its body differentiated once, the loop kept rolled."""
    local = Scan(eqn, active, wanted, engine)
    return local if local.carries else None
