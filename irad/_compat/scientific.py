"""Libraries that only some functions need, imported when they are first used."""

from __future__ import annotations

import importlib
from typing import Any


def sparse() -> Any:
    """SciPy's sparse matrices."""
    return importlib.import_module("scipy.sparse")


def pyplot() -> Any:
    """Matplotlib's interface for plots; ImportError says how to get it."""
    try:
        return importlib.import_module("matplotlib.pyplot")
    except ModuleNotFoundError as error:
        raise ImportError(
            "plotting needs matplotlib, which is not installed: pip install "
            "'irad[plot]'; print(pattern) and print(residuals.picture()) draw in the "
            "terminal without"
        ) from error


def lineax() -> Any:
    """Lineax, whose solvers take operators; ImportError says how to get it."""
    try:
        return importlib.import_module("lineax")
    except ModuleNotFoundError as error:
        raise ImportError(
            "as_lineax() needs lineax, which is not installed: pip install "
            "'irad[lineax]'; jax.scipy.sparse.linalg's solvers take a function such "
            "as J.__matmul__ without"
        ) from error


def jax_sparse() -> Any:
    """``jax.experimental.sparse``, which imports ``scipy.sparse``."""
    return importlib.import_module("jax.experimental.sparse")
