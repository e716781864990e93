"""Seconds for a cost: the roofline of a machine, from one table of machines.

What is computed and what is moved overlap, and the slower of the two counts (Williams,
Waterman, Patterson, Roofline, Communications of the ACM 52, 2009). Starting kernels is
added to that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from irad.cost.quantities import Cost


@dataclass(frozen=True, kw_only=True)
class Machine:
    """What a machine does in a second, and where the numbers are from.

    ``contracted`` and ``flops`` are operations a second, in dots and outside;
    ``transcendental`` is seconds for a function. ``bandwidths`` are pairs: up to so
    many bytes in use at once, so many bytes a second. ``kernel`` is seconds to start
    a kernel. ``stacking`` are pairs: where a loop stacks up to so many bytes, so many
    seconds for each, its being read back included; ``restacking`` are the same for a
    loop that runs again and again, whose stacks take the places of those before.
    ``levels`` are pairs: where kernels touch up to so many bytes before they touch the
    same again, so many bytes a second. A program that holds more than ``mapped`` bytes
    maps them anew at each call, for ``mapping`` seconds each.
    ``joining`` is operations a second outside of dots where kernels pad, slice and join
    what they compute, as those for whole Jacobians do outside of loops.
    ``call`` is seconds to start a program and to wait for it. One of less than
    ``inline`` operations, functions apart, is run by the thread that calls it: then
    ``inline_call`` and ``inline_kernel`` are seconds to start it and a kernel.
    """

    contracted: float
    flops: float
    transcendental: float
    bandwidths: tuple[tuple[float, float], ...]
    kernel: float
    stacking: tuple[tuple[float, float], ...]
    restacking: tuple[tuple[float, float], ...]
    levels: tuple[tuple[float, float], ...]
    joining: float
    mapped: float = math.inf
    mapping: float = 0.0
    call: float = 0.0
    inline: float = 0.0
    inline_call: float = 0.0
    inline_kernel: float = 0.0
    source: str

    def bandwidth(self, in_use: int) -> float:
        """Bytes a second when so many are in use at once."""
        return next(rate for limit, rate in self.bandwidths if in_use <= limit)

    def keeping(self, stacked: int, *, reused: bool = False) -> float:
        """Seconds for a byte that a loop keeps, if it would stack so many.

        ``reused`` says that the loop runs again and again.
        """
        prices = self.restacking if reused else self.stacking
        return next(price for limit, price in prices if stacked <= limit)

    def touching(self, touched: int) -> float:
        """Bytes a second for kernels that touch so many, again and again."""
        return next(rate for limit, rate in self.levels if touched <= limit)

    def holding(self, held: int) -> float:
        """Seconds that a call takes for the bytes it holds, whatever it does there."""
        return 0.0 if held <= self.mapped else held * self.mapping


MACHINES: Mapping[str, Machine] = {
    "cpu": Machine(
        contracted=140e9,
        flops=16e9,
        transcendental=1.2e-9,
        bandwidths=((2e6, 60e9), (32e6, 40e9), (math.inf, 13e9)),
        kernel=0.35e-6,
        stacking=((4e6, 0.015e-9), (32 * 2**20, 0.37e-9), (math.inf, 0.875e-9)),
        restacking=((4e6, 0.015e-9), (math.inf, 0.1e-9)),
        levels=(
            *((3e5, 70e9), (6e5, 50e9), (1.6e6, 40e9), (2.4e6, 30e9)),
            *((32e6, 20e9), (math.inf, 16e9)),
        ),
        joining=2e9,
        mapped=32 * 2**20,
        mapping=0.47e-9,
        call=25e-6,
        inline=1000,
        inline_call=5e-6,
        inline_kernel=0.12e-6,
        source="one core of an Intel Xeon with AVX-512, `python -m "
        "benchmarks.calibration`: products of 64 x 64 and more, mul 0.06 and exp 1.1 "
        "ns an entry, copies in and out of the cache, reductions of 8 entries; what "
        "stacking costs from the loops of `python -m benchmarks memory`, 3.5 ns a "
        "number of which most is mapping its page, 1.5 where pages stay mapped, and of "
        "`gradients`, whose stacks stay in the cache: less than any arithmetic that "
        "would make the number again; "
        "what inner loops stack again and again a ninth of that; levels from sums in a "
        "loop and from stencils, mapping from stacks around 32 MiB, beyond which glibc "
        "maps anew at each call; "
        "XLA's client runs what it counts less than 1000 operations for in the "
        "caller's thread",
    ),
    "gpu": Machine(
        contracted=67e12,
        flops=67e12,
        transcendental=1 / 4e12,
        bandwidths=((50e6, 5.5e12), (math.inf, 3.35e12)),
        kernel=3e-6,
        stacking=((math.inf, 2 / 3.35e12),),
        restacking=((math.inf, 2 / 3.35e12),),
        levels=((50e6, 5.5e12), (math.inf, 3.35e12)),
        joining=67e12,
        source="published peaks of an NVIDIA H100 SXM: 67 Tflop/s in float32 outside "
        "tensor cores, 16 special functions a clock on each of 132 units, 3.35 TB/s; "
        "not measured",
    ),
    "tpu": Machine(
        contracted=275e12,
        flops=4.3e12,
        transcendental=1 / 0.5e12,
        bandwidths=((math.inf, 1.2e12),),
        kernel=2e-6,
        stacking=((math.inf, 2 / 1.2e12),),
        restacking=((math.inf, 2 / 1.2e12),),
        levels=((math.inf, 1.2e12),),
        joining=4.3e12,
        source="published peaks of a TPU v4 (Jouppi et al., 2023, arXiv:2304.01433): "
        "275 Tflop/s in bfloat16 products, 1.2 TB/s, vector units of 2 cores at "
        "1.05 GHz; not measured",
    ),
}


def machine_of(backend: str) -> Machine:
    """A machine of a kind; one of an unknown kind is taken for an accelerator.

    >>> machine_of("abacus") is MACHINES["gpu"]
    True
    """
    return MACHINES.get(backend, MACHINES["gpu"])


def seconds(cost: Cost, backend: str | Machine = "cpu") -> float:
    """Predicted time of a program on a machine or on a kind of machine.

    >>> seconds(Cost(bytes=13_000_000_000, peak_bytes=10**9), "cpu")
    1.0
    """
    machine = backend if isinstance(backend, Machine) else machine_of(backend)
    moving = cost.bytes / machine.bandwidth(cost.peak_bytes)
    return max(_computing(cost, machine), moving) + cost.kernels * machine.kernel


def kernel_seconds(work: Cost, written: int, touched: int, machine: Machine) -> float:
    """Predicted time of one kernel among others that touch so many bytes in all.

    What a product writes it writes last, and overlaps with nothing.
    """
    rate = machine.touching(touched)
    last = written / rate if work.contracted else 0.0
    return max(_computing(work, machine), work.bytes / rate) + last + machine.kernel


def _computing(cost: Cost, machine: Machine) -> float:
    return (
        cost.contracted / machine.contracted
        + cost.simple / machine.flops
        + cost.transcendentals * machine.transcendental
    )


def call_seconds(cost: Cost, backend: str | Machine = "cpu") -> float:
    """Predicted time of a call of a program for a whole Jacobian, its start included.

    >>> call_seconds(Cost(flops=100)), call_seconds(Cost(flops=1000))
    (5.05e-06, 2.55e-05)
    """
    machine = backend if isinstance(backend, Machine) else machine_of(backend)
    if cost.simple:
        joined = (cost.simple - cost.looped) / machine.joining
        looped = cost.looped / machine.flops
        machine = replace(machine, flops=cost.simple / (joined + looped))
    counted = cost.flops - cost.transcendentals + cost.others
    if counted < machine.inline:
        machine = replace(machine, kernel=machine.inline_kernel)
        return seconds(cost, machine) + machine.inline_call
    return seconds(cost, machine) + machine.call


def compile_seconds(equations: int) -> float:
    """Predicted CPU seconds that XLA takes to compile for a CPU.

    A power fitted to the values and gradients of `benchmarks/programs` on one core,
    22 to 1358 equations; half of them are within a factor of 1.5, all within 3. It
    grows slowly because large programs have more equations in a kernel.
    """
    return 0.035 * equations**0.55
