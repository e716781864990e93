"""Which target of a custom call is which routine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from irad_passes.modules.converters import Converter, Table
from irad_passes.modules.frames import Atom, Frame
from irad_passes.modules.routines import Call, completed, has_layout, read

Found = Sequence[Atom | None]
"""The leading results of a call; None for one that the primitive does not give."""

Routine = Callable[[Call], Found | None]
"""The results of a call by equations; None for a call that no primitive stands for."""

_R = TypeVar("_R", bound=Routine)


class Layout(Enum):
    """How a target wants its matrices to lie in memory."""

    BY_COLUMNS = "by columns"
    BY_ROWS = "by rows"
    ANY = "any"


class Targets(Table):
    """Converters of custom calls, by target."""

    def routine(
        self,
        *targets: str,
        takes: int = 1,
        gives: int = 1,
        scalars: Sequence[str] = (),
        layout: Layout = Layout.BY_COLUMNS,
    ) -> Callable[[_R], _R]:
        """Enters a routine under its targets.

        ``takes`` and ``gives`` are the fewest operands and results of its calls, and
        ``scalars`` names the options that old modules pass as leading operands.
        """

        def enter(routine: _R) -> _R:
            fits = _Signature(takes, gives, scalars, layout)
            self.update(dict.fromkeys(targets, _converter(routine, fits)))
            return routine

        return enter


@dataclass(frozen=True)
class _Signature:
    takes: int
    gives: int
    scalars: Sequence[str]
    layout: Layout

    def fits(self, call: Call) -> bool:
        """Whether a call has the operands, the results and the layout of a routine."""
        counts = len(call.operands) >= self.takes and len(call.avals) >= self.gives
        if not counts or self.layout is Layout.ANY:
            return counts
        by_columns = self.layout is Layout.BY_COLUMNS
        return has_layout(call.op, by_columns and not call.options.get("transposed"))


def _converter(routine: Routine, signature: _Signature) -> Converter:
    def convert(frame: Frame, op: Any) -> Sequence[Any] | None:
        call = read(frame, op, signature.scalars)
        if not signature.fits(call):
            return None
        found = routine(call)
        return None if found is None else completed(call, found)

    return convert


def cpu(*names: str, library: str = "lapack") -> list[str]:
    """The targets of a routine on CPUs, of every element type and age."""
    known = [f"{library}_{letter}{name}" for name in names for letter in "sdcz"]
    return [*known, *(f"{target}_ffi" for target in known)]


def gpu(*names: str, library: str = "solver") -> list[str]:
    """The targets of a routine on GPUs, of both vendors."""
    return [
        f"{vendor}{library}_{name}_ffi" for vendor in ("cu", "hip") for name in names
    ]
