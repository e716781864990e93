"""Staging: a derivative program as one call that XLA compiles, found again by content.

Called on arrays, a program is compiled once for each content (``fingerprint``) and run;
under an outer transformation it is one more equation. Two contents that differ in
scalar literals only are compiled twice at most: the second time, the literals that
differ become inputs.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import jax

from irad._compat import calls, ir
from irad._compat.ir import ClosedJaxpr
from irad.caching import Recent, forgettable
from irad.capture import Captured
from irad.fingerprint import Fingerprint, UnhashableError, fingerprint

T = TypeVar("T")

CACHE_SIZE = 4096
"""So many families of programs are remembered; the least recently used goes first."""

NOT_LOWERED = "MLIR translation rule for primitive"
"""What JAX says of a primitive that can be run, but not compiled."""


class Program:
    """A closed jaxpr that can be called: on arrays through one stored ``jax.jit``."""

    def __init__(self, jaxpr: ClosedJaxpr, name: str) -> None:
        self.name = name
        # A rule may close over a tracer of an outer transformation: it is an input.
        self._leading: list[Any] = []
        if any(map(ir.is_tracer, jaxpr.consts)):
            self._leading = list(jaxpr.consts)
            jaxpr = ir.closed_jaxpr(ir.with_constants_as_inputs(jaxpr.jaxpr))
        self.jaxpr = jaxpr

    @cached_property
    def _compiled(self) -> Callable[..., list[Any]]:
        return jax.jit(self._bind)

    def _bind(self, *inputs: Any) -> list[Any]:
        params = calls.jit_params(self.jaxpr, self.name)
        return ir.jit_p.bind(*inputs, **params)

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        """Runs the program, or binds it as one call where an input is traced."""
        if self._leading:
            inputs = [*self._leading, *inputs]
        if ir.runs_eagerly():
            return ir.evaluate(self.jaxpr, inputs)
        if any(map(ir.is_tracer, inputs)):
            return self._bind(*inputs)
        try:
            return self._compiled(*inputs)
        except NotImplementedError as error:
            if NOT_LOWERED not in str(error):
                raise
            return ir.evaluate(self.jaxpr, inputs)


class Function:
    """A traceable function staged as a whole, by one stored ``jax.jit`` on arrays."""

    def __init__(self, run: Callable[..., Any]) -> None:
        self._run = run
        self._compiled = jax.jit(run)

    def __call__(self, inputs: Sequence[Any]) -> Any:
        """Runs the function, or traces it where an input is traced."""
        if any(map(ir.is_tracer, inputs)):
            return self._run(*inputs)
        return self._compiled(*inputs)


@dataclass(eq=False)
class Family(Generic[T]):
    """The programs of a family: for exact literals, and with literals as inputs."""

    literals: tuple[bytes, ...]
    exact: T
    varying: tuple[int, ...] = ()
    general: T | None = None


_FAMILIES: Recent[Family[Any]] = forgettable(Recent(CACHE_SIZE))
_LOCK = threading.Lock()


def staged(
    captured: Captured,
    what: Hashable,
    make: Callable[[Captured], T],
    also: Sequence[Any] = (),
) -> tuple[T, Captured]:
    """``make(captured)``, remembered by content and ``what``, and what to call it on.

    The second result is ``captured`` itself, or the same with some literals as inputs.
    Under an outer transformation, of the inputs or of what is ``also`` passed, nothing
    is compiled and nothing is remembered.
    """
    if captured.is_abstract or any(map(ir.is_tracer, also)):
        return _made(captured, make), captured
    try:
        content = fingerprint(captured.jaxpr)
    except UnhashableError:
        return _made(captured, make), captured
    key = (what, content.family, ir.trace_context())
    family = _FAMILIES.get(key)
    if family is None:
        return _first(key, captured, content, make)
    return _again(family, captured, content, make)


def _made(captured: Captured, make: Callable[[Captured], T]) -> T:
    """The program, in which loops are counted by the literals that are left."""
    return make(captured.with_counted_loops())


def _first(
    key: Any, captured: Captured, content: Fingerprint, make: Callable[[Captured], T]
) -> tuple[T, Captured]:
    made = _made(captured, make)
    _FAMILIES.put(key, Family(content.literals, made))
    return made, captured


def _again(
    family: Family[T],
    captured: Captured,
    content: Fingerprint,
    make: Callable[[Captured], T],
) -> tuple[T, Captured]:
    if content.literals == family.literals:
        return family.exact, captured
    pairs = zip(content.literals, family.literals, strict=True)
    differing = {i for i, (a, b) in enumerate(pairs) if a != b}
    with _LOCK:
        general, varying = family.general, family.varying
    if general is None or not differing <= set(varying):
        varying = tuple(sorted({*varying, *differing}))
        general = _made(captured.with_literals_as_inputs(varying), make)
        with _LOCK:
            family.general, family.varying = general, varying
    return general, captured.with_literals_as_inputs(varying)
