"""The text of an XLA program, read into values.

``compiled.as_text()`` is what XLA runs: fused, scheduled, with the trip counts of
its loops written down. The grammar is XLA's own (openxla.org/xla/hlo_dumps); what
does not fit it is an error.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

BITS = {"pred": 8, "token": 0, "opaque": 0, "tf32": 32, "c64": 64, "c128": 128}
COMMENT = re.compile(r"/\*.*?\*/")
ARRAY = re.compile(r"(\w+)\[([^\]]*)\]")
HEADER = re.compile(r"(ENTRY )?%?([\w.\-]+) \(.*\{$")
INSTRUCTION = re.compile(r"\s+(ROOT )?%?([\w.\-]+) = (.*)")
OPCODE = re.compile(r"\s*([a-z][\w\-]*)\(")
MARKS = re.compile(r'"(?:[^"\\]|\\.)*"|[()\[\]{},]')
CALLED = (
    "calls",
    "to_apply",
    "condition",
    "body",
    "select",
    "scatter",
    "true_computation",
    "false_computation",
)
BRANCHES = ("branch_computations", "called_computations")
UNCOMPARED = {"metadata", "frontend_attributes", "sharding", "origin"}


class HloSyntaxError(ValueError):
    """A line of HLO text that this reader does not know."""


@dataclass(frozen=True)
class Array:
    """Element type and dimensions."""

    dtype: str
    dims: tuple[int, ...]

    @property
    def size(self) -> int:
        return math.prod(self.dims)

    @property
    def bytes(self) -> int:
        return -(-self.size * _bits(self.dtype) // 8)

    @property
    def is_complex(self) -> bool:
        return self.dtype in ("c64", "c128")

    @property
    def is_inexact(self) -> bool:
        return self.is_complex or self.dtype.startswith(("f", "bf", "tf"))


@dataclass(frozen=True)
class Instruction:
    """One operation: its arrays, operands by name, and attributes as text."""

    name: str
    shape: tuple[Array, ...]
    shape_text: str
    opcode: str
    operands: tuple[str, ...]
    literal: str
    attributes: Mapping[str, str]

    @cached_property
    def called(self) -> tuple[str, ...]:
        """The computations that this instruction holds."""
        single = [self.attributes[key] for key in CALLED if key in self.attributes]
        several = [self.attributes.get(key, "") for key in BRANCHES]
        names = [*single, *(name for group in several for name in split(group))]
        return tuple(name.strip().lstrip("%") for name in names)


@dataclass(frozen=True)
class Computation:
    """Instructions by name, in the order of the schedule."""

    name: str
    instructions: Mapping[str, Instruction]
    root: str

    @cached_property
    def parameters(self) -> tuple[Instruction, ...]:
        found = [i for i in self.instructions.values() if i.opcode == "parameter"]
        return tuple(sorted(found, key=lambda i: int(i.literal)))

    @cached_property
    def uses(self) -> Mapping[str, tuple[Instruction, ...]]:
        """For each instruction those that read it, once for each."""
        found: dict[str, list[Instruction]] = {name: [] for name in self.instructions}
        for instruction in self.instructions.values():
            for operand in dict.fromkeys(instruction.operands):
                found[operand].append(instruction)
        return {name: tuple(users) for name, users in found.items()}

    def operand(self, instruction: Instruction, i: int) -> Array:
        return self.instructions[instruction.operands[i]].shape[0]


@dataclass(frozen=True)
class Module:
    """Computations by name, and which of them is the program."""

    computations: Mapping[str, Computation]
    entry: str

    @property
    def instructions(self) -> int:
        """Instructions of all computations."""
        return sum(len(c.instructions) for c in self.computations.values())


def parse(text: str) -> Module:
    """The module that ``text`` writes down."""
    computations: dict[str, Computation] = {}
    entry, name, root = "", "", ""
    body: dict[str, Instruction] = {}
    for line in text.splitlines():
        if not name:
            if header := HEADER.match(line):
                name, root, body = header[2], "", {}
                entry = name if header[1] else entry
        elif line.startswith("}"):
            computations[name] = Computation(name, body, root)
            name = ""
        elif line.strip():
            instruction, is_root = _instruction(line)
            body[instruction.name] = instruction
            root = instruction.name if is_root else root
    if not entry:
        raise HloSyntaxError("no ENTRY computation in the text")
    return Module(computations, entry)


def digest(module: Module) -> str | None:
    """A key that two programs share when they compute the same in the same way.

    Names, metadata and the order of independent instructions do not enter. ``None``
    where the text leaves out a large constant: then nothing can be said.
    """
    if any(
        i.opcode == "constant" and "..." in i.literal
        for c in module.computations.values()
        for i in c.instructions.values()
    ):
        return None
    return _digest(module, module.entry, {})


def split(text: str) -> list[str]:
    """The parts of ``{a, b}`` or ``a, b`` at the outermost commas."""
    text = text.strip()
    if text.startswith("{") and _closing(text, 0) == len(text) - 1:
        text = text[1:-1]
    parts, depth, start = [], 0, 0
    for mark in MARKS.finditer(text):
        if mark[0] in "([{":
            depth += 1
        elif mark[0] in ")]}":
            depth -= 1
        elif mark[0] == "," and not depth:
            parts.append(text[start : mark.start()])
            start = mark.end()
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]


def _bits(dtype: str) -> int:
    if dtype in BITS:
        return BITS[dtype]
    if found := re.match(r"(?:bf|[fsu])(\d+)", dtype):
        return int(found[1])
    raise HloSyntaxError(f"unknown element type {dtype!r}")


def _instruction(line: str) -> tuple[Instruction, bool]:
    found = INSTRUCTION.match(COMMENT.sub("", line))
    if not found:
        raise HloSyntaxError(f"not an instruction: {line.strip()!r}")
    rest = found[3]
    end = _closing(rest, 0) + 1 if rest.startswith("(") else rest.index(" ")
    shape_text, rest = rest[:end], rest[end:]
    opcode = OPCODE.match(rest)
    if not opcode:
        raise HloSyntaxError(f"no opcode: {line.strip()!r}")
    end = _closing(rest, opcode.end() - 1)
    literal, rest = rest[opcode.end() : end], rest[end + 1 :].lstrip(", ")
    is_leaf = opcode[1] in ("constant", "parameter")
    operands = () if is_leaf else tuple(map(_operand, split(literal)))
    pairs = (part.partition("=") for part in split(rest))
    attributes = {key: value for key, _, value in pairs}
    instruction = Instruction(
        found[2], _arrays(shape_text), shape_text, opcode[1], operands, literal,
        attributes,
    )  # fmt: skip
    return instruction, bool(found[1])


def _operand(text: str) -> str:
    return text.split()[-1].lstrip("%")


def _arrays(text: str) -> tuple[Array, ...]:
    return tuple(
        Array(dtype, tuple(int(d.lstrip("<=")) for d in dims.split(",") if d))
        for dtype, dims in ARRAY.findall(text)
    )


def _closing(text: str, start: int) -> int:
    """Where the bracket that opens at ``start`` closes."""
    depth = 0
    for mark in MARKS.finditer(text, start):
        if mark[0] in "([{":
            depth += 1
        elif mark[0] in ")]}":
            depth -= 1
            if not depth:
                return mark.start()
    raise HloSyntaxError(f"bracket never closes: {text[start:]!r}")


def _digest(module: Module, name: str, known: dict[str, str]) -> str:
    if name in known:
        return known[name]
    computation = module.computations[name]
    keys: dict[str, str] = {}
    for instruction in computation.instructions.values():
        held = [_digest(module, inner, known) for inner in instruction.called]
        skipped = UNCOMPARED.union(CALLED, BRANCHES)
        attributes = sorted(
            item for item in instruction.attributes.items() if item[0] not in skipped
        )
        parts = (
            instruction.shape_text,
            instruction.opcode,
            [keys[operand] for operand in instruction.operands],
            instruction.literal if not instruction.operands else "",
            attributes,
            held,
        )
        keys[instruction.name] = hashlib.sha256(repr(parts).encode()).hexdigest()
    known[name] = keys[computation.root]
    return known[name]
