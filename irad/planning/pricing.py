"""What each way to a Jacobian costs, before it is emitted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from irad._compat import mesh
from irad._compat.ir import ClosedJaxpr, Jaxpr, Var, is_inexact
from irad.accumulate import ENGINE
from irad.cost import Cost, cost_of, equation_cost, room, tidied
from irad.ellpack import Slot, TooWideError, slots_of
from irad.ellpack.assembly import FEW_FACTORS
from irad.ellpack.terms import Step, Whole
from irad.graph import SplitProgram
from irad.linearization import is_differentiable
from irad.planning.joined import CONTRACTION, joined
from irad.planning.program import Program
from irad.planning.result import Structure
from irad.planning.sweeps import Sweeps

IRREGULAR = 100
"""An element that is gathered or added one by one takes as long as so many bytes."""

MOST_ENTRIES = 1 << 26
"""So many entries are computed at most where a sparse Jacobian is wanted."""

MARGIN, TAPE_MARGIN = 1.5, 2.0
"""XLA holds at most so many times what batches of seeds, and a tape, are counted to.

Its order and its choice of what to store are its own.
"""


def forward(
    program: Program, chunk: int | None = None, count: int | None = None
) -> Cost:
    """Values once and ``count`` tangents, by default one for each input element.

    They go in one batch, or ``chunk`` at a time; what was pushed is moved at the end.
    """
    made, _ = jvp_program(program)
    tangents = made.jaxpr.invars[len(program.jaxpr.invars) :]
    count = program.columns if count is None else count
    batch, times, copies = _batches(count, chunk)
    pushed = cost_of(made.jaxpr, batch=batch, batched=tangents)
    held = (copies + 1) * _size(program, program.rows * count)
    return _held_by_xla(pushed.scaled(times), held + _seeds(batch, tangents))


def reverse(
    program: Program, chunk: int | None = None, count: int | None = None
) -> Cost:
    """Values and residuals once and ``count`` cotangents, by default one for each row.

    They go in one batch, or ``chunk`` at a time.
    """
    split = vjp_program(program)
    given = split.linear.jaxpr.invars[len(split.sources) :]
    count = program.rows if count is None else count
    batch, times, copies = _batches(count, chunk)
    pulled = cost_of(split.linear.jaxpr, batch=batch, batched=given)
    valued = cost_of(split.forward.jaxpr)
    held = valued.peak_bytes + copies * _size(program, program.columns * count)
    return valued + _held_by_xla(pulled.scaled(times), held + _seeds(batch, given))


def _held_by_xla(cost: Cost, beside: int) -> Cost:
    """A cost with a bound of what is held, and so many bytes beside it."""
    return replace(cost, peak_bytes=round(MARGIN * cost.peak_bytes) + beside)


def _seeds(batch: int, variables: Sequence[Any]) -> int:
    """The bytes of a batch of tangents."""
    return batch * sum(v.aval.size * v.aval.dtype.itemsize for v in variables)


def _size(program: Program, entries: int) -> int:
    """The bytes of so many entries of the Jacobian."""
    variables: tuple[Any, ...] = program.inputs
    return entries * max(np.dtype(v.aval.dtype).itemsize for v in variables)


def jvp_program(program: Program) -> tuple[ClosedJaxpr, tuple[bool, ...]]:
    """The program of values and tangents, and which outputs carry one."""
    made = ENGINE.jvp(program.jaxpr, *_marks(program))
    return made.jaxpr, made.carries


def vjp_program(program: Program) -> SplitProgram:
    """The forward and the pull program."""
    return ENGINE.vjp(program.jaxpr, *_marks(program))


def _marks(program: Program) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
    inputs, count = set(program.inputs), len(program.outputs)
    active = tuple(
        v in inputs and is_differentiable(v.aval) for v in program.jaxpr.invars
    )
    wanted = tuple(
        j < count and is_differentiable(v.aval)
        for j, v in enumerate(program.jaxpr.outvars)
    )
    return active, wanted


def _batches(count: int, chunk: int | None) -> tuple[int, int, int]:
    """The size of a batch of seeds, how many there are, and copies of what they give.

    A loop over batches writes one; seeds that are left over are joined to it.
    """
    batch = max(1, min(chunk or count, count))
    times = -(-count // batch)
    copies = 0 if times == 1 else 1 + (count % batch > 0)
    return batch, times, copies


def one_tangent(jaxpr: Jaxpr) -> float:
    """The flops of a linear program for one tangent."""
    return float(cost_of(jaxpr).flops) + 1.0


def structured(sweeps: Sweeps, structure: Structure, *, dense: bool) -> Cost:
    """The forward programs, what the tape computes, and the result written out."""
    if not dense and structure.computed > MOST_ENTRIES:
        raise TooWideError(f"{structure.computed} entries would be computed")
    wanted = slots_of(*structure.all_terms())
    steps = sweeps.steps(wanted)
    itemsize = np.dtype(sweeps.dtype).itemsize
    result = _result(structure, itemsize, dense=dense)
    is_written = dense and structure.is_written
    writing = None if is_written else replace(result, bytes=0, kernels=0)
    made = tidied(joined(sweeps, steps, wanted, writing))
    held = sum(valued.peak_bytes for valued in _valued(sweeps, steps))
    held += round(TAPE_MARGIN * _held(steps, wanted, itemsize)) + result.peak_bytes
    gathered = IRREGULAR * sum(step.gathered for step in steps)
    total = cost_of(made) + Cost(bytes=gathered)
    if not is_written:
        total += Cost(bytes=result.bytes, kernels=result.kernels - 1)
    return replace(total, peak_bytes=held)


def _valued(sweeps: Sweeps, steps: Sequence[Step]) -> Iterator[Cost]:
    """The programs of values, without what no step of the tape reads."""
    atoms = (x for step in steps for x in step.atoms)
    needed: set[Any] = {x for x in atoms if type(x) is Var}
    last = sweeps.swept[-1]
    for s in sweeps.swept:
        computed, used = [], set(needed)
        for eqn in reversed(s.walk.computed):
            if any(v in used for v in eqn.outvars):
                used.update(x for x in eqn.invars if type(x) is Var)
                computed.append(eqn)
        forward, n = s.split.forward.jaxpr, len(s.section.stop)
        results = iter(forward.outvars[n:])
        kept = [] if s is last else forward.outvars[:n]
        for v, source in zip(s.linear.invars, s.split.sources, strict=False):
            if source is None:
                y = next(results)
                kept = [*kept, y] if v in used else kept
        multiplied = forward.outvars[len(forward.outvars) - len(s.bases) :]
        bases = zip(s.bases, multiplied, strict=True)
        kept = [*kept, *(y for v, y in bases if v in used)]
        yield cost_of(tidied(forward.replace(outvars=list(kept))))
        yield from map(equation_cost, computed)


def _result(structure: Structure, itemsize: int, *, dense: bool) -> Cost:
    """The result written out: one array, or entries taken from those of the terms."""
    entries = structure.rows * structure.columns if dense else structure.computed
    written = entries * itemsize
    if not dense:
        irregular = 0 if structure.factors else structure.entries().irregular
        moved = written + irregular * IRREGULAR
        return Cost(bytes=moved, peak_bytes=3 * written, kernels=2)
    apart = sum(factor.size for factor in structure.factors)
    sums = max(2 * apart - 1, 0)
    products = sums * structure.rows * structure.columns
    flops = products + structure.additions
    beside = 2 * apart * (structure.rows + structure.columns) * itemsize
    parts = len(structure.outputs) * len(structure.inputs)
    times = 2 if parts > 1 or apart or structure.by_input else 1
    return Cost(
        flops=flops,
        contracted=products if apart > FEW_FACTORS else 0,
        bytes=written + beside,
        peak_bytes=times * written + beside,
        kernels=2 + 2 * len(structure.factors),
    )


def written(program: Program, entries: int | None) -> Cost:
    """What it takes to write the result: all of it, or some entries taken together."""
    count = program.rows * program.columns if entries is None else entries
    size = _size(program, count)
    held = 2 if entries is None else 3
    return Cost(bytes=size, peak_bytes=held * size, kernels=1)


def together(*costs: Cost) -> Cost:
    """One after the other, where each holds its results to the end."""
    held = sum(cost.peak_bytes for cost in costs)
    return replace(sum(costs, start=Cost()), peak_bytes=held)


def _whole(whole: Whole) -> Cost:
    """An equation applied to a batch of tangents."""
    return equation_cost(whole.eqn, batch=whole.count, batched=whole.active)


def _held(steps: Sequence[Step], wanted: Sequence[Slot], itemsize: int) -> int:
    """A bound of the bytes that a tape holds at once, if it stores every step.

    A product may turn its result.
    """
    last = {slot.number: i for i, step in enumerate(steps) for slot in step.slots}
    last.update((slot.number, len(steps)) for slot in wanted)
    live = peak = 0
    for i, step in enumerate(steps):
        own, read = step.result, {slot.number: slot for slot in step.slots}
        live += room(_elements(own) * itemsize)
        turned = 0
        if step.whole is not None:
            turned = _whole(step.whole).peak_bytes
        elif step.flops >= CONTRACTION * max(_elements(own), 1):
            turned = room(_elements(own) * itemsize)
        peak = max(peak, live + turned)
        dead = [x for x in read.values() if last[x.number] == i]
        live -= sum(room(_elements(x) * itemsize) for x in dead)
    return peak


def _elements(slot: Slot) -> int:
    return int(np.prod(slot.shape, dtype=np.int64))


def is_structured(program: Program) -> Any:
    """The one real dtype of all tangents, or why there is none."""
    variables: tuple[Any, ...] = (*program.inputs, *program.outputs, *program.carrying)
    if not all(hasattr(v.aval, "dtype") for v in variables):
        return "it has values that are no arrays"
    dtypes = {np.dtype(v.aval.dtype) for v in variables if is_inexact(v.aval.dtype)}
    ends: tuple[Any, ...] = (*program.inputs, *program.outputs)
    if not all(is_inexact(v.aval.dtype) for v in ends):
        return "it has integer inputs or outputs"
    if program.jaxpr.effects:
        return "the program has effects"
    if len(dtypes) != 1:
        return f"it computes in several types: {', '.join(sorted(map(str, dtypes)))}"
    if program.rows == 0 or program.columns == 0:
        return "there is nothing to compute"
    (dtype,) = dtypes
    if dtype.name not in ("float32", "float64"):
        return f"partials are not multiplied in {dtype}"
    if not all(
        mesh.is_on_one_device(v.aval) for v in (*program.inputs, *program.outputs)
    ):
        return "its arrays are spread over devices"
    return dtype
