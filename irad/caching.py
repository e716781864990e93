"""Caches keyed by the identity of a jaxpr, which they do not keep alive."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable
from typing import Any, TypeVar

from irad._compat import ir

T = TypeVar("T")
_CACHES: list[weakref.WeakKeyDictionary[Any, Any]] = []


def by_jaxpr(fun: Callable[..., T]) -> Callable[..., T]:
    """Remembers ``fun(jaxpr, *key)`` for as long as the jaxpr lives.

    The results depend on JAX's trace context too, which is part of the key.
    """
    cache: weakref.WeakKeyDictionary[Any, dict[Any, T]] = weakref.WeakKeyDictionary()
    _CACHES.append(cache)

    @functools.wraps(fun)
    def cached(jaxpr: Any, *key: Any) -> T:
        entries = cache.get(jaxpr)
        if entries is None:
            entries = cache.setdefault(jaxpr, {})
        full = (key, ir.trace_context())
        if full not in entries:
            entries[full] = fun(jaxpr, *key)
        return entries[full]

    return cached


def clear() -> None:
    """Forgets everything that follows from a jaxpr's identity."""
    for cache in _CACHES:
        cache.clear()
