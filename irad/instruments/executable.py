"""A function compiled by XLA, and what can be counted of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax

from irad.instruments import counts, hlo
from irad.instruments.work import Work, work


@dataclass(frozen=True)
class Compiled:
    """An executable, what it consists of, and seconds to trace, lower and compile."""

    run: Callable[..., Any]
    equations: int
    module: hlo.Module
    work: Work
    operations: int
    temp_bytes: int
    output_bytes: int
    trace_s: float
    lower_s: float
    compile_s: float

    def row(self) -> dict[str, Any]:
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
            "trace_s": self.trace_s,
            "lower_s": self.lower_s,
            "compile_s": self.compile_s,
        }


def compiled(fun: Callable[..., Any], arguments: Sequence[Any]) -> Compiled:
    """``fun`` through XLA, counted."""
    times = [time.perf_counter()]
    traced = jax.jit(fun).trace(*arguments)
    times.append(time.perf_counter())
    lowered = traced.lower()
    times.append(time.perf_counter())
    executable = lowered.compile()
    times.append(time.perf_counter())
    text, memory = executable.as_text(), executable.memory_analysis()
    assert text is not None
    assert memory is not None
    return Compiled(
        run=executable,
        module=hlo.parse(text),
        work=work(text),
        equations=counts.equations(traced.jaxpr.jaxpr),
        operations=counts.stablehlo_operations(lowered.compiler_ir("stablehlo")),
        temp_bytes=memory.temp_size_in_bytes,
        output_bytes=memory.output_size_in_bytes,
        trace_s=times[1] - times[0],
        lower_s=times[2] - times[1],
        compile_s=times[3] - times[2],
    )
