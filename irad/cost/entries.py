"""Types as those see them who count operations: their entries, complex or real."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

Avals = Sequence[Any]
Params = dict[str, Any]
# Operand types, result types and params to operations.
Count = Callable[[Avals, Avals, Params], int]


def size(aval: Any) -> int:
    """How many entries a type has; 0 for one that is no array."""
    return math.prod(getattr(aval, "shape", (0,)))


def is_complex(aval: Any) -> bool:
    """Whether the entries of a type are complex."""
    return np.issubdtype(aval.dtype, np.complexfloating)
