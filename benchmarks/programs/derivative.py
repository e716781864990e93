"""A function whose whole derivative is wanted, and that derivative by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import jax
import numpy as np

from benchmarks.programs.program import Program


@dataclass(frozen=True)
class Pattern:
    """Where the entries of a sparse matrix stand: row and column of each."""

    rows: np.ndarray
    columns: np.ndarray

    @classmethod
    def union(cls, *parts: tuple[np.ndarray, np.ndarray]) -> Pattern:
        """The entries of all parts, one part after the other."""
        rows, columns = zip(*parts, strict=True)
        return cls(np.concatenate(rows), np.concatenate(columns))

    @classmethod
    def banded(cls, n: int, *offsets: int) -> Pattern:
        """Diagonals of a square matrix, in the order of ``offsets`` (column - row)."""
        rows = [np.arange(max(0, -k), min(n, n - k)) for k in offsets]
        return cls.union(*((r, r + k) for r, k in zip(rows, offsets, strict=True)))


@dataclass(frozen=True, kw_only=True)
class Derivative(Program):
    """A function of one array to one array, and its Jacobian or Hessian by hand.

    The Jacobian is taken in the first argument; of ``order`` 2 it is the Hessian of a
    scalar function. ``by_hand``, if anybody writes it, takes the same arguments, and
    gives the array that `jax.jacobian` gives or, where there is a ``pattern``, the
    values at its entries in the pattern's order. ``tolerance`` bounds differences
    relative to the largest entry of each row.
    """

    by_hand: Callable[..., jax.Array] | None = None
    pattern: Callable[[], Pattern] | None = None
    order: Literal[1, 2] = 1

    def shape(self, arguments: tuple[Any, ...]) -> tuple[int, int]:
        """Rows and columns of the derivative as a matrix."""
        columns = arguments[0].size
        if self.order == 2:
            return columns, columns
        return jax.eval_shape(self.make(), *arguments).size, columns
