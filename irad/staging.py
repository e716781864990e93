"""Staging: a derivative program as one call that XLA compiles, found again by content.

Called on arrays, a program is compiled once for each content (``fingerprint``) and run;
under an outer transformation it is one more equation.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from typing import Any

import jax

from irad._compat import ir
from irad._compat.ir import ClosedJaxpr
from irad.capture import Captured
from irad.fingerprint import Unhashable, fingerprint

CACHE_SIZE = 4096
"""So many programs are remembered; the least recently used goes first."""


class Program:
    """A closed jaxpr that can be called: on arrays through one stored ``jax.jit``."""

    def __init__(self, jaxpr: ClosedJaxpr, name: str) -> None:
        self.jaxpr = jaxpr
        self.name = name
        self._compiled = jax.jit(self._bind)

    def _bind(self, *inputs: Any) -> list[Any]:
        params = ir.jit_params(self.jaxpr, self.name)
        return ir.jit_p.bind(*inputs, **params)

    def __call__(self, inputs: Sequence[Any]) -> list[Any]:
        """Runs the program, or binds it as one call where an input is traced."""
        if jax.config.jax_disable_jit:
            return jax.core.eval_jaxpr(self.jaxpr.jaxpr, self.jaxpr.consts, *inputs)
        if any(map(ir.is_tracer, inputs)):
            return self._bind(*inputs)
        return self._compiled(*inputs)


class Function:
    """A traceable function staged as a whole: through one stored ``jax.jit`` on arrays."""

    def __init__(self, run: Callable[..., Any]) -> None:
        self._run = run
        self._compiled = jax.jit(run)

    def __call__(self, inputs: Sequence[Any]) -> Any:
        """Runs the function, or traces it where an input is traced."""
        if any(map(ir.is_tracer, inputs)):
            return self._run(*inputs)
        return self._compiled(*inputs)


_PROGRAMS: OrderedDict[Any, Any] = OrderedDict()
_LOCK = threading.Lock()


def program_for(
    captured: Captured,
    what: Hashable,
    make: Callable[[Any], Any],
    also: Sequence[Any] = (),
) -> Any:
    """``make(jaxpr)``, remembered by the content of the captured jaxpr and ``what``.

    Under an outer transformation, of the inputs or of what is ``also`` passed, nothing is
    compiled and nothing is remembered.
    """
    if captured.is_abstract or any(map(ir.is_tracer, also)):
        return make(captured.jaxpr)
    try:
        key = (what, fingerprint(captured.jaxpr), ir.trace_context())
    except Unhashable:
        return make(captured.jaxpr)
    with _LOCK:
        made = _PROGRAMS.get(key)
        if made is not None:
            _PROGRAMS.move_to_end(key)
            return made
    made = make(captured.jaxpr)
    with _LOCK:
        _PROGRAMS[key] = made
        while len(_PROGRAMS) > CACHE_SIZE:
            _PROGRAMS.popitem(last=False)
    return made


def clear() -> None:
    """Forgets all programs."""
    with _LOCK:
        _PROGRAMS.clear()
