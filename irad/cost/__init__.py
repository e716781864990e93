"""Costs of programs, worked out from types alone: nothing is traced or run."""

from irad.cost.machines import MACHINES, Machine, compile_seconds, seconds
from irad.cost.programs import cost_of, equation_cost, tidied
from irad.cost.quantities import Cost
from irad.cost.traffic import room

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
