"""Memory limits: the fastest schedule whose program XLA compiles into a limit.

Schedules are made and priced without compiling anything. Of those that are predicted to
fit, the fastest is compiled, and XLA's own account decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Generic, TypeVar

import jax

from irad import cost
from irad._compat import ir
from irad._compat.ir import ClosedJaxpr, Jaxpr
from irad.checkpointing import Checkpointing, Schedule
from irad.checkpointing.schedules import written_out
from irad.errors import PlanError

T = TypeVar("T")

SCHEDULES = ("auto", "all", "none", "sqrt", "binomial")
STORING = (1.0, 4.0, 1e4)
LEVELS = ((1, 1.0), (2, 2.0), (2, 1.0), (2, 0.5), (3, 1.0), (4, 1.0), (6, 1.0))
SEGMENTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
# Where nothing is predicted to fit, so many of the smallest are compiled.
LAST_RESORTS = 4
# Predicted peaks are up to so many times XLA's, which decides.
DOUBT = 2


@dataclass(frozen=True)
class Memory:
    """What a user wants of the memory of a derivative: a limit in bytes, a schedule."""

    limit: int | None = None
    schedule: str = "auto"


@dataclass(frozen=True)
class Derivative(Generic[T]):
    """A derivative: what to call, its programs, and the bytes held between them."""

    result: T
    programs: Sequence[ClosedJaxpr]
    held: int = 0


@dataclass(frozen=True)
class Candidate(Generic[T]):
    """A schedule with its derivative, and its predicted time and peak."""

    schedule: Schedule
    derivative: Derivative[T]
    seconds: float
    peak_bytes: int


def chosen(
    jaxpr: Jaxpr, make: Callable[[Schedule], Derivative[T]], memory: Memory, name: str
) -> T:
    """The derivative by a schedule, the fastest that is within the limit if one is set.

    Args:
        jaxpr: The program that is differentiated.
        make: Its derivative for a schedule.
        memory: What the user wants.
        name: What the derivative is of, for the message.

    Raises:
        PlanError: none is within the limit; the message has the least that would do.
    """
    options = list(schedules(jaxpr, memory.schedule))
    if memory.limit is None:
        return make(options[0]).result
    return _fitted([_candidate(make, s) for s in options], memory.limit, name)


def _fitted(candidates: Sequence[Candidate[T]], limit: int, name: str) -> T:
    """The fastest derivative that is within a limit once it is compiled."""
    found = front(candidates)
    promising = [c for c in found if c.peak_bytes <= DOUBT * limit]
    least = None
    for candidate in promising or found[-LAST_RESORTS:]:
        actual = temporaries(candidate.derivative)
        if actual <= limit:
            return candidate.derivative.result
        least = actual if least is None else min(least, actual)
    raise PlanError(
        f"no schedule for the derivative of {name} fits memory_limit={limit} bytes: "
        f"the least that would do is {least} bytes. Raise the limit, or make the "
        "arrays of one step or layer smaller."
    )


def schedules(jaxpr: Jaxpr, name: str = "auto") -> Iterator[Schedule]:
    """The schedules of a name; for ``"auto"`` those worth trying, the fastest first."""
    has_loops = any(eqn.primitive is ir.scan_p for eqn in jaxpr.eqns)
    flat = written_out(jaxpr)
    has_loops |= any(eqn.primitive is ir.scan_p for eqn in flat.eqns)
    levels = LEVELS if has_loops else LEVELS[:1]
    storing = STORING if has_loops else STORING[:1]
    segments = [s for s in SEGMENTS if s == 1 or 4 * s <= len(flat.eqns)]
    if has_loops:
        segments = segments[:1]
    for s, (depth, stretch), price in product(segments, levels, storing):
        yield Schedule(s, depth, stretch, Checkpointing(price))


def front(candidates: Sequence[Candidate[T]]) -> list[Candidate[T]]:
    """Those that are fastest for their peak, from the fastest to the smallest."""
    found: list[Candidate[T]] = []
    for candidate in sorted(candidates, key=lambda c: (c.seconds, c.peak_bytes)):
        if not found or candidate.peak_bytes < found[-1].peak_bytes:
            found.append(candidate)
    return found


def _candidate(
    make: Callable[[Schedule], Derivative[T]], schedule: Schedule
) -> Candidate[T]:
    derivative = make(schedule)
    programs = (cost.tidied(program.jaxpr) for program in derivative.programs)
    costs = [replace(c, peak_bytes=c.likely_bytes) for c in map(cost.cost_of, programs)]
    backend = jax.default_backend()
    return Candidate(
        schedule,
        derivative,
        sum(cost.seconds(each, backend) for each in costs),
        derivative.held + max(each.peak_bytes for each in costs),
    )


def temporaries(derivative: Derivative[Any]) -> int:
    """Bytes of temporaries that XLA reports for the programs, compiled here."""
    return derivative.held + max(map(_temporaries, derivative.programs))


def _temporaries(program: ClosedJaxpr) -> int:
    inputs = [jax.ShapeDtypeStruct(v.shape, v.dtype) for v in program.in_avals]
    run = jax.jit(lambda *x: ir.evaluate(program, x))
    memory: Any = run.lower(*inputs).compile().memory_analysis()
    return memory.temp_size_in_bytes
