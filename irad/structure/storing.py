"""What a step that goes back reads shifted, several times over, is stored before.

The pull of a stencil pads one product for each neighbour, and slices a row of a stack
where it computes neighbours again. XLA for CPUs computes such a product, or looks up
such a row, anew in each of these reads: it takes less time to store it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax import lax

from irad._compat import ir, mesh
from irad._compat.ir import ClosedJaxpr, Jaxpr, JaxprEqn, Var
from irad._compat.storing import stored_p
from irad.checkpointing.prices import bytes_of
from irad.cost.operations import FUNCTIONS

FEWEST = 2**14
"""Of fewer bytes a value is computed again in the time that a kernel takes to start."""

_SHIFTS = frozenset((lax.slice_p, lax.split_p, lax.pad_p))


def with_stored(program: ClosedJaxpr, rows: Sequence[Var]) -> ClosedJaxpr:
    """A program that stores what several shifted reads share, on CPU.

    ``rows`` are those of its inputs that are read from stacks.
    """
    shared = set(_shared(program.jaxpr, rows))
    if not shared or jax.default_backend() != "cpu":
        return program
    stored: dict[Var, Var] = {}
    eqns: list[JaxprEqn] = []
    for eqn in program.jaxpr.eqns:
        operands = list(eqn.invars)
        for i, x in enumerate(operands):
            if type(x) is not Var or x not in shared:
                continue
            if x not in stored:
                stored[x] = Var(x.aval)
                eqns.append(_storing(x, stored[x], eqn))
            operands[i] = stored[x]
        eqns.append(eqn.replace(invars=operands))
    return ir.closed_jaxpr(program.jaxpr.replace(eqns=eqns), program.consts)


def _storing(x: Var, y: Var, reader: JaxprEqn) -> JaxprEqn:
    """The equation that stores ``x`` for its readers, of which this is the first."""
    return reader.replace(
        invars=[x], outvars=[y], primitive=stored_p, params={}, effects=ir.no_effects
    )


def _shared(jaxpr: Jaxpr, rows: Sequence[Var]) -> Iterator[Var]:
    """Rows, and results of elementwise code, that are read shifted twice or more."""
    shifted = _shifted(jaxpr)
    made = [v for eqn in jaxpr.eqns if eqn.primitive in FUNCTIONS for v in eqn.outvars]
    for v in (*rows, *made):
        aval: Any = v.aval
        if shifted[v] >= 2 * aval.size and _is_large(aval):
            yield v


def _shifted(jaxpr: Jaxpr) -> defaultdict[Var, float]:
    """How many elements of each value are read shifted, through shifted values too."""
    found: defaultdict[Var, float] = defaultdict(float)
    for eqn in reversed(jaxpr.eqns):
        x = eqn.invars[0] if eqn.primitive in _SHIFTS else None
        if type(x) is Var:
            before, *after = (_size(v) for v in (x, *eqn.outvars))
            reads = sum(map(max, after, (found[y] for y in eqn.outvars)))
            found[x] += reads * min(1, before / max(1, sum(after)))
    return found


def _size(v: Var) -> int:
    aval: Any = v.aval
    return aval.size


def _is_large(aval: Any) -> bool:
    """Whether a type is a large array of numbers, on one device."""
    is_real = np.issubdtype(aval.dtype, np.floating)
    return is_real and bytes_of(aval) >= FEWEST and mesh.is_on_one_device(aval)
