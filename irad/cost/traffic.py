"""The kernels that XLA makes of a list of steps: what they compute, move and hold.

A step that computes each entry of its result from entries of its operands runs inside
the kernels that use the result, and again in each of them, unless it is dear. In memory
are inputs and outputs, what contractions, sorts, loops and other such steps read and
write, and what is dear and needed more than once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from jax import lax

from irad._compat import ir
from irad.cost.entries import size
from irad.cost.machines import Machine, kernel_seconds
from irad.cost.operations import FUNCTIONS, MOVES, entries_p, is_entrywise
from irad.cost.quantities import Cost
from irad.cost.steps import Program, Step, Value

# A kernel of its own, though no arithmetic is done.
_UNFUSED: frozenset[ir.Primitive] = frozenset(
    {lax.scatter_p, lax.top_k_p, lax.optimization_barrier_p, lax.copy_p}
)
# Each entry of the result from few entries of the operands.
_FUSED: frozenset[ir.Primitive] = MOVES.union(FUNCTIONS, {lax.integer_pow_p}) - _UNFUSED
# Kernels that compute the entries of their operands as they read them.
_REDUCES: frozenset[ir.Primitive] = frozenset(
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
# Different formulas at different places, which XLA does not write out several times.
_JOINS: frozenset[ir.Primitive] = frozenset({lax.concatenate_p, lax.pad_p})
_SHIFTS: frozenset[ir.Primitive] = frozenset({lax.slice_p, lax.pad_p, lax.split_p})
# Where the operand that holds the new entries stands.
_UPDATES: dict[ir.Primitive, int] = {
    lax.dynamic_update_slice_p: 1,
    lax.scatter_p: 2,
    lax.scatter_add_p: 2,
}


def kernels_of(
    program: Program, costs: Mapping[Step, Cost], machine: Machine | None = None
) -> Cost:
    """The cost of a program from the costs of its steps alone, on a machine if given.

    Those of steps that run programs of their own count kernels, and are taken whole.
    """
    kernels = list(_Fusion.of(program).kernels(program, costs))
    if machine is not None:
        touched = _touched(kernels, program)
        kernels = [kernel.timed(touched, machine) for kernel in kernels]
    total = sum((kernel.cost for kernel in kernels), start=Cost())
    bounding = list(_Fusion.of(program, cautious=True).kernels(program, costs))
    return replace(
        total,
        peak_bytes=_peak(bounding, program),
        likely_bytes=_likely_peak(kernels, program),
    )


def is_fused(step: Step) -> bool:
    """Whether a step can run inside the kernels that use its result."""
    if step.eqn.primitive is lax.concatenate_p:
        return not _joins_rows(step.eqn)
    return step.eqn.primitive in _FUSED or is_entrywise(step.eqn)


_LONG = 128
"""XLA for CPUs joins rows in a kernel of its own if they become so long."""


def _joins_rows(eqn: ir.JaxprEqn) -> bool:
    """Whether an equation joins arrays along their last axis to long rows."""
    aval: Any = eqn.outvars[0].aval
    last = aval.ndim - 1
    return 0 < last == eqn.params["dimension"] and aval.shape[last] >= _LONG


def _takes_in(step: Step) -> bool:
    """Whether a step's operands can be computed in its kernel."""
    return is_fused(step) or step.eqn.primitive in _REDUCES


_SMALL, _LARGE = 1024, 16 * 1024
"""XLA computes the operand of a reduction inside it where it has so few entries, or
fills so many bytes and nothing else uses it. It stores those between."""


def _reads_stored(use: Step, x: Value, uses: int) -> bool:
    """Whether ``use`` is a reduction that reads ``x`` from memory."""
    if use.eqn.primitive not in _REDUCES or is_fused(use):
        return False
    return x.copies * size(x.aval) > _SMALL and (x.bytes < _LARGE or uses > 1)


def _is_dear(step: Step) -> bool:
    """Whether a result is rather stored than computed twice."""
    primitive = step.eqn.primitive
    if primitive is entries_p:
        return step.eqn.params["is_dear"]
    if is_entrywise(step.eqn):
        return False
    if primitive in _REDUCES or primitive is lax.div_p:
        return True
    return primitive in FUNCTIONS and FUNCTIONS[primitive].transcendentals > 0


def _may_repeat(step: Step) -> bool:
    """Whether a cheap step reads no more than it writes: repeating it is no loss."""
    if _is_dear(step) or step.eqn.primitive in _JOINS:
        return False
    large = [x for x in step.x if x.bytes > 8]
    return len(large) <= 1 or sum(x.bytes for x in large) <= step.y[0].bytes


