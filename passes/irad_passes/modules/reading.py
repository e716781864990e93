"""Modules from what a user holds: text, bytes, a file, an export."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from irad_passes._compat.mlir import (
    context,
    hlo_proto,
    hlo_to_stablehlo,
    ir,
    stablehlo,
)
from irad_passes.errors import ModuleError
from irad_passes.modules.spelling import respelled
from irad_passes.modules.strings import check_strings
from irad_passes.modules.updating import updated

# A constant of HLO text without its entries.
_ELIDED = re.compile(r"\bconstant\(\{\.\.\.\}\)")
_PRODUCER = b"StableHLO_v"
_VERSION = re.compile(rb"StableHLO_v(\d+(?:\.\d+)*)")
"""What a portable artifact has near its start, in the place of a version of MLIR."""


def read(source: Any, shapes: Sequence[Any] | None = None) -> tuple[Any, str]:
    """A module in irad's context, and the file it came from (empty for none).

    ``source`` is the text of a module, its bytecode, a portable artifact, a path to a
    file with any of these, a module of MLIR, or what ``jax.export`` gives; ``shapes``
    are those of its inputs if it leaves them open.

    Raises:
        ModuleError: the source is no module, or not one that this jaxlib can read.
        TypeError: the source is none of these.
        OSError: the file cannot be read.
    """
    file = ""
    if hasattr(source, "mlir_module_serialized"):
        source = source.mlir_module_serialized
    elif isinstance(source, os.PathLike) or _is_path(source):
        file = os.fspath(source)
        source = Path(source).read_bytes()
    elif hasattr(source, "operation"):
        source = source.operation.get_asm(enable_debug_info=True)
    elif isinstance(source, bytearray | memoryview):
        source = bytes(source)
    if not isinstance(source, str | bytes):
        kind = type(source).__name__
        raise TypeError(f"a module is text, bytes, a path or an export, not {kind}")
    return updated(parse(source, file), shapes, file), file


def from_hlo(source: str | bytes) -> bytes:
    """The StableHLO bytecode of an HLO module, given as text or as its proto."""
    if isinstance(source, str):
        _check_constants(source)
    try:
        proto = hlo_proto(source) if isinstance(source, str) else source
        return hlo_to_stablehlo(proto)
    except (ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ModuleError(f"this is no HLO that can be converted: {reason}") from None


def _check_constants(hlo: str) -> None:
    """ModuleError for HLO text that leaves entries out: XLA would read zeros."""
    for number, line in enumerate(hlo.splitlines(), 1):
        if _ELIDED.search(line):
            raise ModuleError(
                "the text leaves out the entries of a large constant: give the proto, "
                "compiled.runtime_executable().hlo_modules()[0]"
                ".as_serialized_hlo_module_proto()",
                f"<text>:{number}:{line.index('constant') + 1}",
            )


def _is_path(source: Any) -> bool:
    """Whether a text is a path: a module has several lines, braces, or aliases."""
    return (
        isinstance(source, str)
        and "\n" not in source
        and "{" not in source
        and "\0" not in source
        and not source.isspace()
        and not source.startswith(("#", "//"))
        and source != ""
    )


def parse(source: str | bytes, file: str = "") -> Any:
    """A module from its text or bytes."""
    if isinstance(source, bytes):
        check_strings(source, file)
    with context():
        try:
            if isinstance(source, bytes) and _PRODUCER in source[:32]:
                _check_version(source, file)
                return stablehlo.deserialize_portable_artifact(context(), source)
            return ir.Module.parse(source)
        except ir.MLIRError as error:
            today = respelled(source)
            if today is not None:
                return parse(today, file)
            raise ModuleError(*_first_diagnostic(error, file)) from None
        except (ValueError, UnicodeDecodeError) as error:
            raise ModuleError(f"this is no module: {error}", file) from None


def _check_version(artifact: bytes, file: str) -> None:
    """ModuleError for an artifact of a version that this jaxlib does not know yet."""
    found = _VERSION.search(artifact[:64])
    written = found[1].decode() if found else ""
    known = stablehlo.get_current_version()
    if not written or _numbers(written) > _numbers(known):
        version = written or "(no version)"
        reads = f"this jaxlib reads up to {known}"
        raise ModuleError(f"the artifact is of StableHLO {version}; {reads}", file)


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _first_diagnostic(error: Any, file: str) -> tuple[str, str]:
    for diagnostic in error.error_diagnostics:
        message = diagnostic.message.splitlines()[0].removesuffix(", has ")
        return message, _place(diagnostic.location, file)
    return str(error).splitlines()[0], file


def _place(location: Any, file: str) -> str:
    """Where a diagnostic points; its location comes as of no kind."""
    try:
        known = ir.FileLineColLoc(location)
    except ValueError:
        return file
    return f"{file or '<text>'}:{known.start_line}:{known.start_col}"
