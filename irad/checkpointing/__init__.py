"""What a gradient keeps and what it computes again: prices and schedules, no emission."""

from irad.checkpointing.options import Checkpointing
from irad.checkpointing.schedules import Schedule, scheduled

__all__ = ["Checkpointing", "Schedule", "scheduled"]
