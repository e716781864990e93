"""Costs of programs, worked out from types alone: nothing is traced or run."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from irad.cost.machines import MACHINES, Machine, compile_seconds, seconds
from irad.cost.quantities import Cost

__all__ = [
    "MACHINES",
    "Cost",
    "Machine",
    "compile_seconds",
    "cost_of",
    "equation_cost",
    "room",
    "seconds",
    "tidied",
]

# A gradient without loops needs none of it: it comes when it is asked for.
_PROGRAMS = ("cost_of", "equation_cost", "room", "tidied")

if TYPE_CHECKING:
    from irad.cost.programs import cost_of, equation_cost, room, tidied
else:

    def __getattr__(name: str) -> Any:
        if name not in _PROGRAMS:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module("irad.cost.programs"), name)
