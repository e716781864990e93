"""The texts in MLIR bytecode, read before MLIR's own reader sees them.

After four bytes, a version and the name of who wrote it, bytecode is a row of sections:
a byte that says which, a length, what fills up to an alignment, and the data. Section
zero has all texts one after the other, behind their number and their lengths. A number
has as many further bytes as its first byte has zeros at its low end, and eight where
that is zero.

https://mlir.llvm.org/docs/BytecodeFormat/
"""

from __future__ import annotations

from irad_passes.errors import ModuleError

MAGIC = b"ML\xefR"

_TEXTS, _ALIGNED = 0, 0x80


class _Reader:
    """Numbers and texts, one after the other."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = len(MAGIC)

    def byte(self) -> int:
        self.at += 1
        return self.data[self.at - 1]

    def number(self) -> int:
        first = self.byte()
        more = 8 if first == 0 else (first & -first).bit_length() - 1
        rest = self.data[self.at : self.at + more]
        self.at += more
        whole = first | int.from_bytes(rest, "little") << 8
        return whole >> (8 if first == 0 else more + 1)

    def skip_text(self) -> None:
        self.at = self.data.index(0, self.at) + 1


def check_strings(source: bytes, file: str) -> None:
    """ModuleError for bytecode with a text that is not UTF-8.

    The bindings end the process where a diagnostic names one. What is no bytecode in
    another way is left to MLIR, which says so.
    """
    if not source.startswith(MAGIC):
        return
    try:
        texts = _texts(source)
    except (IndexError, ValueError):
        return
    for text in texts.split(b"\0"):
        try:
            text.decode()
        except UnicodeDecodeError:
            raise ModuleError(f"the text {text!r} in it is not UTF-8", file) from None


def _texts(source: bytes) -> bytes:
    """All texts of bytecode, each with a zero behind it."""
    reader = _Reader(source)
    reader.number()
    reader.skip_text()
    while True:
        section = reader.byte()
        length = reader.number()
        if section & _ALIGNED:
            alignment = reader.number()
            reader.at += -reader.at % alignment
        end = reader.at + length
        if section & ~_ALIGNED == _TEXTS:
            for _ in range(reader.number()):
                reader.number()
            return source[reader.at : end]
        reader.at = end
