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
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
from jax._src import ad_util, core, dtypes, linear_util
from jax._src import source_info_util as source
from jax._src.array import ArrayImpl
from jax._src.interpreters import partial_eval as pe
from jax._src.state.types import AbstractRef

from irad._compat import inlining, ir, mapped_rules
from irad._compat.known import Known, has_no_tangent
from irad._compat.tracers import CaptureTracer

# A line of the user's program is never one of irad's own.
source.register_exclusion(os.path.dirname(os.path.dirname(__file__)) + os.sep)


# A primitive, operands, params and how to bind them to the result, made now or before.
Remembered = Callable[[Any, Sequence[Any], dict[str, Any], Callable[[], Any]], Any]


class CaptureInfo(core.DebugInfo):
    """Names of a function being captured, its arguments' made when an error asks."""

    names: Callable[[], Sequence[str]]

    @property
    def arg_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(self.names())


_MADE_HERE = frozenset((core.ref_p, core.empty_ref_p))


# What an operand mostly is when it is no mutable array.
_VALUES = frozenset((ArrayImpl, np.ndarray, bool, int, float, complex))


def _is_reference(x: Any) -> bool:
    """Whether an operand is a mutable array."""
    return type(x) not in _VALUES and isinstance(core.typeof(x), AbstractRef)


class CaptureTrace(pe.DynamicJaxprTrace):
    """Records what depends on traced inputs; everything else runs in the parent.

    If ``whole``, what depends on values that a transformation outside traces is
    recorded too.
    """

    __slots__ = ("known", "remembered", "rules", "rules_ask", "whole")

    def __init__(
        self,
        debug_info: Any,
        parent: Any,
        remembered: Remembered | None,
        *,
        whole: bool = False,
    ) -> None:
        super().__init__(debug_info, parent_trace=parent)
        self.whole = whole
        # What runs on values of the host and of arrays may have been run before.
        self.remembered = remembered if parent is core.eval_trace else None
        self.known: Callable[[], Known | None] = lambda: None
        # What follows from the custom rules recorded here, for as long as this lives.
        self.rules: dict[Any, Any] = {}
        # Whether some rule asked for numbers, and so may differ from call to call.
        self.rules_ask = False

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

    def _records(self, x: Any) -> bool:
        """Whether what depends on a value is recorded."""
        return self._owns(x) or (self.whole and ir.is_tracer(x))

    def process_primitive(self, primitive: Any, tracers: Any, params: Any, /) -> Any:
        for x in tracers:
            if self._records(x):
                body = inlining.body_of(primitive, params)
                if body is not None:
                    return self._written_out(body, tracers)
                return self._recorded(primitive, tracers, params)
        if primitive in _MADE_HERE or any(map(_is_reference, tracers)):
            # What happens to a mutable array is recorded in its order.
            return self._recorded(primitive, tracers, params)

        def bind() -> Any:
            avals = [core.typeof(x) for x in tracers]
            return primitive.bind_with_trace(self.parent_trace, tracers, avals, params)

        if self.remembered is None:
            return bind()
        return self.remembered(primitive, tracers, params, bind)

    def _recorded(self, primitive: Any, tracers: Any, params: Any) -> Any:
        """The results of a recorded equation; a call may hand on a constant itself."""
        result = super().process_primitive(primitive, tracers, params)
        if not primitive.multiple_results:
            return result if type(result) is CaptureTracer else self.get_const(result)
        return [y if type(y) is CaptureTracer else self.get_const(y) for y in result]

    def _written_out(self, body: inlining.Body, operands: Sequence[Any]) -> list[Any]:
        here = source.current()
        x = [self.to_jaxpr_tracer(x, here) for x in operands]
        result = inlining.record(self, CaptureTracer, body, x, here)
        return [y if type(y) is CaptureTracer else self.get_const(y) for y in result]

    def process_custom_jvp_call(
        self, prim: Any, fun: Any, jvp: Any, tracers: Any, /, *, symbolic_zeros: bool
    ) -> Any:
        onto: Any = self.parent_trace
        if any(map(self._records, tracers)):
            onto, ask = super(), self._operands(tracers)
            fun, jvp = with_values(fun, ask), with_values(jvp, ask)
            if mapped_rules.is_mapped(jvp) and any(moves := self._moves(tracers)):
                avals = [core.typeof(x) for x in tracers]
                with core.set_current_trace(self):
                    fun, jvp = mapped_rules.jvp_rule(
                        jvp, avals, moves, symbolic_zeros, trace
                    )
        return onto.process_custom_jvp_call(
            prim, fun, jvp, tracers, symbolic_zeros=symbolic_zeros
        )

    def process_custom_vjp_call(
        self, prim: Any, fun: Any, fwd: Any, bwd: Any, tracers: Any, /, **params: Any
    ) -> Any:
        onto: Any = self.parent_trace
        if any(map(self._records, tracers)):
            onto, ask = super(), self._operands(tracers)
            fun, fwd = with_values(fun, ask), with_values(fwd, ask, stride=2)
            if mapped_rules.is_mapped(fwd) and any(moves := self._moves(tracers)):
                avals = [core.typeof(x) for x in tracers]
                with core.set_current_trace(self):
                    fun, fwd = mapped_rules.forward_rule(
                        fwd, avals, moves, params["out_trees"], trace
                    )
                # bwd may ask for the numbers of residuals, which are had from operands.
                fwd = with_values(fwd, ask, stride=2)
        return onto.process_custom_vjp_call(prim, fun, fwd, bwd, tracers, **params)

    def _moves(self, tracers: Sequence[Any]) -> list[bool]:
        """Which operands have a tangent where JAX differentiates on values."""
        return [self._owns(x) and not has_no_tangent(x) for x in tracers]

    def _operands(self, tracers: Sequence[Any]) -> Operands | None:
        """What a custom rule called on ``tracers`` may ask about them."""
        known = self.known()
        if known is None:
            return None
        operands = Operands(self, known, tracers)
        known.keep(operands)
        return operands


