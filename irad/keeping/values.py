"""The values between a program and its gradient: kept, computed again, or there anyway.

They are read off the programs that irad makes: what is kept are the results that the
forward program has for the linear one, each followed to the equation that made it; what
is computed again is what the partitions of loops, and segments, say of themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from jax import lax

from irad._compat import calls, ir
from irad._compat.ir import Atom, Jaxpr, JaxprEqn, Var
from irad._compat.waiting import after_p
from irad.accumulate import engine
from irad.checkpointing import Checkpointing
from irad.checkpointing.prices import bytes_of, loop_price
from irad.cost.steps import CALLS
from irad.graph import Engine, Inside, SplitProgram
from irad.linearization import linearize
from irad.structure.division import machine
from irad.tables import duration
from irad_passes import Price, dce
from irad_passes.bodies import open_jaxpr

Decision = Literal["kept", "again", "there"]


@dataclass(frozen=True)
class Value:
    """A value that the gradient needs, and what irad decided about it.

    ``name`` is the primitive that makes it, ``"state"`` for what a loop's step starts
    from, an input's name for what is there. ``steps`` is how often loops make it, None
    if that is unknown; ``bytes`` are held at once, for all steps if it is kept, for one
    if it is computed again. ``in_segment`` says that this lasts for as long as the
    gradient goes through a segment. ``source`` is the user's line.
    """

    decision: Decision
    name: str
    type: str
    bytes: int
    steps: int | None
    source: str
    reason: str
    in_segment: bool = False


@dataclass(frozen=True, eq=False)
class _Origin:
    """Where a result is made: by ``eqn``, or an input of ``loop`` if that is None.

    It has a copy for each of ``steps``. ``body`` is the program of the innermost loop
    around it, ``value`` its variable there.
    """

    eqn: JaxprEqn | None
    loop: JaxprEqn | None
    steps: int
    body: Jaxpr
    value: Var

    @property
    def is_input(self) -> bool:
        """Whether it is an input of the program, if in another shape."""
        return self.eqn is None and self.loop is None


_Readers = dict[Var, list[JaxprEqn]]
_Makers = dict[Var, tuple[JaxprEqn, int]]


def values_of(
    jaxpr: Jaxpr,
    active: tuple[bool, ...],
    wanted: tuple[bool, ...],
    checkpointing: Checkpointing,
    names: Sequence[str],
) -> tuple[Value, ...]:
    """What the gradient of a program needs of it, by the programs that irad makes.

    ``names`` are those of the inputs, constants first.
    """
    found = _Account()
    transforms = engine(checkpointing)
    split = transforms.vjp(jaxpr, active, wanted)
    given = [_there(names[i], jaxpr.invars[i]) for i in split.sources if i is not None]
    whole = Inside(jaxpr, active, wanted)
    inside = [*found.inside(whole, transforms, 1, in_segment=False)]
    kept = found.kept(split, len(jaxpr.outvars), 1, in_segment=False)
    return (*kept, *inside, *given)


def _there(name: str, v: Var) -> Value:
    reason = "an input: there in any case"
    return Value("there", name, _type(v), bytes_of(v.aval), 1, "", reason)


class _Account:
    """The values of programs, and the prices in the loops that were seen inside."""

    def __init__(self) -> None:
        self._prices: dict[Any, Price] = {}

    def kept(
        self,
        split: SplitProgram,
        num_outputs: int,
        steps: int | None,
        *,
        in_segment: bool,
    ) -> Iterator[Value]:
        """The values that a forward program computes and keeps for the linear one."""
        forward, linear = split.forward.jaxpr, split.linear.jaxpr
        pairs = zip(linear.invars, split.sources, strict=False)
        computed = [v for v, i in pairs if i is None]
        made = forward.outvars[num_outputs:]
        makers, readers = _makers(forward), _readers(linear)
        for residual, x in zip(computed, made, strict=True):
            origin = _origin(forward, makers, x)
            enters = _enters_segments(residual, readers)
            yield Value(
                "there" if origin.is_input else "kept",
                _name(origin),
                _type(origin.value),
                bytes_of(residual.aval),
                _times(steps, origin.steps),
                _line(origin),
                self._why_kept(origin, enters=enters, in_segment=in_segment),
                in_segment,
            )

    def inside(
        self, whole: Inside, engine: Engine, steps: int | None, *, in_segment: bool
    ) -> Iterator[Value]:
        """What loops, segments and calls compute again, and what segments keep."""
        graph = linearize(whole.body, whole.active, whole.wanted, engine)
        for node in graph.nodes:
            look = getattr(node.local, "inside", None)
            part: Inside | None = None if look is None else look()
            if part is None:
                continue
            n, within = _times(steps, part.steps), in_segment or part.segment
            price = loop_price(machine(), part.keeping)
            self._prices[_place(node.eqn)] = price
            for eqn in part.again:
                for y in eqn.outvars:
                    why = _why_again(eqn, y, part, price)
                    yield _again(eqn, y, n, why, in_segment=within)
            inner = engine.held(_runs(part, engine))
            found = [*self.inside(part, inner, n, in_segment=within)]
            if part.segment:
                split = inner.vjp(part.body, part.active, part.wanted)
                yield from self.kept(split, len(part.body.outvars), n, in_segment=True)
            yield from found

    def _why_kept(self, origin: _Origin, *, enters: bool, in_segment: bool) -> str:
        if origin.is_input:
            return "an input in another shape: there in any case"
        if enters:
            return "it enters a segment, whose values are computed again"
        if origin.eqn is not None and origin.eqn.primitive is ir.while_p:
            return "states in a bounded number of slots, from which steps run again"
        if origin.loop is None and in_segment:
            return "the gradient reads it; kept while it goes through the segment"
        if origin.loop is None:
            return "the gradient reads it; outside of loops and segments all is kept"
        price = self._prices.get(_place(origin.loop))
        if price is None:
            return "a loop that stands for its equation keeps it for each step"
        why = _why_stacked(origin, price)
        return f"{why}; for one segment at a time" if in_segment else why


def _runs(part: Inside, engine: Engine) -> int:
    """Of how many runs of a program inside the kept values are held at once."""
    if part.segment or part.steps is None:
        return 1
    return engine.checkpointing.runs * part.steps


def _place(loop: JaxprEqn) -> Any:
    """Where a loop stands in the user's code, the same for what is emitted for it."""
    return loop.source_info.traceback


