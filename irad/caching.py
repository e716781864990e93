"""Caches: by content and bounded, or by a jaxpr's identity and no longer than it lives.

Each cache is known here, so that all of them can be emptied at once.
"""

from __future__ import annotations

import functools
import threading
import weakref
from collections import OrderedDict
from collections.abc import Callable, MutableMapping
from typing import Any, Generic, TypeVar

from irad._compat import ir

T = TypeVar("T")
Cache = TypeVar("Cache", bound="MutableMapping[Any, Any] | Recent[Any]")
_CACHES: list[MutableMapping[Any, Any] | Recent[Any]] = []


def forgettable(cache: Cache) -> Cache:
    """A cache that is emptied with all others."""
    _CACHES.append(cache)
    return cache


def clear() -> None:
    """Empties all caches."""
    for cache in _CACHES:
        cache.clear()


def by_jaxpr(fun: Callable[..., T]) -> Callable[..., T]:
    """Remembers ``fun(jaxpr, *key)`` for as long as the jaxpr lives.

    The results depend on JAX's trace context too, which is part of the key.
    """
    cache: weakref.WeakKeyDictionary[Any, dict[Any, T]] = weakref.WeakKeyDictionary()
    forgettable(cache)

    @functools.wraps(fun)
    def cached(jaxpr: Any, *key: Any) -> T:
        entries = cache.get(jaxpr)
        if entries is None:
            entries = cache.setdefault(jaxpr, {})
        full = (key, ir.trace_context())
        if full not in entries:
            # Another thread may have been first; who holds its result must find it.
            entries.setdefault(full, fun(jaxpr, *key))
        return entries[full]

    return cached


class Recent(Generic[T]):
    """The values asked for most recently, at most ``size``; threads may share it."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = threading.Lock()
        self._values: OrderedDict[Any, T] = OrderedDict()

    def get(self, key: Any) -> T | None:
        """The value of a key, if it is remembered."""
        with self._lock:
            found = self._values.get(key)
            if found is not None:
                self._values.move_to_end(key)
        return found

    def put(self, key: Any, value: T) -> None:
        """Remembers a value; the one asked for least recently may have to go."""
        with self._lock:
            self._values[key] = value
            while len(self._values) > self._size:
                self._values.popitem(last=False)

    def items(self) -> list[tuple[Any, T]]:
        """All keys with their values, the one asked for least recently first."""
        with self._lock:
            return list(self._values.items())

    def clear(self) -> None:
        """Forgets all values."""
        with self._lock:
            self._values.clear()
