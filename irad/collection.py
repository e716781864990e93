"""Garbage collection, held back while many long-lived objects are made."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

YOUNG = 100_000
"""So many new objects are let be before the collector looks at them."""

_LOCK = threading.Lock()
_depth = 0
_threshold = gc.get_threshold()


@contextmanager
def held_back() -> Iterator[None]:
    """Makes the cyclic garbage collector rare; nests, and is safe between threads.

    Capture and emission make hundreds of thousands of objects that all stay alive. The
    collector would walk them again and again and find nothing: it took 40% of the time
    of making a gradient of 10,000 equations, and a quarter of that of tracing them. It
    is not turned off, for the user's function runs meanwhile and may make garbage.
    """
    global _depth, _threshold
    with _LOCK:
        if _depth == 0:
            _threshold = gc.get_threshold()
            # A threshold of 0 turns the collector off, and off it stays.
            if 0 < _threshold[0] < YOUNG:
                gc.set_threshold(YOUNG, *_threshold[1:])
        _depth += 1
    try:
        yield
    finally:
        with _LOCK:
            _depth -= 1
            if _depth == 0:
                gc.set_threshold(*_threshold)
