"""What a program costs, as numbers that add up."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Cost:
    """Operations, memory traffic and memory of a program.

    ``flops`` counts operations on floating-point entries, transcendental functions
    included; those are counted apart too, and so are those ``contracted`` in dots,
    convolutions and factorizations, which machines do faster. ``bytes`` crosses the
    boundaries of kernels, and ``kernels`` is how many are started. ``peak_bytes``
    bounds what is held at once besides the inputs, and ``likely_bytes`` is what XLA
    makes of it where results take the place of operands. ``uncounted`` names what has
    no known cost: a loop whose length is unknown (its body counts once) or code that is
    no program. ``others`` are operations on entries that are no flops but which XLA
    counts as such: selections, conversions, arithmetic on integers. ``looped`` are the
    ``simple`` operations in the bodies of loops. ``seconds`` is the time of its
    kernels, one by one, on the machine that it is worked out for, if any.

    A sum is one after the other: everything adds up but these two, of which the larger
    counts.
    """

    flops: int = 0
    transcendentals: int = 0
    bytes: int = 0
    peak_bytes: int = 0
    contracted: int = 0
    kernels: int = 0
    uncounted: frozenset[str] = frozenset()
    likely_bytes: int = 0
    others: int = 0
    looped: int = 0
    seconds: float = 0.0

    @property
    def simple(self) -> int:
        """Operations that are no functions and in no contraction."""
        return self.flops - self.contracted - self.transcendentals

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.flops + other.flops,
            self.transcendentals + other.transcendentals,
            self.bytes + other.bytes,
            max(self.peak_bytes, other.peak_bytes),
            self.contracted + other.contracted,
            self.kernels + other.kernels,
            self.uncounted | other.uncounted,
            max(self.likely_bytes, other.likely_bytes),
            self.others + other.others,
            self.looped + other.looped,
            self.seconds + other.seconds,
        )

    def scaled(self, n: int) -> Cost:
        """The same ``n`` times over, in the memory of one."""
        return replace(
            self,
            flops=n * self.flops,
            transcendentals=n * self.transcendentals,
            bytes=n * self.bytes,
            contracted=n * self.contracted,
            kernels=n * self.kernels,
            others=n * self.others,
            looped=n * self.looped,
            seconds=n * self.seconds,
        )
