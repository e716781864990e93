"""Constants of a module as arrays, of every element type that JAX has."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from irad_passes.errors import ModuleError
from irad_passes.modules.types import aval_of

_ENTRY = re.compile(r"true|false|-?(?:0x[0-9A-Fa-f]+|[0-9][0-9.]*(?:[eE][-+]?\d+)?)")
_HEX = re.compile(r'^"0x([0-9A-Fa-f]*)"$')


def splat(op: Any) -> np.ndarray[Any, Any] | None:
    """The scalar that a constant operation repeats; None if it is no splat."""
    found, shape = _read(op)
    return found.reshape(()) if found.size == 1 and shape != (0,) else None


def everywhere(value: Any) -> np.ndarray[Any, Any] | None:
    """The number that a value is known to be in every place; None for any other."""
    owner = value.owner
    name = getattr(owner, "name", "")
    if name == "stablehlo.broadcast_in_dim":
        return everywhere(owner.operands[0])
    if name == "stablehlo.convert":
        number = everywhere(owner.operands[0])
        return None if number is None else number.astype(aval_of(value.type).dtype)
    return splat(owner) if name == "stablehlo.constant" else None


def array(op: Any) -> np.ndarray[Any, Any]:
    """The value of a constant operation."""
    found, shape = _read(op)
    if found.size == 1 and found.shape != shape:
        return np.broadcast_to(found.reshape(()), shape)
    return found.reshape(shape)


def _read(op: Any) -> tuple[np.ndarray[Any, Any], tuple[int, ...]]:
    """The entries of a constant, one alone for a splat, and its shape."""
    aval = aval_of(op.results[0].type)
    if not aval.size:
        return np.empty(aval.shape, aval.dtype), aval.shape
    try:
        attribute = op.attributes["value"]
        found = np.array(attribute)
    except TypeError:  # no buffer format: bfloat16, complex, narrow types
        return _from_text(_literal_text(op), aval), aval.shape
    if found.dtype != aval.dtype:
        raise ModuleError(f"the constant {attribute.type} cannot be read")
    if attribute.is_splat:
        return found.ravel()[:1], aval.shape
    return found, aval.shape


def _literal_text(op: Any) -> str:
    """What stands between ``dense<`` and its end in the operation's text."""
    written = str(op)
    start = written.index("dense<") + len("dense<")
    return written[start : written.rindex("> :")]


def _from_text(written: str, aval: Any) -> np.ndarray[Any, Any]:
    """Entries from text: numbers, bit patterns in hexadecimal, or raw bytes."""
    raw = _HEX.match(written)
    if raw is not None:
        return np.frombuffer(bytes.fromhex(raw[1]), aval.dtype)
    part = np.empty(0, aval.dtype).real.dtype
    found = np.array([_entry(entry, part) for entry in _ENTRY.findall(written)], part)
    return found.view(aval.dtype) if part != aval.dtype else found


def _entry(written: str, dtype: Any) -> Any:
    if written.startswith("0x"):
        width = np.dtype(dtype).itemsize
        bits = int(written, 16).to_bytes(width, "little")
        return np.frombuffer(bits, dtype)[0]
    return np.asarray(float(written), np.float64).astype(dtype)
