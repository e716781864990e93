"""Costs of programs, worked out from types alone: nothing is traced or run."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from irad.cost.machines import (
    MACHINES,
    Machine,
    call_seconds,
    compile_seconds,
    machine_of,
    seconds,
)
from irad.cost.quantities import Cost

__all__ = [
    "MACHINES",
    "Cost",
    "Machine",
    "call_seconds",
    "compile_seconds",
    "cost_of",
    "entries_p",
    "equation_cost",
    "machine_of",
    "room",
    "seconds",
    "tidied",
]

# A gradient without loops needs none of it: it comes when it is asked for.
_LATER = {
    "cost_of": "irad.cost.programs",
    "entries_p": "irad.cost.operations",
    "equation_cost": "irad.cost.programs",
    "room": "irad.cost.traffic",
    "tidied": "irad.cost.programs",
}

if TYPE_CHECKING:
    from irad.cost.operations import entries_p
    from irad.cost.programs import cost_of, equation_cost, tidied
    from irad.cost.traffic import room
else:

    def __getattr__(name: str) -> Any:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(_LATER[name]), name)
