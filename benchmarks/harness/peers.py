"""Who is measured against JAX, and how a peer's failure becomes a row."""

from __future__ import annotations

import contextlib
import importlib
import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias, get_args

import jax

Subject: TypeAlias = Literal["irad", "jax"]
Format: TypeAlias = Literal["dense", "bcoo", "values"]


class PeerError(Exception):
    """A peer raised where the reference gave a result."""


class Named(Protocol):
    """What can fail under its own name."""

    @property
    def name(self) -> str: ...


@dataclass(frozen=True)
class Library:
    """Another library, of which one function is a side."""

    name: str


@dataclass(frozen=True, eq=False)
class Peer:
    """A library with JAX's signatures, and how it forgets what it has learned.

    ``whole`` gives, for 1 and 2, the function that makes a Jacobian and a Hessian,
    in one of ``formats``: the values are those of the BCOO, without its indices.
    ``order`` names the order in which a Jacobian of arguments is computed.
    """

    name: str
    grad: Callable[..., Callable[..., Any]]
    value_and_grad: Callable[..., Callable[..., Any]]
    clear_caches: Callable[[], None]
    whole: dict[int, Callable[..., Callable[..., Any]]]
    formats: Sequence[Format] = ("dense",)
    order: Callable[..., str] = lambda *_: ""
    jvp: Callable[..., Any] = jax.jvp


def peer(subject: Subject) -> Peer:
    """The library of that name; JAX itself tries the instrument out."""
    module = importlib.import_module(subject)
    shared = module.grad, module.value_and_grad, module.clear_caches
    if subject == "jax":
        return Peer(subject, *shared, {1: better_mode, 2: jax.hessian})
    whole = {1: module.jacobian, 2: module.hessian}

    def order(fun: Callable[..., Any], degree: int, form: Format, args: Any) -> str:
        made = fun if degree == 1 else module.grad(fun)
        wanted = "dense" if form == "dense" else "bcoo"
        return module.plan(made, format=wanted)(*args).order

    formats: Sequence[Format] = get_args(Format)
    return Peer(subject, *shared, whole, formats, order, module.jvp)


def better_mode(fun: Callable[..., Any]) -> Callable[..., Any]:
    """JAX's Jacobian in the first argument, by columns or rows: the fewer of them."""

    def jacobian(*args: Any) -> Any:
        outputs = jax.tree.leaves(jax.eval_shape(fun, *args))
        rows = sum(math.prod(aval.shape) for aval in outputs)
        mode = jax.jacfwd if args[0].size <= rows else jax.jacrev
        return mode(fun)(*args)

    return jacobian


@contextlib.contextmanager
def failures_of(peer: Named) -> Generator[None]:
    """Turns what the peer raises into ``PeerError``, which says how it failed."""
    try:
        yield
    except PeerError:
        raise
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        raise PeerError(f"{peer.name}: {type(error).__name__}: {lines[0]}") from error
