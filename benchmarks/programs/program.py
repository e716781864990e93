"""What a benchmark program is: a function made anew, its arguments and its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import jax
import numpy as np

Size: TypeAlias = Literal["small", "full"]


@dataclass(frozen=True, kw_only=True)
class Program:
    """A function to differentiate, as its users write it.

    ``make`` gives a new function object at every call, so that no cache that is
    keyed on a function's identity helps a measurement. ``tolerance`` bounds the
    difference between two gradients, relative to the largest entry of each array.
    """

    name: str
    make: Callable[[], Callable[..., jax.Array]]
    arguments: Callable[[], tuple[Any, ...]]
    source: str
    argnums: int | tuple[int, ...] = 0
    tolerance: float = 2e-4


@dataclass(frozen=True)
class Posed:
    """A program as a suite poses it, with what the suite needs beside it."""

    program: Program

    @property
    def name(self) -> str:
        return self.program.name

    @property
    def source(self) -> str:
        return self.program.source


class Draw:
    """Arrays in float32 from one seed."""

    def __init__(self, seed: int = 0) -> None:
        self._random = np.random.default_rng(seed)

    def normal(self, *shape: int, scale: float = 1.0) -> jax.Array:
        """Independent normal entries of standard deviation ``scale``."""
        return jax.device_put(np.float32(scale * self._random.normal(size=shape)))

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> jax.Array:
        """Independent entries, uniform between ``low`` and ``high``."""
        return jax.device_put(np.float32(self._random.uniform(low, high, size=shape)))

    def labels(self, *shape: int, classes: int) -> jax.Array:
        """Independent integers below ``classes``."""
        return jax.device_put(
            self._random.integers(classes, size=shape).astype(np.int32)
        )

    def weights(self, inputs: int, outputs: int) -> jax.Array:
        """A matrix whose product with a unit normal vector has unit variance."""
        return self.normal(inputs, outputs, scale=inputs**-0.5)

    def rotation(self, n: int) -> jax.Array:
        """An orthogonal matrix, whose products neither grow nor vanish."""
        q, _ = np.linalg.qr(self._random.normal(size=(n, n)))
        return jax.device_put(np.float32(q))
