"""Memory limits: the fastest schedule whose program XLA compiles into a limit.

Schedules are made and priced without compiling anything. Those that may fit are
compiled, the fastest first, and XLA's own account decides. Without a limit a gradient
whose loops stack more than the cache holds may have them nested, if that costs nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import jax

from irad import cost
from irad._compat import calls, ir
from irad._compat.ir import ClosedJaxpr, Jaxpr, JaxprEqn
from irad.caching import Recent, forgettable
from irad.checkpointing import Checkpointing, Schedule
from irad.checkpointing.named import NESTED, STORING, Loops, schedules
from irad.checkpointing.options import MAX_CHECKPOINTS
from irad.checkpointing.prices import bytes_of
from irad.checkpointing.schedules import written_out
from irad.cost.operations import DRAWS
from irad.errors import PlanError

T = TypeVar("T")

ACCOUNTS = 1024
"""So many programs' temporaries are remembered; the least recently used goes first."""

_ACCOUNTS: Recent[int] = forgettable(Recent(ACCOUNTS))

DOUBT, DOUBT_IN_SEGMENTS = 4, 16
"""So many times less than predicted may XLA take, which computes in few kernels. Of
segments, what a sum of cotangents is made of is predicted to be held to the end."""

_ACCOUNTING: Mapping[str, Any] = {"cpu": {"xla_backend_optimization_level": 0}}
"""What makes XLA faster at its account, and leaves it as it is: no code is run."""

WORTHWHILE = 2
"""So many times less must nested loops hold: their programs take longer to compile."""


@dataclass(frozen=True)
class Memory:
    """What a user wants of the memory of a derivative.

    A limit in bytes, the name of a schedule, how many states a loop of unknown length
    may store, and whether masks are kept, by which the derivative is ``nan_safe``.
    """

    limit: int | None = None
    schedule: str = "auto"
    max_checkpoints: int = MAX_CHECKPOINTS
    nan_safe: bool = False

    @property
    def is_limited(self) -> bool:
        """Whether temporaries are counted."""
        return self.limit is not None


@dataclass(frozen=True, eq=False)
class Derivative(Generic[T]):
    """A derivative: what to call, its programs, and the bytes held between them."""

    result: T
    programs: Sequence[ClosedJaxpr]
    held: int = 0


@dataclass(frozen=True, eq=False)
class Candidate(Generic[T]):
    """A schedule with its derivative, and its predicted time and peak.

    XLA may take less than the peak, but no less than ``least_bytes``.
    """

    schedule: Schedule
    derivative: Derivative[T]
    seconds: float
    peak_bytes: int
    least_bytes: int


def chosen(
    jaxpr: Jaxpr, make: Callable[[Schedule], Derivative[T]], memory: Memory, name: str
) -> T:
    """The derivative by a schedule, the fastest that is within the limit if one is set.

    Without one it is the plain one, or one that is as fast and holds less.

    Args:
        jaxpr: The program that is differentiated.
        make: Its derivative for a schedule.
        memory: What the user wants.
        name: What the derivative is of, for the message.

    Raises:
        PlanError: none is within the limit; the message has the least that would do.
    """
    found = schedules(
        jaxpr,
        memory.schedule,
        memory.limit,
        max_checkpoints=memory.max_checkpoints,
        nan_safe=memory.nan_safe,
    )
    if memory.limit is None:
        plain = next(found)
        derivative = make(plain)
        if memory.schedule != "auto" or not _may_be_nested(jaxpr, derivative):
            return derivative.result
        return _nested(_candidate(derivative, plain), make).derivative.result
    options = [*found]
    kept = [s for s in options if s.checkpointing.slots is None]
    candidates = [_candidate(make(s), s) for s in kept]
    candidates += _from_slots(jaxpr, make, options[len(kept) :])
    return _fitted(candidates, memory.limit, name)


def _fitted(candidates: Sequence[Candidate[T]], limit: int, name: str) -> T:
    """The fastest derivative that is within a limit once it is compiled.

    If none is, all are compiled that may be the smallest.
    """
    least = None
    for candidate in in_turn(candidates, limit):
        if least is not None and candidate.least_bytes >= least:
            continue
        actual = temporaries(candidate.derivative)
        if actual <= limit:
            return candidate.derivative.result
        least = actual if least is None else min(least, actual)
    raise PlanError(
        f"no schedule for the derivative of {name} fits memory_limit={limit} bytes: "
        f"the least that would do is {least} bytes. Raise the limit, or make the "
        "arrays of one step or layer smaller."
    )


def in_turn(candidates: Sequence[Candidate[T]], limit: int) -> list[Candidate[T]]:
    """The order to compile in: the fastest that may fit a limit, then the smallest.

    Those that are predicted to be alike are the same program, mostly.
    """
    different = {(c.seconds, c.peak_bytes): c for c in reversed(candidates)}
    likely = [c for c in different.values() if c.least_bytes <= limit]
    others = [c for c in different.values() if c.least_bytes > limit]
    return [
        *sorted(likely, key=lambda c: (c.seconds, c.peak_bytes)),
        *sorted(others, key=lambda c: (c.least_bytes, c.seconds)),
    ]


