"""What the names of schedules stand for: one schedule each, or those to choose from.

Slots for states are counted from a limit in bytes: as many as fit, and fewer.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

from irad._compat import calls, ir
from irad._compat.ir import Jaxpr, JaxprEqn
from irad.checkpointing.binomial import advances
from irad.checkpointing.options import MAX_CHECKPOINTS, Checkpointing
from irad.checkpointing.prices import bytes_of
from irad.checkpointing.schedules import SMALLEST, Schedule, written_out
from irad_passes.bodies import open_jaxpr

STORING = (1.0, 4.0, 1e4)
LEVELS = ((1, 1.0), (2, 2.0), (2, 1.0), (2, 0.5), (3, 1.0), (4, 1.0), (6, 1.0))
NESTED = (2, 0.5)
"""How deep loops are nested where that costs nothing, and how far from evenly."""
SEGMENTS = (2, 3, 4, 6, 8, 12, 16, 24, 32)
IN_SEGMENTS = ((3, 2), (4, 2), (6, 2), (8, 2), (2, 4), (3, 3), (4, 3), (3, 4))
"""So many segments, each cut so again, and so on, so many levels deep."""
IN_STEPS = (2, 3, 4, 6, 8, 12)
"""So many segments of a step of a loop, and of the loop as many levels as 1 or 2."""
SHARES = (1.0, 0.8, 0.6, 0.4, 0.3, 0.2, 0.1, 0.0)
"""Of the slots that fit a limit; at least one is taken."""

MOST_NESTED = 16
"""So many segments are computed from the inputs anew: code grows with their square."""

MOST_SLOTS = 256
"""Beyond so many slots a search for the last state takes longer than a step."""

UNKNOWN_STEPS = 1000
"""So many steps are taken for a loop of unknown length where one must be guessed."""


@dataclass(frozen=True)
class Loops:
    """The loops of a program: their most steps, and the bytes of a state of each.

    ``equations`` are those of the longest step of a loop of known length.
    """

    has_scans: bool
    steps: int
    state_bytes: int
    equations: int

    @staticmethod
    def of(flat: Jaxpr) -> Loops:
        """The loops of a program whose calls are written out."""
        scans = [eqn for eqn in flat.eqns if eqn.primitive is ir.scan_p]
        whiles = [eqn for eqn in flat.eqns if eqn.primitive is ir.while_p]
        lengths = [*(eqn.params["length"] for eqn in scans)]
        lengths += [UNKNOWN_STEPS for _ in whiles]
        states = [v.aval for eqn in whiles for v in eqn.outvars]
        for eqn in scans:
            _, num_carry = calls.scan_counts(eqn.params)
            states += [v.aval for v in eqn.outvars[:num_carry]]
        total = sum(map(bytes_of, states))
        longest = max(map(_equations, scans), default=0)
        return Loops(bool(scans), max(lengths, default=0), total, longest)

    def repeats(self, slots: int) -> float:
        """How often a step is advanced from so many slots, on average and at most."""
        if self.steps < 2:
            return 0.0
        return advances(self.steps, min(slots, self.steps)) / self.steps


def _equations(scan: JaxprEqn) -> int:
    """The equations of a step of a loop, or of a step of a loop in it."""
    flat = written_out(open_jaxpr(scan.params["jaxpr"]))
    inside = (eqn for eqn in flat.eqns if eqn.primitive is ir.scan_p)
    return max(len(flat.eqns), *map(_equations, inside), 0)


@dataclass(frozen=True, eq=False)
class Setting:
    """What the schedules of a name depend on, found when they ask for it."""

    jaxpr: Jaxpr
    limit: int | None

    @cached_property
    def equations(self) -> int:
        return len(self._flat.eqns)

    @cached_property
    def loops(self) -> Loops:
        return Loops.of(self._flat)

    @cached_property
    def _flat(self) -> Jaxpr:
        return written_out(self.jaxpr)


def schedules(
    jaxpr: Jaxpr,
    name: str = "auto",
    limit: int | None = None,
    *,
    max_checkpoints: int = MAX_CHECKPOINTS,
    nan_safe: bool = False,
) -> Iterator[Schedule]:
    """The schedules of a name to choose from, the first of them without a limit.

    Loops of unknown length store at most ``max_checkpoints`` states in all of them.
    """
    for schedule in NAMES[name](Setting(jaxpr, limit)):
        given = schedule.checkpointing
        slots = max_checkpoints if given.slots is None else given.slots
        most = min(slots, max_checkpoints)
        made = replace(given, max_checkpoints=most, nan_safe=nan_safe)
        yield replace(schedule, checkpointing=made)


def _auto(setting: Setting) -> Iterator[Schedule]:
    """Those worth trying, the fastest first, for which no program is looked at."""
    plain = Schedule()
    yield plain
    if setting.loops.has_scans:
        for (depth, stretch), price in product(LEVELS, STORING):
            schedule = Schedule(1, depth, stretch, checkpointing=Checkpointing(price))
            if schedule != plain:
                yield schedule
        yield from _in_steps(setting.loops.equations)
    else:
        cuts = [*((s, 1) for s in SEGMENTS), *IN_SEGMENTS]
        for segments, levels in cuts:
            if SMALLEST * segments**levels <= setting.equations:
                yield Schedule(segments, levels)
    if setting.limit is not None and setting.loops.steps:
        yield from _binomial(setting)


def _in_steps(equations: int) -> Iterator[Schedule]:
    """Loops that keep states alone, and steps cut into segments."""
    states = Checkpointing(STORING[-1])
    for levels, segments in product((1, 2), IN_STEPS):
        if SMALLEST * segments <= equations:
            yield Schedule(levels=levels, step=segments, checkpointing=states)


def _all(_: Setting) -> Iterator[Schedule]:
    """Everything kept that is read, nothing computed again."""
    yield Schedule(checkpointing=Checkpointing(storing=0.0))


def _none(setting: Setting) -> Iterator[Schedule]:
    """The inputs kept, and of a loop its first state."""
    segments = max(1, min(MOST_NESTED, setting.equations // SMALLEST))
    yield Schedule(segments, nested=True, checkpointing=Checkpointing(slots=1))


def _sqrt(setting: Setting) -> Iterator[Schedule]:
    """About as many segments as each has steps."""
    if setting.loops.has_scans:
        yield Schedule(levels=2)
        return
    yield Schedule(max(1, round(math.sqrt(setting.equations))))


def _binomial(setting: Setting) -> Iterator[Schedule]:
    """States stored where the fewest steps are run again."""
    if setting.limit is None:
        counts = [MAX_CHECKPOINTS]
    else:
        loops = setting.loops
        fitting = setting.limit // max(loops.state_bytes, 1)
        fitting = min(fitting, loops.steps, MOST_SLOTS)
        counts = [max(1, int(share * fitting)) for share in SHARES]
    for slots in dict.fromkeys(counts):
        yield Schedule(checkpointing=Checkpointing(slots=slots))


NAMES: dict[str, Callable[[Setting], Iterator[Schedule]]] = {
    "auto": _auto,
    "all": _all,
    "none": _none,
    "sqrt": _sqrt,
    "binomial": _binomial,
}
