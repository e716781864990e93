"""Floating-point operations and bytes of an optimized XLA program, loops included.

XLA's own cost analysis counts a loop body once; here a body counts as often as it
runs, by the ``known_trip_count`` that XLA writes beside each loop.

Flops are operations on floating-point and complex entries: one for an elementwise
operation, transcendental functions too (they are also counted apart); two for each
product that a dot or a convolution sums, at positions inside the padded operand
only; one less than the number of entries for a reduction by one operation; the
textbook count for factorizations. A complex sum is two, a product six. Moving,
selecting, converting and integer arithmetic are none. Of a ``conditional`` the
costliest branch counts.

Bytes are what crosses the boundary of a kernel: operands read and results written,
where a fusion is one kernel, slices are read and written alone, and an update of a
slice is made in place. What cannot be counted is named in ``uncounted``.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from irad.instruments import linear_algebra, opcodes
from irad.instruments.hlo import Computation, Instruction, Module, parse, split


@dataclass(frozen=True)
class Work:
    """What a program does once: operations, bytes moved, and what is not known."""

    flops: int = 0
    transcendentals: int = 0
    bytes: int = 0
    uncounted: frozenset[str] = frozenset()

    def __add__(self, other: Work) -> Work:
        return Work(
            self.flops + other.flops,
            self.transcendentals + other.transcendentals,
            self.bytes + other.bytes,
            self.uncounted | other.uncounted,
        )

    def times(self, n: int) -> Work:
        """The same ``n`` times over."""
        flops, functions = n * self.flops, n * self.transcendentals
        return Work(flops, functions, n * self.bytes, self.uncounted)


def work(text: str) -> Work:
    """The work of the program that ``text`` (``compiled.as_text()``) writes down."""
    module = parse(text)
    return _Count(module).program(module.entry)


class _Count:
    """Work of a module's computations, each worked out once."""

    def __init__(self, module: Module) -> None:
        self._module = module
        self._programs: dict[str, Work] = {}
        self._kernels: dict[str, Work] = {}

    def program(self, name: str) -> Work:
        """A computation whose instructions are kernels, loops and branches."""
        if name not in self._programs:
            computation = self._module.computations[name]
            self._programs[name] = _sum(
                self._step(computation, i) for i in computation.instructions.values()
            )
        return self._programs[name]

    def kernel(self, name: str) -> Work:
        """A computation inside one kernel: it moves nothing by itself."""
        if name not in self._kernels:
            computation = self._module.computations[name]
            self._kernels[name] = _sum(
                self._flops(computation, i) for i in computation.instructions.values()
            )
        return self._kernels[name]

    def _step(self, computation: Computation, step: Instruction) -> Work:
        match step.opcode:
            case "while":
                return self._loop(step)
            case "call" | "async-start":
                return _sum(map(self.program, step.called))
            case "async-done":
                return Work()
            case "conditional":
                return max(map(self.program, step.called), key=lambda w: w.flops)
            case "fusion":
                inner = self._module.computations[step.called[0]]
                moved = _moved_by_fusion(inner)
            case _:
                moved = _moved(computation, step)
        return self._flops(computation, step) + Work(bytes=moved)

    def _loop(self, step: Instruction) -> Work:
        config = json.loads(step.attributes.get("backend_config", "{}"))
        known = config.get("known_trip_count")
        n = int(known["n"]) if known else 1
        condition = self.program(step.attributes["condition"].lstrip("%"))
        body = self.program(step.attributes["body"].lstrip("%"))
        unknown = Work(uncounted=frozenset(() if known else {"while"}))
        return body.times(n) + condition.times(n + 1) + unknown

    def _flops(self, computation: Computation, step: Instruction) -> Work:
        if step.opcode in opcodes.FREE:
            return Work()
        if step.opcode in opcodes.ARITHMETIC or step.opcode in opcodes.TRANSCENDENTAL:
            return _elementwise(computation, step)
        if step.opcode in FORMULAS:
            return Work(flops=FORMULAS[step.opcode](computation, step))
        if step.opcode in APPLICATIONS:
            applied = _sum(map(self.kernel, step.called))
            return applied.times(APPLICATIONS[step.opcode](computation, step))
        if step.opcode == "custom-call":
            return _custom(computation, step)
        if step.opcode == "select-and-scatter":
            select, scatter = map(self.kernel, step.called)
            places = computation.operand(step, 1).size
            return (select.times(_window_size(step) - 1) + scatter).times(places)
        return Work(uncounted=frozenset({step.opcode}))


