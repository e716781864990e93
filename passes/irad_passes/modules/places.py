"""Where an operation comes from: its line, as an error names it."""

from __future__ import annotations

from typing import Any

from irad_passes._compat.mlir import ir

_TEXT = "-"
"""The file name that MLIR gives to text that came from no file."""


def place_of(op: Any, file: str = "") -> str:
    """``file:line:column``, with the operation's name if its location has one.

    ``file`` is where the module's text came from. A location that says nothing gives
    the empty text.
    """
    name, place = _read(op.location, file)
    if name and place:
        return f"{place} ({name})"
    return place or name


def _read(location: Any, file: str) -> tuple[str, str]:
    match location:
        case ir.FileLineColLoc():
            known = location.filename
            known = file or "<text>" if known == _TEXT else known
            return "", f"{known}:{location.start_line}:{location.start_col}"
        case ir.NameLoc():
            return location.name_str, _read(location.child_loc, file)[1]
        case ir.CallSiteLoc():
            return _read(location.callee, file)
        case ir.FusedLoc():
            found = [_read(part, file) for part in location.locations]
            return next((pair for pair in found if pair[1]), ("", ""))
        case _:
            return "", ""