# Custom rules that ask for numbers ----------------------------------------------------

# What is raised where the number of a traced value is needed.
ASKS = (jax.errors.JAXTypeError, jax.errors.JAXIndexError)


class Operands:
    """The operands of one call of a custom rule, whose values its programs may need."""

    def __init__(self, trace: CaptureTrace, known: Known, x: Sequence[Any]) -> None:
        self.known = known
        self._trace = trace
        self._x = x

    def values(self) -> list[Any]:
        """The operands' values, None for unknown; no other call has this rule now."""
        self._trace.rules_ask = True
        return [
            self.known.value(x) if isinstance(x, CaptureTracer) else x for x in self._x
        ]


def with_values(fun: Any, operands: Operands | None, stride: int = 1) -> Any:
    """A program of a custom rule which is run anew on values if it asks for numbers.

    ``fun`` takes the operands, at every ``stride``-th place, before all else.
    """
    if operands is None:
        return fun
    return _with_values(fun, weakref.ref(operands), stride, fun.stores)


@linear_util.transformation2
def _with_values(
    fun: Callable[..., Sequence[Any]],
    operands: Callable[[], Operands | None],
    stride: int,
    stores: Sequence[Any],
    *args: Any,
) -> Sequence[Any]:
    try:
        return fun(*args)
    except ASKS:
        found = operands()
        if found is None:
            raise
    for store in stores:
        if store is not None:
            store.reset()
    values = iter(found.values())
    given = [next(values, None) if i % stride == 0 else None for i in range(len(args))]
    return on_values(fun, args, given, found.known)