def _sum(parts: Iterable[Work]) -> Work:
    return sum(parts, start=Work())


def _elementwise(computation: Computation, step: Instruction) -> Work:
    entry = computation.operand(step, 0)
    if not entry.is_inexact:
        return Work()
    n = step.shape[0].size
    flops = n * (opcodes.COMPLEX.get(step.opcode, 2) if entry.is_complex else 1)
    return Work(flops, n if step.opcode in opcodes.TRANSCENDENTAL else 0)


def _custom(computation: Computation, step: Instruction) -> Work:
    target = step.attributes["custom_call_target"].strip('"')
    operands = [computation.instructions[name].shape[0] for name in step.operands]
    flops = linear_algebra.flops(target, operands, step.shape)
    if flops is None:
        return Work(uncounted=frozenset({target}))
    return Work(flops)


def _dot(computation: Computation, step: Instruction) -> int:
    x = computation.operand(step, 0)
    summed = [x.dims[int(i)] for i in split(step.attributes["lhs_contracting_dims"])]
    return _products(computation, step) * step.shape[0].size * math.prod(summed)


def _products(computation: Computation, step: Instruction) -> int:
    """Operations to multiply two entries and add the product."""
    x = computation.operand(step, 0)
    return (8 if x.is_complex else 2) if x.is_inexact else 0


def _convolution(computation: Computation, step: Instruction) -> int:
    """Products of a kernel entry and an entry of the operand that is there."""
    x, kernel = computation.operand(step, 0), computation.operand(step, 1)
    inputs, rest = step.attributes["dim_labels"].split("_")
    kernels, outputs = rest.split("->")
    window = _window(step)
    positions = 1
    for i in map(str, range(len(inputs) - 2)):
        positions *= _positions(
            x.dims[inputs.index(i)],
            kernel.dims[kernels.index(i)],
            step.shape[0].dims[outputs.index(i)],
            {name: value[int(i)] for name, value in window.items()},
        )
    features = kernel.dims[kernels.index("i")] * kernel.dims[kernels.index("o")]
    groups = int(step.attributes.get("batch_group_count", "1"))
    batch = x.dims[inputs.index("b")] // groups
    return _products(computation, step) * batch * features * positions


def _positions(x: int, kernel: int, result: int, window: dict[str, str]) -> int:
    """Pairs of a result and a kernel entry that meet an entry of the operand."""
    stride, hole = int(window.get("stride", 1)), int(window.get("rhs_dilate", 1))
    spread = int(window.get("lhs_dilate", 1))
    before = int(window.get("pad", "0_0").split("_")[0])
    places = (
        stride * i + hole * k - before
        for i, k in itertools.product(range(result), range(kernel))
    )
    return sum(not p % spread and 0 <= p < (x - 1) * spread + 1 for p in places)


def _window(step: Instruction) -> dict[str, list[str]]:
    text = step.attributes.get("window", "{}").strip("{}")
    pairs = (item.partition("=") for item in text.split())
    return {name: value.split("x") for name, _, value in pairs}


def _window_size(step: Instruction) -> int:
    return math.prod(int(n) for n in _window(step)["size"])


def _transform(computation: Computation, step: Instruction) -> int:
    """5 n log2 n for each complex transform of length n, half of it for real ones."""
    lengths = [int(n) for n in split(step.attributes["fft_length"])]
    n = math.prod(lengths)
    is_real = step.attributes["fft_type"] in ("RFFT", "IRFFT")
    whole = step.shape[0] if step.attributes["fft_type"] == "IRFFT" else None
    entries = (whole or computation.operand(step, 0)).size
    return round(entries * 5 * math.log2(max(n, 1)) / (2 if is_real else 1))


