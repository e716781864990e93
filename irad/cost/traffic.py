"""Memory traffic and memory of a list of steps, when XLA has fused what it can.

Steps that compute each entry of their result from entries of their operands run inside
the kernel that uses them. In memory are inputs and outputs, what contractions, sorts,
loops and other such steps read and write, what reductions write, and what is dear or
used too often to be computed again for every use.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from jax import lax

from irad._compat import ir
from irad.cost.operations import FUNCTIONS, MOVES
from irad.cost.quantities import Cost
from irad.cost.steps import Program, Step, Value

# A kernel of its own, though no arithmetic is done.
_UNFUSED: frozenset[ir.Primitive] = frozenset(
    {lax.scatter_p, lax.top_k_p, lax.optimization_barrier_p, lax.copy_p}
)
# Computed within kernels: each entry of the result from few entries of the operands.
FUSED: frozenset[ir.Primitive] = MOVES.union(FUNCTIONS, {lax.integer_pow_p}) - _UNFUSED
# Kernels that compute the entries of their operands as they read them.
_FUSES_OPERANDS: frozenset[ir.Primitive] = frozenset(
    {
        lax.reduce_sum_p,
        lax.reduce_max_p,
        lax.reduce_min_p,
        lax.reduce_prod_p,
        lax.reduce_and_p,
        lax.reduce_or_p,
        lax.argmax_p,
        lax.argmin_p,
    }
)
_SLICES: frozenset[ir.Primitive] = frozenset(
    {lax.slice_p, lax.dynamic_slice_p, lax.gather_p}
)
_UPDATES: frozenset[ir.Primitive] = frozenset(
    {lax.dynamic_update_slice_p, lax.scatter_p, lax.scatter_add_p}
)
# What is used more often than this is stored.
_USES = 3

Reads = dict[Value, int]


def moved(program: Program, nested: Mapping[Step, Cost]) -> Cost:
    """Bytes, kernels and peak of a program, without its operations.

    ``nested`` has the cost of the steps that run a program of their own.
    """
    kernels = list(_kernels(program, nested, _stored(program)))
    total = sum((kernel.cost for kernel in kernels), start=Cost())
    return replace(total, peak_bytes=_peak(kernels, program))


def _stored(program: Program) -> set[Value]:
    """The values that are in memory."""
    uses = Counter(x for step in program.steps for x in set(step.x))
    stored = {*program.inputs, *program.outputs}
    for step in program.steps:
        if not is_fused(step):
            stored.update(step.y)
            if step.eqn.primitive not in _FUSES_OPERANDS:
                stored.update(step.x)
        elif any(uses[y] > (1 if is_dear(step) else _USES) for y in step.y):
            stored.update(step.y)
    return {x for x in stored if x.bytes}


def is_fused(step: Step) -> bool:
    """Whether a step runs inside the kernels that use its result."""
    return step.eqn.primitive in FUSED


def is_dear(step: Step) -> bool:
    """Whether XLA would rather store a result than compute it twice."""
    function = FUNCTIONS.get(step.eqn.primitive)
    if function is None:
        return False
    return function.transcendentals > 0 or step.eqn.primitive is lax.div_p


@dataclass(frozen=True)
class _Kernel:
    """What one kernel reads and writes, and what it does inside, if that is known."""

    reads: Reads
    writes: tuple[Value, ...]
    in_place: bool
    inside: Cost | None

    @property
    def cost(self) -> Cost:
        if self.inside is not None:
            return Cost(bytes=self.inside.bytes, kernels=self.inside.kernels)
        written = sum(y.bytes for y in self.writes)
        return Cost(bytes=sum(self.reads.values()) + written, kernels=1)


def _kernels(
    program: Program, nested: Mapping[Step, Cost], stored: set[Value]
) -> Iterator[_Kernel]:
    """The kernels in order."""
    made = {y for step in program.steps for y in step.y}
    inside: dict[Value, Reads] = {}

    def reads(step: Step) -> Reads:
        found: Reads = {}
        limit = step.y[0].bytes if step.eqn.primitive in _SLICES else None
        for x in step.x:
            leaves = inside[x] if x in made and x not in stored else {x: x.bytes}
            for leaf, n in leaves.items():
                part = n if limit is None else min(n, limit)
                found[leaf] = max(found.get(leaf, 0), part)
        return found

    for step in program.steps:
        found = reads(step)
        inside.update(dict.fromkeys(step.y, found))
        if not is_fused(step) or any(y in stored for y in step.y):
            writes = tuple(y for y in step.y if y in stored)
            in_place = is_fused(step) or step.eqn.primitive in _UPDATES
            yield _Kernel(found, writes, in_place, nested.get(step))


def _peak(kernels: Sequence[_Kernel], program: Program) -> int:
    """The most bytes that are held at once besides the inputs.

    A result takes the place of an operand of its size that is read for the last time.
    """
    last = {x: i for i, kernel in enumerate(kernels) for x in kernel.reads}
    kept = {*program.outputs, *program.inputs}
    live: set[Value] = set()
    held = peak = 0
    for i, kernel in enumerate(kernels):
        dying = {x for x in kernel.reads if last[x] == i and x in live - kept}
        place = max((x.bytes for x in dying), default=0) if kernel.in_place else 0
        new = [y for y in kernel.writes if y in last or y in kept]
        held += sum(y.bytes for y in new)
        inside = 0 if kernel.inside is None else kernel.inside.peak_bytes
        peak = max(peak, held + inside - min(place, sum(y.bytes for y in new)))
        live.update(new)
        live -= dying
        held -= sum(x.bytes for x in dying)
    return peak
