"""What each way to a Jacobian costs, before it is emitted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from irad._compat import mesh
from irad._compat.ir import ClosedJaxpr, Jaxpr, is_inexact
from irad.accumulate import ENGINE
from irad.cost import Cost, cost_of, equation_cost, tidied
from irad.ellpack import TooWideError, slots_of
from irad.ellpack.terms import Step
from irad.graph import SplitProgram
from irad.linearization import is_differentiable
from irad.planning.program import Program
from irad.planning.result import Structure
from irad.planning.sweeps import Sweeps

IRREGULAR = 100
"""An element that is gathered or added one by one takes as long as so many bytes."""

MOST_ENTRIES = 1 << 26
"""So many entries are computed at most where a sparse Jacobian is wanted."""

CONTRACTION = 4
"""A step of so many flops for each entry is a product that is summed."""


def forward(
    program: Program, chunk: int | None = None, count: int | None = None
) -> Cost:
    """Values once and ``count`` tangents, by default one for each input element.

    They go in one batch, or ``chunk`` at a time.
    """
    made, _ = jvp_program(program)
    tangents = made.jaxpr.invars[len(program.jaxpr.invars) :]
    batch, times = _batches(program.columns if count is None else count, chunk)
    return cost_of(made.jaxpr, batch=batch, batched=tangents).scaled(times)


def reverse(
    program: Program, chunk: int | None = None, count: int | None = None
) -> Cost:
    """Values and residuals once and ``count`` cotangents, by default one for each row.

    They go in one batch, or ``chunk`` at a time.
    """
    split = vjp_program(program)
    given = split.linear.jaxpr.invars[len(split.sources) :]
    batch, times = _batches(program.rows if count is None else count, chunk)
    pulled = cost_of(split.linear.jaxpr, batch=batch, batched=given)
    return cost_of(split.forward.jaxpr) + pulled.scaled(times)


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


def _batches(count: int, chunk: int | None) -> tuple[int, int]:
    """The size of a batch of seeds, and how many there are."""
    batch = max(1, min(chunk or count, count))
    return batch, -(-count // batch)


def one_tangent(jaxpr: Jaxpr) -> float:
    """The flops of a linear program for one tangent."""
    return float(cost_of(jaxpr).flops) + 1.0


def structured(sweeps: Sweeps, structure: Structure, *, dense: bool) -> Cost:
    """The forward programs, what the tape computes, and the result written out."""
    if not dense and structure.computed > MOST_ENTRIES:
        raise TooWideError(f"{structure.computed} entries would be computed")
    total = Cost()
    for s in sweeps.swept:
        total += cost_of(tidied(s.split.forward.jaxpr))
        for eqn in s.walk.computed:
            total += equation_cost(eqn)
    itemsize = np.dtype(sweeps.dtype).itemsize
    steps = sweeps.tape.needed(slots_of(*structure.all_terms()))
    total += taped(steps, itemsize)
    entries = structure.rows * structure.columns if dense else structure.computed
    moved = 0 if dense or structure.factors else structure.entries().irregular
    apart = sum(factor.size for factor in structure.factors)
    flops = 2 * apart * structure.rows * structure.columns if dense else 0
    written = entries * itemsize
    moved *= IRREGULAR
    return total + Cost(
        flops=flops,
        contracted=flops,
        bytes=written + moved,
        peak_bytes=written,
        kernels=2,
    )


def written(program: Program, entries: int | None) -> Cost:
    """What it takes to write the result: all of it, or some entries."""
    count = program.rows * program.columns if entries is None else entries
    variables: tuple[Any, ...] = program.inputs
    size = count * np.dtype(variables[0].aval.dtype).itemsize
    return Cost(bytes=size, peak_bytes=size, kernels=1)


def taped(steps: Sequence[Step], itemsize: int) -> Cost:
    """Steps that are no products run inside other kernels, half of them stored."""
    flops = contracted = moved = kernels = live = 0
    for step in steps:
        size = int(np.prod(step.result.shape, dtype=np.int64))
        flops += step.flops
        live = max(live, size)
        if step.flops >= CONTRACTION * max(size, 1):
            read = sum(int(np.prod(slot.shape, dtype=np.int64)) for slot in step.slots)
            contracted += step.flops
            moved += size + read
            kernels += 1
        elif step.flops:
            moved += size // 2
    return Cost(
        flops=flops,
        contracted=contracted,
        bytes=moved * itemsize,
        peak_bytes=2 * live * itemsize,
        kernels=kernels,
    )


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