def _factor(computation: Computation, step: Instruction) -> int:
    return linear_algebra.cholesky([computation.operand(step, 0)], step.shape)


def _solve(computation: Computation, step: Instruction) -> int:
    operands = [computation.operand(step, 0), computation.operand(step, 1)]
    return linear_algebra.triangular(operands, step.shape)


def _comparisons(_: Computation, step: Instruction) -> int:
    n = step.shape[0].dims[int(step.attributes["dimensions"].strip("{}"))]
    return step.shape[0].size * max(1, math.ceil(math.log2(max(n, 1))))


def _reductions(computation: Computation, step: Instruction) -> int:
    return computation.operand(step, 0).size - step.shape[0].size


def _updates(computation: Computation, step: Instruction) -> int:
    arrays = (len(step.operands) - 1) // 2
    return computation.operand(step, arrays + 1).size


FORMULAS: dict[str, Callable[[Computation, Instruction], int]] = {
    "dot": _dot,
    "convolution": _convolution,
    "fft": _transform,
    "cholesky": _factor,
    "triangular-solve": _solve,
}
# How often an instruction applies the computation it holds.
APPLICATIONS: dict[str, Callable[[Computation, Instruction], int]] = {
    "all-reduce": lambda _, step: step.shape[0].size,
    "fusion": lambda _, step: 1,
    "map": lambda _, step: step.shape[0].size,
    "reduce": _reductions,
    "reduce-window": lambda _, step: step.shape[0].size * (_window_size(step) - 1),
    "scatter": _updates,
    "sort": _comparisons,
}


def _moved(computation: Computation, step: Instruction) -> int:
    """Bytes that one instruction reads and writes as a kernel of its own."""
    if step.opcode in opcodes.UNMOVED:
        return 0
    written = sum(array.bytes for array in step.shape)
    names = dict.fromkeys(step.operands)
    read = sum(
        _read(computation, step, name, computation.instructions[name]) for name in names
    )
    return read + _written(computation, step, written)


def _read(
    computation: Computation, step: Instruction, name: str, operand: Instruction
) -> int:
    """Bytes of ``operand`` that ``step`` reads."""
    whole = sum(array.bytes for array in operand.shape)
    if name != step.operands[0]:
        return whole
    if step.opcode in ("dynamic-slice", "slice", "gather"):
        return min(whole, step.shape[0].bytes)
    if step.opcode == "dynamic-update-slice":
        return 0
    if step.opcode == "scatter":
        return computation.operand(step, len(step.operands) - 1).bytes
    return whole


def _written(computation: Computation, step: Instruction, whole: int) -> int:
    if step.opcode == "dynamic-update-slice":
        return computation.operand(step, 1).bytes
    if step.opcode == "scatter":
        return computation.operand(step, len(step.operands) - 1).bytes
    return whole


def _moved_by_fusion(inner: Computation) -> int:
    """Bytes of a fusion's operands as its body reads them, and of its results."""
    moved = sum(_read_within(inner, parameter) for parameter in inner.parameters)
    root = inner.instructions[inner.root]
    roots = root.operands if root.opcode == "tuple" else (root.name,)
    for name in roots:
        made = _source(inner, inner.instructions[name])
        moved += _written(inner, made, sum(array.bytes for array in made.shape))
    return moved


def _read_within(inner: Computation, parameter: Instruction) -> int:
    """Bytes of a parameter that a fusion reads: slices where only slices are used."""
    whole = sum(array.bytes for array in parameter.shape)
    total = 0
    for user in inner.uses[parameter.name]:
        if user.opcode == "bitcast":
            total += _read_within(inner, user)
        else:
            total += _read(inner, user, parameter.name, parameter)
    return min(whole, total)


def _source(inner: Computation, made: Instruction) -> Instruction:
    """The instruction behind bitcasts."""
    while made.opcode == "bitcast":
        made = inner.instructions[made.operands[0]]
    return made
