"""How derivatives are made, as a value that programs are cached by."""

from __future__ import annotations

from dataclasses import dataclass

MAX_CHECKPOINTS = 32
"""How many states the reverse mode of a loop of unknown length stores."""


@dataclass(frozen=True)
class Checkpointing:
    """What the programs of a derivative keep.

    ``storing`` is the price of a byte that a loop keeps for each of its steps, over
    what it costs in time: at 1 the fastest program is made, above it smaller ones, and
    at 0 nothing is computed again. With ``slots`` a loop of known length keeps so many
    states instead, one of unknown length always at most ``max_checkpoints``. ``runs``
    says how many runs of the program there are whose kept values are held at once: it
    may be what a loop runs. ``reused`` says that it is a segment of a loop: what it
    keeps takes the place of what the segment before kept. A ``nan_safe`` program keeps
    masks: what a choice leaves out stays zero in reverse (``irad.choices``).
    """

    storing: float = 1.0
    slots: int | None = None
    max_checkpoints: int = MAX_CHECKPOINTS
    runs: int = 1
    reused: bool = False
    nan_safe: bool = False


DEFAULT = Checkpointing()