def _reads_again(step: Step, use: Step, uses: int, again: Collection[Value]) -> bool:
    """Whether ``use`` needs entries of a result of ``step`` at several places.

    ``again`` are the values that later steps of its kernel need so.
    """
    primitive = use.eqn.primitive
    if primitive is lax.broadcast_in_dim_p and step.y[0].bytes < use.y[0].bytes:
        return True
    if uses > 1 and primitive in _SHIFTS:
        return True
    return is_fused(use) and use.y[0] in again


def _places(use: Step, step: Step, roots: set[Any]) -> set[Any]:
    """The kernels that compute ``step`` for a use: each operand of a join is one."""
    if use.eqn.primitive is entries_p and use.eqn.params["is_joined"]:
        return {(use, step.y[0])}
    return roots


@dataclass(frozen=True)
class _Kernel:
    """What one kernel reads and writes, and the step that it ends with."""

    root: Step
    reads: Mapping[Value, int]
    writes: tuple[Value, ...]
    work: Cost

    @property
    def is_in_place(self) -> bool:
        """Whether a result can stand where an operand of its size was."""
        return is_fused(self.root) or self.root.eqn.primitive in _UPDATES

    @property
    def cost(self) -> Cost:
        if self.work.kernels:
            return self.work
        moved = sum(self.reads.values()) + self.written
        return replace(self.work, bytes=moved, kernels=1)

    @property
    def written(self) -> int:
        """Bytes that it writes: of an array that it updates, the new ones."""
        written = sum(y.bytes for y in self.writes)
        update = _UPDATES.get(self.root.eqn.primitive)
        if update is not None:
            written = min(written, self.root.x[update].bytes)
        return written

    def timed(self, touched: int, machine: Machine) -> _Kernel:
        """The kernel with its seconds; one that runs programs has those of theirs."""
        if self.work.kernels:
            return self
        seconds = kernel_seconds(self.cost, self.written, touched, machine)
        return replace(self, work=replace(self.work, seconds=seconds))


@dataclass(frozen=True)
class _Fusion:
    """Which values are in memory, and which are computed inside kernels all the same.

    ``makers`` has the step behind each value that a kernel may compute for itself, of
    those ``unreduced`` no reduction does.
    """

    stored: frozenset[Value]
    makers: Mapping[Value, Step]
    unreduced: frozenset[Value]

    @classmethod
    def of(cls, program: Program, *, cautious: bool = False) -> _Fusion:
        """Decides from the last step to the first, as XLA does.

        A ``cautious`` one stores all that XLA may: what is used twice or reduced.
        """
        users: dict[Value, list[Step]] = defaultdict(list)
        for step in program.steps:
            for x in dict.fromkeys(step.x):
                users[x].append(step)
        outputs = set(program.outputs)
        stored = {*program.inputs, *outputs}
        makers: dict[Value, Step] = {}
        again: set[Value] = set()
        unreduced: set[Value] = set()
        roots: dict[Step, set[Any]] = {}
        for step in reversed(program.steps):
            uses = [use for y in step.y for use in users[y]]
            places = (_places(use, step, roots[use]) for use in uses)
            inside = set(islice(set().union(*places), 2))
            is_inside = all(map(_takes_in, uses)) and outputs.isdisjoint(step.y)
            if any(_reads_again(step, use, len(uses), again) for use in uses):
                again.update(step.y)
            is_inside &= not cautious or len(uses) <= 1
            count = 2 if cautious else len(uses)
            if any(_reads_stored(use, step.y[0], count) for use in uses):
                unreduced.update(step.y)
                is_inside = False
            if _is_dear(step) or step.eqn.primitive in _JOINS:
                is_inside &= len(inside) == 1 and step.y[0] not in again
            if not (is_inside and _takes_in(step)):
                stored.update(step.y)
                again.difference_update(step.y)
                inside = {step}
            repeats = _may_repeat(step) and not cautious
            if _takes_in(step) and (is_inside or repeats):
                makers.update(dict.fromkeys(step.y, step))
            roots[step] = inside
        return cls(frozenset(stored), makers, frozenset(unreduced))

    def kernels(
        self, program: Program, costs: Mapping[Step, Cost]
    ) -> Iterator[_Kernel]:
        """The kernels, in order."""
        for step in program.steps:
            writes = tuple(y for y in step.y if y in self.stored)
            if writes or not _takes_in(step):
                yield self._kernel(step, writes, costs)

    def _computes(self, step: Step, x: Value) -> bool:
        """Whether a step's kernel computes an operand, if it may."""
        return is_fused(step) or (_takes_in(step) and x not in self.unreduced)

    def _kernel(
        self, root: Step, writes: tuple[Value, ...], costs: Mapping[Step, Cost]
    ) -> _Kernel:
        """The kernel that ends with ``root``: itself and what it computes inside."""
        reads: dict[Value, int] = {}
        inside = {root: None}
        waiting = [root]
        while waiting:
            step = waiting.pop()
            limit = step.y[0].bytes if step.eqn.primitive in _SLICES else None
            for x in step.x:
                maker = self.makers.get(x) if self._computes(step, x) else None
                if maker is None:
                    part = x.bytes if limit is None else min(x.bytes, limit)
                    reads[x] = min(x.bytes, reads.get(x, 0) + part)
                elif maker not in inside:
                    inside[maker] = None
                    waiting.append(maker)
        if root.eqn.primitive in _UPDATES:
            reads[root.x[0]] = 0
        work = sum((costs[step] for step in inside), start=Cost())
        return _Kernel(root, reads, writes, work)