def _may_be_nested(jaxpr: Jaxpr, derivative: Derivative[Any]) -> bool:
    """Whether loops may have to be nested: each call maps their stacks anew.

    A pullback may run many times, and would run them again each time. What a loop draws
    at random is not drawn again.
    """
    if len(derivative.programs) > 1:
        return False
    (program,) = derivative.programs
    if sum(map(_stacked, program.jaxpr.eqns)) <= _machine().mapped:
        return False
    return not any(_draws(eqn) for eqn in jaxpr.eqns if eqn.primitive is ir.scan_p)


def _stacked(eqn: JaxprEqn) -> int:
    """Bytes that an equation stacks, if it is a loop."""
    if eqn.primitive is not ir.scan_p:
        return 0
    _, carries = calls.scan_counts(eqn.params)
    return sum(bytes_of(v.aval) for v in eqn.outvars[carries:])


def _draws(eqn: JaxprEqn) -> bool:
    """Whether an equation draws random numbers, or one that it holds does."""
    inside = (e for body in ir.inner_jaxprs(eqn) for e in body.eqns)
    return eqn.primitive in DRAWS or any(map(_draws, inside))


def _nested(
    plain: Candidate[T], make: Callable[[Schedule], Derivative[T]]
) -> Candidate[T]:
    """The plain candidate, or one with nested loops if faster and of half the peak."""
    levels, stretch = NESTED
    schedule = replace(plain.schedule, levels=levels, stretch=stretch)
    nested = _candidate(make(schedule), schedule)
    is_faster = nested.seconds < plain.seconds
    is_small = WORTHWHILE * nested.peak_bytes <= plain.peak_bytes
    return nested if is_faster and is_small else plain


def _candidate(derivative: Derivative[T], schedule: Schedule) -> Candidate[T]:
    costs = _costs(derivative)
    peak = derivative.held + max(each.likely_bytes for each in costs)
    seconds = sum(each.seconds for each in costs) + _machine().holding(peak)
    doubt = DOUBT_IN_SEGMENTS if schedule.has_segments else DOUBT
    return Candidate(schedule, derivative, seconds, peak, peak // doubt)


def _from_slots(
    jaxpr: Jaxpr, make: Callable[[Schedule], Derivative[T]], options: Sequence[Schedule]
) -> Iterator[Candidate[T]]:
    """Derivatives whose loops keep states in slots, priced by others.

    To the cost model their loops are of unknown length, and their slots as many arrays
    as there are loops that hand them on. They take the time of the derivative that
    keeps nothing but states, and of the program for each time that all steps are
    advanced again. The one with one slot is compiled: each further one holds a state.
    """
    if not options:
        return
    loops = Loops.of(written_out(jaxpr))
    states = Schedule(checkpointing=Checkpointing(storing=STORING[-1]))
    once = _candidate(make(states), states).seconds
    again = _cost(jaxpr).seconds
    least = temporaries(make(Schedule(checkpointing=Checkpointing(slots=1))))
    for schedule in options:
        slots = schedule.checkpointing.slots or 1
        derivative = make(schedule)
        time = once + loops.repeats(slots) * again
        peak = least + (slots - 1) * loops.state_bytes
        yield Candidate(schedule, derivative, time, peak, peak)


def _costs(derivative: Derivative[Any]) -> list[cost.Cost]:
    return [_cost(program.jaxpr) for program in derivative.programs]


def _cost(jaxpr: Jaxpr) -> cost.Cost:
    return cost.cost_of(cost.tidied(jaxpr), machine=_machine())


def _machine() -> cost.Machine:
    return cost.machine_of(jax.default_backend())


def temporaries(derivative: Derivative[Any]) -> int:
    """Bytes of temporaries that XLA reports for the programs, compiled here."""
    return derivative.held + max(map(_temporaries, derivative.programs))


def _temporaries(program: ClosedJaxpr) -> int:
    """XLA's account of a program, asked once for each text: limits share candidates."""
    inputs = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in program.in_avals]
    lowered = jax.jit(lambda *x: ir.evaluate(program, x)).lower(*inputs)
    text = hashlib.sha256(lowered.as_text().encode()).digest()
    key = text, jax.default_backend(), ir.trace_context()
    known = _ACCOUNTS.get(key)
    if known is None:
        known = _account(lowered)
        _ACCOUNTS.put(key, known)
    return known


def _account(lowered: jax.stages.Lowered) -> int:
    options = _ACCOUNTING.get(jax.default_backend())
    memory: Any = lowered.compile(compiler_options=options).memory_analysis()
    return memory.temp_size_in_bytes
