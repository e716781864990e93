"""Tracing: a function of arrays to a jaxpr, with values on demand.

``CaptureTrace`` records the primitives that touch a traced value, as JAX's own
tracing does, and differs from it twice. What touches no traced value runs where the
call was made, as under ``jax.grad``: a constant that the function caches in a global
is an array and not a leaked tracer. And a traced value that Python asks for (``if``,
``int``, a boolean mask) is computed from the recorded equations when the inputs are
known, so that the path Python takes is recorded in one run of the function.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np
from jax._src import core, dtypes
from jax._src import source_info_util as source
from jax._src.interpreters import partial_eval as pe
from jax._src.state.types import AbstractRef

from irad._compat import ir

# A line of the user's program is never one of irad's own.
source.register_exclusion(os.path.dirname(os.path.dirname(__file__)) + os.sep)


class CaptureInfo(core.DebugInfo):
    """Names of a function being captured, its arguments' made when an error asks."""

    names: Callable[[], Sequence[str]]

    @property
    def arg_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(self.names())


_MADE_HERE = frozenset((core.ref_p, core.empty_ref_p))


class CaptureTracer(pe.DynamicJaxprTracer):
    """A value that is being recorded, whose number can be had when inputs are known."""

    __slots__ = ()

    def to_concrete_value(self) -> Any:
        """The value as an array, or None when it depends on an abstract input.

        JAX asks whether a value is there far more often than for the value, and asks by
        this method: only then is nothing computed.
        """
        trace = cast("CaptureTrace", self._trace)
        if not trace.is_known():
            return None
        if sys._getframe(2).f_code is _IS_CONCRETE:
            return True
        return trace.concrete_value(self)

    def __index__(self) -> int:
        if self.aval.shape != () or not np.issubdtype(self.aval.dtype, np.integer):
            raise TypeError("Only integer scalar arrays can be converted to an index.")
        return super().__index__()

    def _short_repr(self) -> str:
        return f"CaptureTracer({self.aval})"


_IS_CONCRETE = core.is_concrete.__code__
core.pytype_aval_mappings[CaptureTracer] = lambda x: x.aval


class CaptureTrace(pe.DynamicJaxprTrace):
    """Records what depends on traced inputs; everything else runs in the parent."""

    __slots__ = ("known", "rules", "values")

    def __init__(self, debug_info: Any, parent: Any) -> None:
        super().__init__(debug_info, parent_trace=parent)
        self.values: dict[Any, Any] = {}
        self.known: Sequence[Any] | None = None
        # What follows from the custom rules recorded here, for as long as this lives.
        self.rules: dict[Any, Any] = {}

    # JAX's trace makes its tracers in three places.
    def var_to_tracer(self, var: Any, source_info: Any, parent: Any = None) -> Any:
        return CaptureTracer(self, var.aval, var, source_info, parent)

    def new_arg(self, aval: Any, source_info: Any) -> Any:
        var = self.frame.newvar(aval)
        self.frame.invars.append(var)
        return CaptureTracer(self, aval, var, source_info)

    def _owns(self, x: Any) -> bool:
        return isinstance(x, CaptureTracer) and x._trace is self

    def stage_value(self, val: Any) -> Any:
        return val if self._owns(val) else self.parent_trace.stage_value(val)

    def process_primitive(self, primitive: Any, tracers: Any, params: Any, /) -> Any:
        for x in tracers:
            if isinstance(x, CaptureTracer) and x._trace is self:
                return super().process_primitive(primitive, tracers, params)
        avals = [core.typeof(x) for x in tracers]
        if primitive in _MADE_HERE or any(isinstance(a, AbstractRef) for a in avals):
            # What happens to a mutable array is recorded in its order.
            return super().process_primitive(primitive, tracers, params)
        return primitive.bind_with_trace(self.parent_trace, tracers, avals, params)

    def process_custom_jvp_call(
        self, prim: Any, fun: Any, jvp: Any, tracers: Any, /, *, symbolic_zeros: bool
    ) -> Any:
        if any(map(self._owns, tracers)):
            return super().process_custom_jvp_call(
                prim, fun, jvp, tracers, symbolic_zeros=symbolic_zeros
            )
        return self.parent_trace.process_custom_jvp_call(
            prim, fun, jvp, tracers, symbolic_zeros=symbolic_zeros
        )

    def process_custom_vjp_call(
        self, prim: Any, fun: Any, fwd: Any, bwd: Any, tracers: Any, /, **params: Any
    ) -> Any:
        if any(map(self._owns, tracers)):
            return super().process_custom_vjp_call(
                prim, fun, fwd, bwd, tracers, **params
            )
        return self.parent_trace.process_custom_vjp_call(
            prim, fun, fwd, bwd, tracers, **params
        )

    def is_known(self) -> bool:
        """Whether the values of all inputs and constants are at hand."""
        if self.known is None:
            return False
        consts = self.frame.constvar_to_val.values()
        return all(map(core.is_concrete, self.known)) and all(
            map(core.is_concrete, list(consts))
        )

    def concrete_value(self, tracer: CaptureTracer) -> Any:
        """Computes a recorded value from the inputs' values, or gives None."""
        values = self.values
        if not values and self.known is not None:
            for var, x in zip(self.frame.invars, self.known, strict=True):
                values[var] = core.to_concrete_value(x)
        return self._read(tracer) if self._evaluate(tracer) else None

    def _read(self, tracer: Any) -> Any:
        atom = tracer.val
        if isinstance(atom, ir.Literal):
            return atom.val
        if atom in self.values:
            return self.values[atom]
        const = self.frame.constvar_to_val.get(atom)
        return None if const is None else core.to_concrete_value(const)

    def _evaluate(self, tracer: Any) -> bool:
        """Fills in the values ``tracer`` needs, oldest first, without recursion."""
        stack = [tracer]
        while stack:
            t = stack[-1]
            if t.parent is None or t.val in self.values:
                if self._read(t) is None:
                    return False
                stack.pop()
                continue
            eqn = t.parent
            missing = [x for x in eqn.in_tracers if self._read(x) is None]
            if missing:
                if any(x.parent is None for x in missing):
                    return False
                stack.extend(missing)
                continue
            self._run(eqn, [self._read(x) for x in eqn.in_tracers])
        return True

    def _run(self, eqn: Any, operands: list[Any]) -> None:
        params = eqn.primitive.get_bind_params(eqn.params)
        with core.eval_context(), eqn.ctx.manager:
            result = eqn.primitive.bind(*operands, **params)
        results = result if eqn.primitive.multiple_results else [result]
        for var, y in zip(eqn.outvars, results, strict=True):
            self.values[var] = y


