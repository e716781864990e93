"""Planned Jacobians: a plan for a captured program, and the program that follows it."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, replace
from typing import Any

import jax
import numpy as np

from irad._compat import ir
from irad._compat.known import number
from irad.caching import Recent, forgettable
from irad.capture import Captured
from irad.ellpack import values_of
from irad.errors import PlanError
from irad.fingerprint import UnhashableError, fingerprint
from irad.measurements import Times, name_of, recalled, remember
from irad.planning.choice import Options, planned
from irad.planning.plans import Plan
from irad.planning.program import Program, without_calls
from irad.planning.recipes import make
from irad.planning.result import SparseEntries, Structure
from irad.planning.sweeps import called
from irad.seeds import PLAIN
from irad.staging import Function
from irad.tables import duration
from irad_passes import dce

PLANS_KEPT = 1024
"""So many plans are remembered; the least recently used goes first."""

_PLANS: Recent[Plan] = forgettable(Recent(PLANS_KEPT))


def digest(captured: Captured) -> bytes:
    """What the constants that a pattern may depend on are: those of integers and bools.

    What an outer transformation gives is unknown.
    """
    found = hashlib.blake2b(digest_size=16)
    for x in captured.inputs[: captured.num_consts]:
        if _says_where(x):
            known = number(x)
            if known is None:
                found.update(b"unknown")
                continue
            value = np.asarray(known)
            found.update(repr((value.dtype, value.shape)).encode())
            found.update(np.ascontiguousarray(value).tobytes())
    return found.digest()


def _says_where(x: Any) -> bool:
    """Whether a constant may be an index array or a mask."""
    dtype = ir.typeof(x).dtype
    return not ir.is_extended(dtype) and dtype.kind in "iub"


def program_of(captured: Captured, lifted: int = 0) -> Program:
    """A captured function as planning sees it.

    The first ``lifted`` constants were literals and stand for any value.
    """
    n, m = captured.num_consts, captured.num_outputs
    jaxpr = dce(without_calls(captured.jaxpr))
    consts = zip(jaxpr.invars[:n], captured.inputs[:n], strict=True)
    numbers = {
        v: number(x)
        for i, (v, x) in enumerate(consts)
        if i >= lifted and _says_where(x)
    }
    known = {v: np.asarray(x) for v, x in numbers.items() if x is not None}
    return Program(jaxpr, tuple(jaxpr.invars[n:]), tuple(jaxpr.outvars[:m]), known)


def key_of(captured: Captured) -> Any:
    """What a plan is for: the program but for its literals, and index constants."""
    try:
        family = fingerprint(captured.jaxpr).family
    except UnhashableError:
        return None
    counts = (captured.num_consts, captured.num_outputs)
    return family, counts, digest(captured), ir.trace_context()


def plan_for(captured: Captured, options: Options, given: Plan | None) -> Plan:
    """The plan of a captured function: the given one, a remembered or a new one."""
    key = key_of(captured)
    if given is not None:
        if key is None or given.key != key:
            raise PlanError(
                f"the plan is for another program ({given.title}): its equations, the "
                "types of its inputs or its index constants differ. Make a new plan "
                "with irad.plan, or leave out plan=."
            )
        return given
    found = _PLANS.get((key, options)) if key is not None else None
    if found is None:
        found = planned(program_of(captured), options, key)
        by_clock = options.effort == "measure"
        if by_clock:
            found = measured(captured, found, options)
        if key is not None and not (by_clock and captured.is_abstract):
            _PLANS.put((key, options), found)
    return found


MEASURED, RUNS = 3, 7
"""So many candidates are compiled, and each is run so often."""


def measured(captured: Captured, plan: Plan, options: Options) -> Plan:
    """The fastest of the best few candidates, by the clock on the inputs at hand.

    What was measured before is not measured again. Under an outer transformation there
    are no inputs, and without a measurement the prediction stands.
    """
    name = None if plan.key is None else name_of(plan.key[:-1], options)
    chosen = by_times(plan, recalled(name) or {})
    if chosen is not None:
        return chosen
    if captured.is_abstract:
        return replace(plan, reason=f"{plan.reason} Not measured: inputs are traced.")
    form = "entries" if options.sparse and not options.factored else "dense"
    rows = [i for i, c in enumerate(plan.candidates) if c.seconds is not None]
    best = sorted(rows, key=lambda i: plan.candidates[i].seconds or 0.0)[:MEASURED]
    times = {
        plan.candidates[i].way: _median_time(captured, plan.choosing(i), form)
        for i in best
    }
    remember(name, times)
    chosen = by_times(plan, times)
    assert chosen is not None
    return chosen


def by_times(plan: Plan, times: Times) -> Plan | None:
    """The plan with the fastest of its open ways that were timed; None without one."""
    open_ = {c.way: i for i, c in enumerate(plan.candidates) if c.seconds is not None}
    ways = sorted(open_.keys() & times.keys(), key=lambda way: times[way])
    if not ways:
        return None
    rows = ", ".join(f"{way} {duration(times[way])}" for way in ways)
    return replace(plan, chosen=open_[ways[0]], reason=f"measured: {rows}.")


def _median_time(captured: Captured, plan: Plan, form: str) -> float:
    followed = follow(captured, plan, form, 0)
    jax.block_until_ready(followed.run(captured.inputs))
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        jax.block_until_ready(followed.run(captured.inputs))
        times.append(time.perf_counter() - started)
    return sorted(times)[RUNS // 2]


@dataclass(frozen=True, eq=False)
class Followed:
    """A plan's program, staged.

    ``run(inputs)`` gives the values of all outputs and the Jacobian: the dense blocks,
    the values of ``entries``, or the arrays of ``structure`` in the order of ``slots``.
    """

    plan: Plan
    run: Function
    structure: Structure | None = None
    entries: SparseEntries | None = None
    slots: tuple[int, ...] = ()


def follow(captured: Captured, plan: Plan, form: str, lifted: int) -> Followed:
    """The program of a plan; ``form`` is ``dense``, ``entries`` or ``structure``."""
    program = program_of(captured, lifted)
    made = make(program, plan.recipe)
    if made is None:
        return _plain(captured, plan)
    structure = made.structure
    entries = structure.entries() if form == "entries" else None
    slots = tuple(sorted({s.number for s in structure.slots()}))
    values = _values(captured.jaxpr)

    def run(*inputs: Any) -> tuple[list[Any], Any]:
        env = made.sweeps.environment(inputs)
        computed = made.sweeps.values(env, structure.all_terms())
        if form == "structure":
            return values(inputs), [computed[number] for number in slots]
        of = values_of(computed)
        if entries is not None:
            return values(inputs), entries.values(of, made.sweeps.dtype)
        return values(inputs), structure.dense(of, made.sweeps.dtype)

    return Followed(plan, Function(run), structure, entries, slots)


def _plain(captured: Captured, plan: Plan) -> Followed:
    run = PLAIN[plan.order](
        captured.jaxpr, captured.num_consts, captured.num_outputs, plan.recipe.chunk
    )
    return Followed(plan, run)


def _values(jaxpr: Any) -> Any:
    """The outputs of a program, bound as one call."""
    closed = ir.closed_jaxpr(jaxpr)
    return lambda inputs: called(closed, list(inputs), "value")
