"""JAX's harnesses as StableHLO's test programs are: each exported to text.

The programs of StableHLO's ``testdata`` are exports of these harnesses, of several
versions of JAX. Here each is a program as text, arguments, and the function it came
from, which JAX differentiates to say what is right.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tests.stablehlo._compat.harnesses import all_harnesses


@dataclass(frozen=True, eq=False)
class Program:
    """A program of the corpus; ``family`` is the primitive it is there for."""

    name: str
    family: str
    function: Callable[..., Any]
    make: Callable[[], Sequence[Any]]

    def arguments(self) -> list[np.ndarray[Any, Any]]:
        """The arrays it is run on, the same at each call."""
        arrays = [np.asarray(x) for x in self.make()]
        return [x.astype(jax.dtypes.canonicalize_dtype(x.dtype)) for x in arrays]

    def widened(self) -> Program:
        """The program whose floating-point and complex inputs have 64 bits."""
        return replace(self, make=lambda: widened(self.arguments()))

    def text(self) -> str:
        """The program as StableHLO text, and nothing else of it."""
        structs = [jax.ShapeDtypeStruct(x.shape, x.dtype) for x in self.arguments()]
        return str(
            jax.export.export(jax.jit(self.function, keep_unused=True))(
                *structs
            ).mlir_module()
        )


def programs(only: str = "", every: int = 1) -> list[Program]:
    """Programs whose name holds ``only``, one in ``every``, that have derivatives."""
    found = [p for p in _all() if only in p.name]
    return [p for p in found[::every] if _has_derivatives(p)]


def _all() -> Iterator[Program]:
    for harness in all_harnesses():
        seed = zlib.crc32(harness.fullname.encode())

        def make(harness: Any = harness, seed: int = seed) -> Sequence[Any]:
            return harness.dyn_args_maker(np.random.RandomState(seed))

        yield Program(harness.fullname, harness.group_name, harness.dyn_fun, make)


def _has_derivatives(program: Program) -> bool:
    """Whether some input and some output is floating-point or complex."""
    try:
        given = program.arguments()
        outs = jax.tree.leaves(jax.eval_shape(program.function, *given))
    except (TypeError, ValueError, NotImplementedError):  # no program of arrays
        return False
    return any(map(is_inexact, given)) and any(map(is_inexact, outs))


def is_inexact(x: Any) -> bool:
    """Whether an array is floating-point or complex."""
    return bool(jnp.issubdtype(x.dtype, np.inexact))


def widened(arrays: Sequence[Any]) -> list[Any]:
    """Arrays in 64 bits, where they are floating-point or complex."""
    return [_widened(x) if is_inexact(x) else x for x in arrays]


def _widened(x: Any) -> Any:
    is_complex = jnp.issubdtype(x.dtype, jnp.complexfloating)
    return x.astype(np.complex128 if is_complex else np.float64)
