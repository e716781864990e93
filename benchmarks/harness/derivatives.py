"""The ways to a whole derivative: irad, JAX's modes, sparse libraries, by hand."""

from __future__ import annotations

import importlib
import importlib.util
import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import sparse

from benchmarks.harness.peers import Format, Peer, PeerError, failures_of
from benchmarks.harness.tables import quantity
from benchmarks.programs.derivative import Derivative
from irad.instruments.executable import Compiled, compiled

# A side that needs more is left out.
MEMORY = 2 * 2**30
SECONDS = 20.0
HAND = "by hand"


@dataclass(frozen=True)
class Made:
    """A function that can be jitted, and how it works, asked when it was compiled."""

    fun: Callable[..., Any]
    how: Callable[[], str] = lambda: ""


@dataclass(frozen=True)
class Way:
    """A named way to a derivative, and what it gives.

    ``make`` may analyse and colour: that is set-up. ``is_dense`` tells an array of all
    entries; what ``has_pattern`` gives values at the program's own pattern, and what
    names another way in ``places`` at the indices of that one's BCOO. What ``is_peer``
    may fail, and its failure is shown.
    """

    name: str
    make: Callable[[Derivative, tuple[Any, ...]], Made]
    is_dense: bool = True
    has_pattern: bool = False
    places: str = ""
    is_peer: bool = True


@dataclass(frozen=True)
class Ready:
    """A way that was compiled, what it gives, and what it took to get here."""

    way: Way
    compiled: Compiled
    how: str
    setup_s: float
    result: Any


class LeftOutError(PeerError):
    """A side that takes no part: what it would need, or why it cannot."""


def ready(way: Way, program: Derivative, arguments: tuple[Any, ...]) -> Ready:
    """Set up, compiled and run once, within what a side may take."""
    with failures_of(way) if way.is_peer else nullcontext():
        return _ready(way, program, arguments)


def _ready(way: Way, program: Derivative, arguments: tuple[Any, ...]) -> Ready:
    entries = math.prod(program.shape(arguments))
    if way.is_dense:
        _check_memory(entries * arguments[0].dtype.itemsize, "the result alone")
    started = time.perf_counter()
    made = way.make(program, arguments)
    made_s = time.perf_counter() - started
    found = compiled(made.fun, arguments)
    _check_memory(found.temp_bytes + found.output_bytes, "temporaries and result")
    started = time.perf_counter()
    result = jax.block_until_ready(found.run(*arguments))
    once_s = time.perf_counter() - started
    if once_s > SECONDS:
        raise LeftOutError(f"one call takes {once_s:.0f} s")
    return Ready(way, found, made.how(), made_s + found.trace_s + found.lower_s, result)


def _check_memory(size: int, what: str) -> None:
    if size > MEMORY:
        raise LeftOutError(f"{what}: {quantity(size)} bytes")


def subject(peer: Peer, form: Format) -> Way:
    """The library that is measured, from its caches up."""

    def make(program: Derivative, arguments: tuple[Any, ...]) -> Made:
        if form not in peer.formats:
            raise LeftOutError(f"{peer.name} has no such format")
        peer.clear_caches()
        fun, options = program.make(), {} if form == "dense" else {"format": "bcoo"}
        whole = peer.whole[program.order](fun, **options)
        made = (lambda *args: whole(*args).data) if form == "values" else whole
        return Made(made, lambda: peer.order(fun, program.order, form, arguments))

    places = f"{peer.name} bcoo" if form == "values" else ""
    return Way(f"{peer.name} {form}", make, is_dense=form == "dense", places=places)


def jax_mode(name: str, mode: Callable[..., Any]) -> Way:
    """A mode of JAX: on the function, or on its gradient."""

    def make(program: Derivative, _: tuple[Any, ...]) -> Made:
        fun = program.make()
        return Made(mode(fun if program.order == 1 else jax.grad(fun)))

    return Way(name, make, is_peer=False)


def library(name: str) -> Any:
    """An optional library, or that it is not installed."""
    if not importlib.util.find_spec(name):
        raise LeftOutError("not installed")
    return importlib.import_module(name)


def asdex(program: Derivative, arguments: tuple[Any, ...]) -> Made:
    """Pattern, colours and BCOO of the library asdex."""
    found = library("asdex")
    kind = "jacobian" if program.order == 1 else "hessian"
    fun = program.make()
    coloring = getattr(found, f"{kind}_coloring")(fun, *arguments)
    made = getattr(found, f"{kind}_from_coloring")(fun, coloring)
    return Made(made, lambda: f"{coloring.num_colors} colours")


def sparsejac(program: Derivative, arguments: tuple[Any, ...]) -> Made:
    """Columns compressed by the library sparsejac, which is told the pattern."""
    assert program.pattern is not None
    found = library("sparsejac")
    shape = program.shape(arguments)
    if arguments[0].ndim != 1:
        raise LeftOutError("takes vectors only")
    pattern = program.pattern()
    places = np.stack([pattern.rows, pattern.columns], axis=1)
    ones = jnp.ones(len(places), np.float32)
    sparsity = sparse.BCOO((ones, jnp.asarray(places)), shape=shape)
    fun = program.make()
    gradient = fun if program.order == 1 else jax.grad(fun)
    return Made(found.jacfwd(gradient, sparsity))


def by_hand(program: Derivative, _: tuple[Any, ...]) -> Made:
    """The derivative as one writes it."""
    assert program.by_hand is not None
    return Made(program.by_hand)


MODES = (jax_mode("jacfwd", jax.jacfwd), jax_mode("jacrev", jax.jacrev))
SPARSE = (
    Way("asdex", asdex, is_dense=False),
    Way("sparsejac", sparsejac, is_dense=False),
)


def ways(program: Derivative, peer: Peer) -> Sequence[Way]:
    """The sides of a row; sparse ones where the program has a pattern."""
    dense = [subject(peer, "dense"), *MODES]
    if program.by_hand is None:
        return dense
    if program.pattern is None:
        return [*dense, Way(HAND, by_hand, is_peer=False)]
    hand = Way(HAND, by_hand, is_dense=False, has_pattern=True, is_peer=False)
    ours = [subject(peer, "bcoo"), subject(peer, "values")]
    return [*dense, *ours, *SPARSE, hand]
