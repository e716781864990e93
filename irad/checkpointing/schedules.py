"""Schedules: a program rewritten so that its gradient keeps less and computes more.

Straight-line code is cut into segments where the fewest bytes pass; of a segment only
what enters it is kept (Chen et al., Training deep nets with sublinear memory cost,
2016, arXiv:1604.06174). A segment may be cut again: one more forward run for the
memory of one more root. A loop of ``n`` steps becomes loops nested ``levels`` deep of
about the ``levels``-th root of ``n`` steps each, and keeps the state at each start of
an inner one: the memory of ``levels`` roots for ``levels - 1`` more forward runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from irad._compat import ir
from irad._compat.ir import Jaxpr, JaxprEqn, Var
from irad.checkpointing.options import DEFAULT, Checkpointing
from irad.checkpointing.prices import bytes_of
from irad_passes import cut_scan, inline, nested, segmented
from irad_passes.bodies import BodyRewriter

SMALLEST = 4
"""A segment of straight-line code has so many equations or more."""


@dataclass(frozen=True)
class Schedule:
    """One way to trade time for memory; as it stands, none.

    ``segments`` of straight-line code, the last of which is no segment but what is
    differentiated first; segments or loops nested ``levels`` deep, an inner loop
    ``stretch`` times as long as for even nesting; whether what enters a segment is
    computed from the inputs again (``nested``); what loops keep for each step; and
    into how many segments a ``step`` is cut itself.
    """

    segments: int = 1
    levels: int = 1
    stretch: float = 1.0
    nested: bool = False
    checkpointing: Checkpointing = DEFAULT
    step: int = 1

    @property
    def has_segments(self) -> bool:
        """Whether code is cut, and not loops alone."""
        return self.segments > 1 or self.step > 1


def scheduled(jaxpr: Jaxpr, schedule: Schedule) -> Jaxpr:
    """A program rewritten for a schedule; its values are the same."""
    if schedule.step > 1:
        jaxpr = _with_cut_steps(jaxpr, schedule.step)
    if schedule.levels > 1:
        eqns = [e for eqn in jaxpr.eqns for e in _cut(eqn, schedule)]
        jaxpr = jaxpr.replace(eqns=eqns)
    if schedule.segments == 1:
        return jaxpr
    jaxpr = written_out(jaxpr)
    if schedule.nested:
        return nested(jaxpr, starts(jaxpr, schedule.segments))
    return _in_segments(jaxpr, schedule.segments, schedule.levels)


def _in_segments(jaxpr: Jaxpr, segments: int, levels: int) -> Jaxpr:
    """A program in segments, and each of them, and what is open, in such again."""

    def inside(part: Jaxpr) -> Jaxpr:
        if levels == 1 or len(part.eqns) < SMALLEST * segments:
            return part
        return _in_segments(part, segments, levels - 1)

    found = starts(jaxpr, segments)
    cut = segmented(jaxpr, found, inside)
    after = len(jaxpr.eqns) - found[-1]
    before = cut.eqns[: len(cut.eqns) - after]
    opened = inside(jaxpr.replace(eqns=jaxpr.eqns[found[-1] :]))
    return cut.replace(eqns=[*before, *opened.eqns])


def _with_cut_steps(jaxpr: Jaxpr, segments: int) -> Jaxpr:
    """A program with segments in each step of its loops, and of the loops in those."""

    def cut(body: Jaxpr) -> Jaxpr:
        flat = written_out(_with_cut_steps(body, segments))
        if len(flat.eqns) < SMALLEST * segments:
            return flat
        return _in_segments(flat, segments, 1)

    rewritten = BodyRewriter(cut)
    eqns = [rewritten(e) if e.primitive is ir.scan_p else e for e in jaxpr.eqns]
    return jaxpr.replace(eqns=eqns)


def written_out(jaxpr: Jaxpr) -> Jaxpr:
    """A program whose calls are equations of its own, so that it can be cut inside."""
    return inline(jaxpr, max_equations=1 << 20, keep_shared=False)


def _cut(eqn: JaxprEqn, schedule: Schedule) -> list[JaxprEqn]:
    if eqn.primitive is not ir.scan_p:
        return [eqn]
    return cut_scan(eqn, lengths(eqn.params["length"], schedule))


def lengths(n: int, schedule: Schedule) -> list[int]:
    """Steps of the segments of a loop, of their segments and so on.

    A length may be a sixth off for fewer steps to be left over.

    >>> lengths(1000, Schedule(levels=3))
    [100, 10]
    >>> lengths(10_000, Schedule(levels=3))
    [500, 20]
    """
    found, levels, whole = [], schedule.levels, n
    for i in range(1, levels):
        even = schedule.stretch * n ** ((levels - i) / levels)
        near = range(max(2, round(even * 5 / 6)), max(2, round(even * 7 / 6)) + 1)
        found.append(min(near, key=lambda k: (whole % k, abs(k - even))))
        whole = found[-1]
    return found


def starts(jaxpr: Jaxpr, segments: int) -> list[int]:
    """Where to cut a program into segments: evenly by bytes, where few bytes pass."""
    made = [sum(bytes_of(y.aval) for y in eqn.outvars) for eqn in jaxpr.eqns]
    before = [0, *accumulate(made)]
    passing = _passing(jaxpr)
    share = before[-1] / segments
    found = [0]
    for i in range(1, segments):
        # A cut may move by a quarter of a segment to a better place.
        off = {k: abs(before[k] - i * share) for k in range(found[-1] + 1, len(made))}
        near = [(passing[k], off[k], k) for k in off if off[k] <= share / 4]
        if near:
            found.append(min(near)[-1])
    return found


def _passing(jaxpr: Jaxpr) -> Sequence[int]:
    """For each position, the bytes made before it and read at it or after it."""
    made = {y: i for i, eqn in enumerate(jaxpr.eqns) for y in eqn.outvars}
    last: dict[Var, int] = {}
    for i, eqn in enumerate(jaxpr.eqns):
        last.update((x, i) for x in eqn.invars if type(x) is Var and x in made)
    last.update(
        (x, len(jaxpr.eqns)) for x in jaxpr.outvars if type(x) is Var and x in made
    )
    change = [0] * (len(jaxpr.eqns) + 2)
    for x, end in last.items():
        change[made[x] + 1] += bytes_of(x.aval)
        change[end + 1] -= bytes_of(x.aval)
    return list(accumulate(change))
