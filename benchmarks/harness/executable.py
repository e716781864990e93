"""A function compiled by XLA, and what can be counted of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from benchmarks.harness import counts, hlo
from benchmarks.harness.tables import Row
from benchmarks.harness.work import Work, work


@dataclass(frozen=True)
class Compiled:
    """An executable, what it consists of, and seconds to lower and to compile it."""

    run: Callable[..., Any]
    module: hlo.Module
    work: Work
    operations: int
    temp_bytes: int
    output_bytes: int
    lower_s: float
    compile_s: float

    def row(self) -> Row:
        """The deterministic counts, and what it took to get here."""
        return {
            "flops": self.work.flops,
            "transcendentals": self.work.transcendentals,
            "bytes": self.work.bytes,
            "uncounted": sorted(self.work.uncounted),
            "stablehlo_operations": self.operations,
            "hlo_instructions": self.module.instructions,
            "temp_bytes": self.temp_bytes,
            "output_bytes": self.output_bytes,
            "lower_s": self.lower_s,
            "compile_s": self.compile_s,
        }


def compiled(fun: Callable[..., Any], arguments: Sequence[Any]) -> Compiled:
    """``fun`` through XLA, counted."""
    started = time.perf_counter()
    lowered = jax.jit(fun).lower(*arguments)
    lowered_at = time.perf_counter()
    executable = lowered.compile()
    finished = time.perf_counter()
    text, memory = executable.as_text(), executable.memory_analysis()
    assert text is not None
    assert memory is not None
    return Compiled(
        run=executable,
        module=hlo.parse(text),
        work=work(text),
        operations=counts.stablehlo_operations(lowered),
        temp_bytes=memory.temp_size_in_bytes,
        output_bytes=memory.output_size_in_bytes,
        lower_s=lowered_at - started,
        compile_s=finished - lowered_at,
    )
