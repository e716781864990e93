"""Lists of integers as early texts of StableHLO spell them: as tensors."""

from __future__ import annotations

import re

_LISTS = (
    "base_dilations broadcast_dimensions broadcast_sizes dimensions edge_padding_high "
    "edge_padding_low fft_length interior_padding lhs_dilation limit_indices "
    "permutation rhs_dilation slice_sizes start_indices strides window_dilations "
    "window_dimensions window_reversal window_strides"
)
_OLD = re.compile(
    rf"\b({'|'.join(_LISTS.split())}) = dense<([^>]*)> : tensor<(\d+)x(i64|i1)>"
)


def respelled(source: str | bytes) -> str | None:
    """Text with its lists as it is written today; None where nothing differs."""
    try:
        written = source.decode() if isinstance(source, bytes) else source
    except UnicodeDecodeError:
        return None
    found, count = _OLD.subn(_as_array, written)
    return found if count else None


def _as_array(found: re.Match[str]) -> str:
    name, written, size, element = found.groups()
    entries = [entry.strip() for entry in written.strip("[]").split(",") if entry]
    if len(entries) == 1:
        entries *= int(size)
    listed = f": {', '.join(entries)}" if entries else ""
    return f"{name} = array<{element}{listed}>"
