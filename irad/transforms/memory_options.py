"""How much memory a derivative may take: limits and schedules as users write them."""

from __future__ import annotations

import numpy as np

from irad.checkpointing.named import NAMES
from irad.checkpointing.options import MAX_CHECKPOINTS
from irad.limits import Memory

Size = int | str | None


def memory_options(
    memory_limit: Size = None,
    schedule: str = "auto",
    max_checkpoints: int = MAX_CHECKPOINTS,
    *,
    nan_safe: bool = False,
) -> Memory:
    """The options, checked; ValueError for what is not one of them."""
    if schedule not in NAMES:
        names = ", ".join(map(repr, NAMES))
        raise ValueError(f"schedule is one of {names}, got {schedule!r}")
    limit = None if memory_limit is None else as_bytes(memory_limit)
    return Memory(limit, schedule, _as_count(max_checkpoints), bool(nan_safe))


def _as_count(max_checkpoints: object) -> int:
    """How many states: a positive int, and no bool."""
    found = max_checkpoints if isinstance(max_checkpoints, int | np.integer) else 0
    if isinstance(max_checkpoints, bool) or found < 1:
        raise ValueError(
            "max_checkpoints is a positive int, the number of states that a loop of "
            f"unknown length may store, got {max_checkpoints!r}"
        )
    return int(found)


_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40}


def as_bytes(limit: object) -> int:
    """A memory limit in bytes: a positive int, or a text such as ``"512MiB"``."""
    if isinstance(limit, str):
        text = limit.strip()
        digits = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
        unit = _UNITS.get(text[len(digits) :].strip().upper() or "B")
        try:
            found = None if unit is None else int(float(digits) * unit)
        except ValueError:
            found = None
    else:
        found = int(limit) if isinstance(limit, int | np.integer) else None
    if found is None or found <= 0:
        raise ValueError(
            "memory_limit is a positive number of bytes or a text such as '512MiB' or "
            f"'2GB', got {limit!r}"
        )
    return found
