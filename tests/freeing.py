"""Whether what a function holds is let go."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

Make = Callable[[], tuple[Callable[..., Any], weakref.ref[Any]]]


def check_freed(make: Make, use: Callable[[Callable[..., Any]], None]) -> None:
    """A function dies after its use, and an array that it holds with it."""
    fun, array = make()
    fun_ref = weakref.ref(fun)
    use(fun)
    del fun
    gc.collect()
    assert fun_ref() is None
    assert array() is None
