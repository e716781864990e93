"""Rows made of rows: in other types of numbers, and with cotangents that are odd."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from tests.laws import Case

REAL = ("float32", "float16", "bfloat16")
EVERY = ("float32", "bfloat16", "complex64")


def infinite(y: Any) -> list[Any]:
    """Ones, but for an infinity, a NaN and a negative zero in the first places."""
    special = [jnp.inf, jnp.nan, -0.0]
    return [
        jnp.asarray([*special[: a.size], *[1.0] * (a.size - 3)], a.dtype).reshape(
            a.shape
        )
        for a in y
    ]


def of_kinds(
    name: str, rows: Sequence[Case], dtypes: Sequence[str] = EVERY, **options: Any
) -> list[Case]:
    """All rows together, in each of some types, and with odd cotangents of float64."""
    return [
        *(together(f"{name} {dtype}", rows, dtype, **options) for dtype in dtypes),
        together(f"{name} infinite", rows, cotangents=infinite, **options),
    ]


def together(
    name: str, rows: Sequence[Case], dtype: str | None = None, **options: Any
) -> Case:
    """One row of the functions of many, each with its own arguments, in a ``dtype``.

    Its second order and differences are left to the rows themselves.
    """
    args = [np.asarray(x) for row in rows for x in row.args]
    if dtype is not None:
        args = [_of_dtype(x, dtype) for x in args]
    return Case(
        name,
        _joined(rows, [row.fun for row in rows]),
        args,
        second=False,
        numeric=False,
        like=_joined(rows, [row.like or row.fun for row in rows]),
        **options,
    )


def _joined(rows: Sequence[Case], funs: Sequence[Any]) -> Any:
    counts = [len(row.args) for row in rows]

    def fun(*flat: Any) -> list[Any]:
        rest = iter(flat)
        return [
            f(*[next(rest) for _ in range(n)])
            for f, n in zip(funs, counts, strict=True)
        ]

    return fun


def _of_dtype(x: Any, dtype: str) -> Any:
    """Numbers in another type; real ones get an imaginary part if that is complex."""
    if not jnp.issubdtype(x.dtype, jnp.inexact):
        return x
    if jnp.issubdtype(dtype, jnp.complexfloating) and not np.iscomplexobj(x):
        x = x * (1 - 0.5j)
    return jnp.asarray(x, dtype)
