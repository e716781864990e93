"""Work that no clock is held to, on all cores at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from multiprocessing import get_context
from typing import Any, TypeVar

T = TypeVar("T")


@cache
def _processes() -> ProcessPoolExecutor:
    """As many as there are cores, kept for the next row.

    They start anew: a fork of a process with JAX's threads may hang.
    """
    return ProcessPoolExecutor(mp_context=get_context("spawn"))


def side_by_side(
    fun: Callable[..., T], arguments: Iterable[tuple[Any, ...]]
) -> list[T]:
    """``fun`` of each tuple of arguments; it is a function of a module."""
    return list(_processes().map(fun, *zip(*arguments, strict=True)))
