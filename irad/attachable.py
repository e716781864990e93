"""The programs of a derivative as JAX takes them: linear in inputs and outputs alone.

JAX differentiates a linear call by a program and its transpose, which both take the
same residuals. Those are all inputs, for the tangents, and what the forward program
keeps, for the cotangents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from irad._compat import ir
from irad._compat.ir import ClosedJaxpr, Jaxpr, Var
from irad.derivatives import Split, wanted_outputs
from irad.emitter import Emitter, snippet
from irad.staging import Program


@dataclass(frozen=True, eq=False)
class Attachable:
    """What is attached to a program: ``forward``, to (outputs, kept), and linear parts.

    ``push`` and ``pull`` take (inputs, kept), then tangents of the inputs or cotangents
    of the outputs, of those that have any.
    """

    forward: Program
    push: ClosedJaxpr
    pull: ClosedJaxpr


def attachable(jaxpr: Jaxpr, split: Split, jvp: ClosedJaxpr) -> Attachable:
    """The programs of a function from its split reverse mode and its forward mode."""
    computed = split.forward.jaxpr.out_avals[len(jaxpr.outvars) :]
    push, pull = _push(jaxpr, jvp, computed), _pull(jaxpr, split, computed)
    return Attachable(split.forward, push, pull)


def _push(jaxpr: Jaxpr, jvp: ClosedJaxpr, computed: Sequence[Any]) -> ClosedJaxpr:
    """Tangents of the outputs from inputs and tangents; what is kept is not read."""
    emit = Emitter()
    n, m = len(jaxpr.invars), len(jaxpr.outvars)
    given = [Var(aval) for aval in jvp.in_avals]
    outs = emit.splice(snippet(jvp.jaxpr, jvp.consts), given)
    kept = [Var(aval) for aval in computed]
    return emit.closed([*given[:n], *kept, *given[n:]], outs[m:], "push")


def _pull(jaxpr: Jaxpr, split: Split, computed: Sequence[Any]) -> ClosedJaxpr:
    """Cotangents of all active inputs from what is kept and those of all outputs."""
    emit = Emitter()
    inputs = [Var(v.aval) for v in jaxpr.invars]
    kept = [Var(aval) for aval in computed]
    wanted = wanted_outputs(jaxpr, len(jaxpr.outvars))
    pairs = zip(jaxpr.outvars, wanted, strict=True)
    cotangents = {
        i: Var(ir.cotangent_aval(v.aval)) for i, (v, w) in enumerate(pairs) if w
    }
    live = [c for i, c in cotangents.items() if split.carries[i]]
    linear = split.linear.jaxpr
    residuals = split.residuals(inputs, kept)
    found = iter(emit.splice(snippet(linear.jaxpr, linear.consts), [*residuals, *live]))
    zeros = iter(split.split.zeros)
    pulled = [
        emit.zeros(ir.cotangent_aval(v.aval)) if next(zeros) else next(found)
        for v, active in zip(inputs, split.active, strict=True)
        if active
    ]
    return emit.closed([*inputs, *kept, *cotangents.values()], pulled, "pull")
