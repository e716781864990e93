"""Modules from what a user holds: text, bytes, a file, an export."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from irad_passes._compat.mlir import (
    context,
    hlo_proto,
    hlo_to_stablehlo,
    ir,
    passmanager,
    stablehlo,
)
from irad_passes.errors import ModuleError

_PRODUCER = b"StableHLO_v"
"""What a portable artifact has near its start, in the place of a version of MLIR."""

_MODERN = "builtin.module(func.func(stablehlo-legalize-deprecated-ops))"


def read(source: Any) -> tuple[Any, str]:
    """A module in irad's context, and the file it came from (empty for none).

    ``source`` is the text of a module, its bytecode, a portable artifact, a path to a
    file with any of these, a module of MLIR, or what ``jax.export`` gives.

    Raises:
        ModuleError: the source is no module, or not one that this jaxlib can read.
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
    return _modern(parse(source, file)), file


def from_hlo(source: str | bytes) -> bytes:
    """The StableHLO bytecode of an HLO module, given as text or as its proto."""
    try:
        proto = hlo_proto(source) if isinstance(source, str) else source
        return hlo_to_stablehlo(proto)
    except (ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ModuleError(f"this is no HLO that can be converted: {reason}") from None


def _is_path(source: Any) -> bool:
    """Whether a text is a path: a module has several lines, or braces."""
    return (
        isinstance(source, str)
        and "\n" not in source
        and "{" not in source
        and not source.isspace()
        and source != ""
    )


def parse(source: str | bytes, file: str = "") -> Any:
    """A module from its text or bytes."""
    with context():
        try:
            if isinstance(source, bytes) and _PRODUCER in source[:32]:
                return stablehlo.deserialize_portable_artifact(context(), source)
            return ir.Module.parse(source)
        except ir.MLIRError as error:
            raise ModuleError(*_first_diagnostic(error, file)) from None
        except (ValueError, UnicodeDecodeError) as error:
            raise ModuleError(f"this is no module: {error}", file) from None


def _first_diagnostic(error: Any, file: str) -> tuple[str, str]:
    for diagnostic in error.error_diagnostics:
        return diagnostic.message, _place(diagnostic.location, file)
    return str(error).splitlines()[0], file


def _place(location: Any, file: str) -> str:
    """Where a diagnostic points; its location comes as of no kind."""
    try:
        known = ir.FileLineColLoc(location)
    except ValueError:
        return file
    return f"{file or '<text>'}:{known.start_line}:{known.start_col}"


def _modern(module: Any) -> Any:
    """The module with deprecated operations replaced by today's."""
    with module.context:
        passmanager.PassManager.parse(_MODERN).run(module.operation)
    return module