def record(
    fun: Callable[..., Sequence[Any]],
    avals: Sequence[Any],
    *,
    name: str,
    of: str,
    known: Sequence[Any] | None = None,
    names: Callable[[], Sequence[str]] | None = None,
) -> tuple[ir.Jaxpr, list[Any]]:
    """Records a function of arrays, with a list of results, as jaxpr and constants.

    ``known`` are the inputs' values, for Python control flow on what is traced;
    ``names`` gives the inputs' names, for errors.
    """
    info = core.DebugInfo(name, of, None, None)
    if names is not None:
        info = CaptureInfo(name, of, None, None)
        info.names = names
    return _record(fun, avals, info, known, capture=True)


def trace(fun: Callable[..., Sequence[Any]], avals: Sequence[Any], name: str) -> Any:
    """Traces ``fun``, every equation recorded: for rules, with no user in them."""
    info = core.DebugInfo(name, "irad", None, None)
    return _record(fun, avals, info, None, capture=False)


def _record(
    fun: Callable[..., Sequence[Any]],
    avals: Sequence[Any],
    info: core.DebugInfo,
    known: Sequence[Any] | None,
    *,
    capture: bool,
) -> tuple[ir.Jaxpr, list[Any]]:
    parent = core.trace_ctx.trace
    trace = (
        CaptureTrace(info, parent)
        if capture
        else pe.DynamicJaxprTrace(info, parent_trace=parent)
    )
    with source.reset_name_stack():
        here = source.current()
        tracers = [trace.new_arg(aval, source_info=here) for aval in avals]
        if capture:
            trace.known = known
        with core.set_current_trace(trace):
            results = fun(*tracers)
        outs = [
            trace.to_jaxpr_tracer(dtypes.canonicalize_value(y), source_info=here)
            for y in results
        ]
        plain = core.DebugInfo(info.traced_for, info.func_src_info, None, None)
        jaxpr, consts = trace.frame.to_jaxpr(trace, outs, plain, here)
    trace.invalidate()
    return jaxpr, consts


axis_environment = core.extend_axis_env_nd


def rules_of(trace: Any) -> dict[Any, Any] | None:
    """What is remembered about the custom rules that a trace recorded, if anything."""
    return getattr(trace, "rules", None)
