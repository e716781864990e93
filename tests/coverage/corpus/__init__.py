"""Public functions of JAX with arguments, by module and name.

An entry is ``name: arguments``, or ``name: (function, *arguments)`` where the function
of that name takes options. A name may say the variant behind a colon.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from tests.coverage.corpus import lax, learning, numpy, refused, scipy

KEY = jax.random.key(5, impl="unsafe_rbg")  # the least to compile
Table = dict[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Row:
    """A function, differentiated in its floating-point arguments."""

    fun: Callable[..., Any]
    args: tuple[Any, ...]


def _rows(path: str, table: Table, *first: Any) -> dict[str, Row]:
    """The rows of a table, functions that the installed JAX lacks left out."""
    module = importlib.import_module(path)
    rows: dict[str, Row] = {}
    for name, entry in table.items():
        attribute = name.split(":")[0]
        has_function = callable(entry[0])
        if "." not in attribute and not hasattr(module, attribute):
            continue
        fun = entry[0] if has_function else getattr(module, attribute)
        args = entry[1:] if has_function else entry
        rows[f"{path}.{name}"] = Row(_after(fun, first), tuple(map(_value, args)))
    return rows


def _after(fun: Callable[..., Any], first: tuple[Any, ...]) -> Callable[..., Any]:
    return (lambda *x: fun(*first, *x)) if first else fun


def _value(x: Any) -> Any:
    return x if isinstance(x, int) else np.asarray(x)


def _known(table: Table) -> dict[str, Row]:
    return {name: Row(entry[0], entry[1:]) for name, entry in table.items()}


CORPUS: dict[str, Row] = {
    **_rows("jax.numpy", numpy.NUMPY),
    **_rows("jax.numpy.linalg", numpy.LINALG),
    **_rows("jax.numpy.fft", numpy.FFT),
    **_rows("jax.lax", lax.ELEMENTWISE),
    **_rows("jax.lax", lax.SHAPES),
    **_rows("jax.lax", lax.INDEXED),
    **_rows("jax.lax", lax.REDUCTIONS),
    **_rows("jax.lax", lax.CONTRACTIONS),
    **_rows("jax.lax.linalg", lax.LINALG),
    **_rows("jax.lax", lax.LOOPS),
    **_rows("jax", lax.TRANSFORMATIONS),
    **_rows("jax.ops", lax.OPS),
    **_rows("jax.scipy.special", scipy.SPECIAL),
    **_rows("jax.scipy.linalg", scipy.LINALG),
    **_rows("jax.scipy", scipy.OTHERS),
    **_rows("jax.scipy", scipy.DISTRIBUTIONS),
    **_rows("jax.nn", learning.NEURAL),
    **_rows("jax.random", learning.RANDOM, KEY),
    **_rows("jax.image", learning.IMAGES),
}
REFUSED = _known(refused.REFUSED)
BEYOND = _known(refused.BEYOND)
FORWARD_ONLY = (
    "jax.lax.linalg.qdwh",
    "jax.lax.random_gamma_grad",
    "jax.lax.reduce_window: mul",
    "jax.lax.while_loop",
    "jax.scipy.linalg.eigh_tridiagonal",
    "jax.scipy.linalg.polar",
    "jax.scipy.optimize.minimize",
)
"""Rows with a loop, or a rule, that JAX has no reverse mode for."""
REVERSE_ONLY = ("jax.experimental.ode.odeint",)
"""Rows with a rule that JAX has no forward mode for."""
