"""What irad remembers between calls, and how to forget it."""

from __future__ import annotations

from irad import caching


def clear_caches() -> None:
    """Forgets all code of equations, programs, plans and compiled executables.

    Nothing is wrong afterwards; the next call pays again for tracing rules, making the
    derivative program and compiling it.
    """
    caching.clear()