def _touched(kernels: Sequence[_Kernel], program: Program) -> int:
    """The bytes of all places that kernels read and write.

    What is made and read in between takes the places of what was read before it.
    """
    last = {x: i for i, kernel in enumerate(kernels) for x in kernel.reads}
    outputs = set(program.outputs)
    lasting: dict[Value, int] = {}
    passing: dict[Value, int] = {}
    held = most = 0
    for i, kernel in enumerate(kernels):
        for y in kernel.writes:
            part = min(y.bytes, kernel.written)
            if y in outputs:
                lasting[y] = part
            elif y in last:
                passing[y] = part
                held += part
        most = max(most, held)
        for x, part in kernel.reads.items():
            if x not in passing:
                lasting[x] = max(part, lasting.get(x, 0))
            elif last[x] == i:
                held -= passing.pop(x)
    return sum(lasting.values()) + most


def _likely_peak(kernels: Sequence[_Kernel], program: Program) -> int:
    """The bytes that are likely to be held at once besides the inputs.

    A result takes the place of an operand of its size that is read for the last time.
    """
    last = {x: i for i, kernel in enumerate(kernels) for x in kernel.reads}
    kept = {*program.outputs, *program.inputs}
    live: set[Value] = set()
    held = peak = 0
    for i, kernel in enumerate(kernels):
        dying = {x for x in kernel.reads if last[x] == i and x in live - kept}
        place = max((x.bytes for x in dying), default=0) if kernel.is_in_place else 0
        new = sum(y.bytes for y in kernel.writes)
        held += new
        peak = max(peak, held + kernel.work.likely_bytes - min(place, new))
        live.update(kernel.writes)
        live -= dying
        held -= sum(x.bytes for x in dying)
        unread = [y for y in kernel.writes if y not in last and y not in kept]
        held -= sum(y.bytes for y in unread)
    return peak


def _peak(kernels: Sequence[_Kernel], program: Program) -> int:
    """A bound of the bytes that are held at once besides the inputs.

    No result takes the place of an operand, that of a contraction may be turned, and
    what is smaller than a place is never freed, whether it is stored or not.
    """
    last = {x: i for i, kernel in enumerate(kernels) for x in kernel.reads}
    kept = {*program.outputs, *program.inputs}
    live: set[Value] = set()
    held = peak = 0
    for i, kernel in enumerate(kernels):
        dying = {x for x in kernel.reads if last[x] == i and x in live - kept}
        held += sum(room(y.bytes) for y in kernel.writes if y not in live)
        turned = sum(room(y.bytes) for y in kernel.writes if kernel.work.contracted)
        peak = max(peak, held + turned + kernel.work.peak_bytes)
        live.update(kernel.writes)
        live -= dying
        held -= sum(room(x.bytes) for x in dying)
        unread = [y for y in kernel.writes if y not in last and y not in kept]
        held -= sum(room(y.bytes) for y in unread)
    small = (y for step in program.steps for y in step.y if y.bytes <= PLACE)
    return peak + sum(PLACE for _ in small)


PLACE = 64
"""XLA's arrays begin at multiples of so many bytes."""


def room(size: int) -> int:
    """The bytes of the places that an array of ``size`` bytes takes."""
    return -(-size // PLACE) * PLACE