def _why_stacked(origin: _Origin, price: Price) -> str:
    """Why a loop keeps a state, or the result of an equation of its body."""
    keeping, eqn = duration(price.kept(origin.value)), origin.eqn
    if eqn is None:
        return f"the state before each step, at {keeping} a step to keep"
    name = eqn.primitive.name
    if eqn.effects:
        return f"{name} has effects and runs once"
    if not _is_needed(origin):
        return (
            f"made for the gradient alone, at {keeping} a step; what it is made "
            "from is no cheaper to keep"
        )
    running = price.computed(eqn)
    if running < price.kept(origin.value):
        return (
            f"{name} would cost {duration(running)} a step to run again, keeping "
            f"costs {keeping}, but what it is computed from is not kept"
        )
    return (
        f"{name} would cost {duration(running)} a step to run again, keeping "
        f"costs {keeping}"
    )


def _why_again(eqn: JaxprEqn, y: Var, part: Inside, price: Price) -> str:
    if part.segment:
        return "only what enters a segment is kept"
    if part.steps is None:
        return "its step runs again from a stored state, as often as that takes"
    running, keeping = price.computed(eqn), price.kept(y)
    if running > keeping:
        return "what is computed again needs it, and with it keeps less"
    return f"costs {duration(running)} a step, keeping it {duration(keeping)}"


