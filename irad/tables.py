"""Tables of text, and how the numbers in them are written."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def aligned(
    rows: Sequence[Sequence[str]], to_the_right: Collection[int] = ()
) -> list[str]:
    """A line for each row, its cells below those of the row before."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if i in to_the_right else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def quantity(x: float, unit: str) -> str:
    """A number in three digits with a prefix: ``1.23 M``."""
    for prefix in ("", "k", "M", "G", "T"):
        if abs(x) < 1000 or prefix == "T":
            digits = f"{x:.0f}" if prefix == "" else f"{x:.3g}"
            return f"{digits} {prefix}{unit}".strip()
        x /= 1000
    raise AssertionError(x)


def duration(seconds: float) -> str:
    """A time in three digits: ``12.3 us``."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e6:.2g} us"
