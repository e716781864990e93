"""Calls that are no ``jit``: plain ones, and those that tell XLA something."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from irad._compat import calls, ir
from irad._compat.ir import Atom, ClosedJaxpr, JaxprEqn
from irad.caching import by_jaxpr
from irad.emitter import Emitter
from irad.graph import Engine, Linearized
from irad.structure.bodies import lifted
from irad.structure.call import Call


class AnnotatedCall(Call):
    """A call by a primitive with params of its own, which its derivative keeps."""

    def _linear(
        self, emit: Emitter, kept: Any, given: Sequence[Any], *, reverse: bool
    ) -> Sequence[Any]:
        eqn, residuals = kept
        annotated = eqn.replace(params=calls.derivative_annotations(eqn.params))
        return super()._linear(emit, (annotated, residuals), given, reverse=reverse)

    def _emit(
        self,
        emit: Emitter,
        closed: ClosedJaxpr,
        inputs: Sequence[Atom],
        eqn: JaxprEqn,
        places: calls.Places,
    ) -> list[Any]:
        leading, (body,) = lifted(emit, [closed])
        params: dict[str, Any] = {**eqn.params, "jaxpr": body}
        results = list(body.out_avals)
        if "out_memory_spaces" in params:
            spaces = _memory_spaces(eqn, results, places)
            pairs = zip(results, spaces, strict=True)
            results = [aval.update(memory_space=space) for aval, space in pairs]
            params["out_memory_spaces"] = spaces
        effects = calls.body_effects(body)
        return emit.equation(
            eqn.primitive, [*leading, *inputs], results, params, effects
        )


def _memory_spaces(
    eqn: JaxprEqn, results: Sequence[Any], places: calls.Places
) -> tuple[Any, ...]:
    """The memory of each result: as the user's call says, residuals where they are."""
    given = eqn.params["out_memory_spaces"]
    if places.transposed:
        given = [calls.memory_space(x.aval) for x in eqn.invars]
    pairs = zip(results, places.results, strict=True)
    return tuple(
        calls.memory_space(aval) if i is None else given[i] for aval, i in pairs
    )


def annotated_call(
    eqn: JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
) -> Linearized | None:
    """A call with a device or metadata for XLA, which the calls made from it have."""
    local = AnnotatedCall(eqn.params["jaxpr"], active, wanted, engine, like=None)
    return local if local.carries else None


def plain_call(
    eqn: JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
) -> Linearized | None:
    """A call that says nothing but its body, which is spliced in its place."""
    (name,) = _BODIES & eqn.params.keys()
    local = Call(_closed(eqn.params[name]), active, wanted, engine, like=None)
    return local if local.carries else None


# The last is the forward program of a ``custom_vjp`` with ``optimize_remat``.
_BODIES = frozenset(("call_jaxpr", "jaxpr", "fwd_jaxpr"))


@by_jaxpr
def _closed(body: Any) -> ClosedJaxpr:
    return ir.closed(body)
