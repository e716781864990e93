"""How a derivative trades memory for time, as a value that programs are cached by."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Checkpointing:
    """What the programs of a derivative keep.

    ``storing`` is the price of a byte that a loop keeps for each of its steps, over
    what it costs in time: at 1 the fastest program is made, above it smaller ones.
    """

    storing: float = 1.0


DEFAULT = Checkpointing()
