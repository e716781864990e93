"""Who is measured against `jax.grad`, and how a peer's failure becomes a row."""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Subject: TypeAlias = Literal["irad", "jax"]


class PeerError(Exception):
    """A peer raised where the reference gave a result."""


@dataclass(frozen=True)
class Peer:
    """A library with JAX's signatures, and how it forgets what it has learned."""

    name: str
    grad: Callable[..., Callable[..., Any]]
    clear_caches: Callable[[], None]


def peer(subject: Subject) -> Peer:
    """The library of that name; JAX itself tries the instrument out."""
    module = importlib.import_module(subject)
    return Peer(subject, module.grad, module.clear_caches)


@contextlib.contextmanager
def failures_of(peer: Peer) -> Generator[None]:
    """Turns what the peer raises into ``PeerError``, which says how it failed."""
    try:
        yield
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        raise PeerError(f"{peer.name}: {type(error).__name__}: {lines[0]}") from error