def on_values(
    fun: Callable[..., Sequence[Any]],
    args: Sequence[Any],
    values: Sequence[Any],
    known: Known,
) -> Sequence[Any]:
    """Runs a rule on tracers whose values, where there are any, it may ask for.

    What it does for these values is what is traced.
    """
    places = [i for i, x in enumerate(args) if ir.is_tracer(x)]
    results: list[Any] = []

    def run(*tracers: Any) -> list[Any]:
        full = list(args)
        for i, t in zip(places, tracers, strict=True):
            full[i] = t
        results[:] = fun(*full)
        return [y for y in results if not isinstance(y, _ZEROS)]

    info = core.DebugInfo("rule", "irad", None, None)
    with core.eval_context():
        jaxpr, consts, inside = _record(
            run,
            [args[i].aval for i in places],
            info,
            capture=True,
            known=[values[i] for i in places],
            operands_of=known,
        )
    known.keep(inside)
    outs = iter(core.eval_jaxpr(jaxpr, consts, *[args[i] for i in places]))
    return [y if isinstance(y, _ZEROS) else next(outs) for y in results]


_ZEROS = (ad_util.Zero, ad_util.SymbolicZero)


# Recording ----------------------------------------------------------------------------


def record(
    fun: Callable[..., Sequence[Any]],
    avals: Sequence[Any],
    *,
    name: str,
    of: str,
    known: Sequence[Any] | None = None,
    names: Callable[[], Sequence[str]] | None = None,
    remembered: Remembered | None = None,
    whole: bool = False,
) -> tuple[ir.Jaxpr, list[Any], Known | None]:
    """Records a function of arrays, with a list of results, as jaxpr and constants.

    ``known`` are the inputs' values, for Python control flow on what is traced;
    ``names`` gives the inputs' names, for errors; ``remembered`` runs what touches no
    traced value; ``whole`` says that what is traced outside is recorded too. The last
    result is what custom rules may ask for numbers as long as it is kept.
    """
    info = core.DebugInfo(name, of, None, None)
    if names is not None:
        info = CaptureInfo(name, of, None, None)
        info.names = names
    try:
        return _record(
            fun,
            avals,
            info,
            known=known,
            capture=True,
            remembered=remembered,
            whole=whole,
        )
    finally:
        if isinstance(info, CaptureInfo):
            # Equations of custom rules outlive the capture; its arguments need not.
            info.names = tuple


def trace(fun: Callable[..., Sequence[Any]], avals: Sequence[Any], name: str) -> Any:
    """Traces ``fun``, every equation recorded: for rules, with no user in them."""
    info = core.DebugInfo(name, "irad", None, None)
    jaxpr, consts, _ = _record(fun, avals, info, capture=False)
    return jaxpr, consts


def _record(
    fun: Callable[..., Sequence[Any]],
    avals: Sequence[Any],
    info: core.DebugInfo,
    *,
    capture: bool,
    known: Sequence[Any] | None = None,
    operands_of: Known | None = None,
    remembered: Remembered | None = None,
    whole: bool = False,
) -> tuple[ir.Jaxpr, list[Any], Known | None]:
    parent = core.trace_ctx.trace
    trace = (
        CaptureTrace(info, parent, remembered, whole=whole)
        if capture
        else pe.DynamicJaxprTrace(info, parent_trace=parent)
    )
    with source.reset_name_stack():
        here = source.current()
        tracers = [trace.new_arg(aval, source_info=here) for aval in avals]
        numbers = None if known is None else Known(trace.frame, known, operands_of)
        if numbers is not None:
            trace.known = weakref.ref(numbers)
        with core.set_current_trace(trace):
            results = fun(*tracers)
        outs = [
            trace.to_jaxpr_tracer(dtypes.canonicalize_value(y), source_info=here)
            for y in results
        ]
        plain = core.DebugInfo(info.traced_for, info.func_src_info, None, None)
        jaxpr, consts = trace.frame.to_jaxpr(trace, outs, plain, here)
    if numbers is not None:
        numbers.close()
    outer = parent.known() if isinstance(parent, CaptureTrace) else None
    if outer is not None:
        outer.keep(numbers)
    trace.invalidate()
    return jaxpr, consts, numbers


axis_environment = core.extend_axis_env_nd


def rules_of(trace: Any) -> dict[Any, Any] | None:
    """What is remembered about the custom rules that a trace recorded, if anything."""
    return getattr(trace, "rules", None)


def rules_ask(trace: Any) -> bool:
    """Whether a custom rule recorded by a trace has asked for numbers."""
    return getattr(trace, "rules_ask", False)