def _again(
    eqn: JaxprEqn, y: Var, steps: int | None, reason: str, *, in_segment: bool
) -> Value:
    name, line, size = eqn.primitive.name, ir.source_line(eqn), bytes_of(y.aval)
    return Value("again", name, _type(y), size, steps, line, reason, in_segment)


def _times(steps: int | None, more: int | None) -> int | None:
    return None if steps is None or more is None else steps * more


def _origin(
    jaxpr: Jaxpr,
    makers: _Makers,
    x: Atom,
    loop: JaxprEqn | None = None,
    steps: int = 1,
) -> _Origin:
    """The equation that makes a result, inside calls and loops as well."""
    assert isinstance(x, Var)
    if x not in makers:
        return _Origin(None, loop, steps, jaxpr, x)
    eqn, j = makers[x]
    if eqn.primitive is lax.reshape_p and loop is None:
        return _origin(jaxpr, makers, eqn.invars[0], loop, steps)
    body = eqn.params.get(CALLS.get(eqn.primitive, ""))
    stacked = eqn.primitive is ir.scan_p and j >= calls.scan_counts(eqn.params)[1]
    if stacked:
        body, loop, steps = eqn.params["jaxpr"], eqn, steps * eqn.params["length"]
    inner = None if body is None else open_jaxpr(body)
    y = None if inner is None else inner.outvars[j]
    if inner is None or not isinstance(y, Var):
        return _Origin(eqn, loop, steps, jaxpr, x)
    if y in inner.invars and not stacked:
        outer = eqn.invars[inner.invars.index(y)]
        return _origin(jaxpr, makers, outer, loop, steps)
    return _origin(inner, _makers(inner), y, loop, steps)


def _name(origin: _Origin) -> str:
    if origin.eqn is not None:
        return origin.eqn.primitive.name
    return "state" if origin.loop is not None else "input"


def _line(origin: _Origin) -> str:
    eqn = origin.eqn or origin.loop
    return "" if eqn is None else ir.source_line(eqn)


def _is_needed(origin: _Origin) -> bool:
    """Whether a loop computes a value for its own results as well.

    Those are its carries and what it stacks for others; what it stacks for the
    gradient comes last and does not count.
    """
    assert origin.loop is not None
    n = calls.scan_counts(origin.loop.params)[1]
    own = dce(origin.body.replace(outvars=origin.body.outvars[:n]))
    return any(origin.value in eqn.outvars for eqn in own.eqns)


def _enters_segments(v: Var, readers: _Readers) -> bool:
    """Whether a program reads a variable in segments only."""
    found = readers.get(v, [])
    return bool(found) and all(_takes_into_segment(e, v, readers) for e in found)


def _takes_into_segment(eqn: JaxprEqn, v: Var, readers: _Readers) -> bool:
    if eqn.primitive is ir.remat_p:
        return True
    if eqn.primitive is after_p:
        return eqn.invars[0] is v and _enters_segments(eqn.outvars[0], readers)
    if eqn.primitive is ir.scan_p:
        body = open_jaxpr(eqn.params["jaxpr"])
        inner = _readers(body)
        places = [body.invars[i] for i, x in enumerate(eqn.invars) if x is v]
        return all(_enters_segments(place, inner) for place in places)
    return False


def _readers(jaxpr: Jaxpr) -> _Readers:
    """The equations that read each variable."""
    found: _Readers = {}
    for eqn in jaxpr.eqns:
        for x in dict.fromkeys(_variables(eqn.invars)):
            found.setdefault(x, []).append(eqn)
    return found


def _makers(jaxpr: Jaxpr) -> _Makers:
    """The equation that makes each variable, and which of its results it is."""
    return {y: (eqn, j) for eqn in jaxpr.eqns for j, y in enumerate(eqn.outvars)}


def _variables(atoms: Sequence[Atom]) -> list[Var]:
    return [x for x in atoms if type(x) is Var]


def _type(v: Any) -> str:
    return v.aval.str_short()
