"""What a gradient keeps and what it computes again: prices, schedules, slots."""

from irad.checkpointing.options import DEFAULT, Checkpointing
from irad.checkpointing.schedules import Schedule, scheduled

__all__ = ["DEFAULT", "Checkpointing", "Schedule", "scheduled"]
