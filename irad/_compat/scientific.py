"""Libraries that only some functions need, imported when they are first used."""

from __future__ import annotations

import importlib
from typing import Any


def sparse() -> Any:
    """SciPy's sparse matrices."""
    return importlib.import_module("scipy.sparse")
