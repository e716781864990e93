"""What XLA would compute anew in each of its readers is stored before them.

The pull of a stencil pads one product for each neighbour, and slices a row of a stack
where it computes neighbours again. XLA for CPUs computes such a product, or looks up
such a row, anew in each of these reads: it takes less time to store it. So it does for
a step that keeps the sum of its neighbours and goes on with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import jax
import numpy as np
from jax import lax

from irad._compat import ir, mesh
from irad._compat.ir import Atom, ClosedJaxpr, Jaxpr, JaxprEqn, Var
from irad._compat.storing import stored_p
from irad.checkpointing.prices import bytes_of
from irad.cost.operations import FUNCTIONS, MOVES

FEWEST = 2**14
"""Of fewer bytes a value is computed again in the time that a kernel takes to start."""

_SHIFTS = frozenset((lax.slice_p, lax.split_p, lax.pad_p))


def with_stored(program: ClosedJaxpr, rows: Sequence[Var]) -> ClosedJaxpr:
    """A program that stores what several shifted reads share, on CPU.

    ``rows`` are those of its inputs that are read from stacks.
    """
    return _storing_all(program, set(_shared(program.jaxpr, rows)))


def with_stored_rows(program: ClosedJaxpr, stacked: Sequence[Atom]) -> ClosedJaxpr:
    """A step that stores what it computes from joined parts, stacks and reads, on CPU.

    ``stacked`` are those of its results that are stacked.
    """
    return _storing_all(program, set(_joined(program.jaxpr, stacked)))


def _storing_all(program: ClosedJaxpr, shared: Collection[Var]) -> ClosedJaxpr:
    """A program whose equations read ``shared`` values where they are stored."""
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
    jaxpr = program.jaxpr
    outvars = [stored.get(x, x) if type(x) is Var else x for x in jaxpr.outvars]
    return ir.closed_jaxpr(jaxpr.replace(eqns=eqns, outvars=outvars), program.consts)


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


def _joined(jaxpr: Jaxpr, stacked: Sequence[Atom]) -> Iterator[Var]:
    """What is stacked and read, and computed from parts that are joined."""
    joined: set[Var] = set()
    for eqn in jaxpr.eqns:
        is_cheap = eqn.primitive in FUNCTIONS or eqn.primitive in MOVES
        of_joined = is_cheap and not joined.isdisjoint(
            x for x in eqn.invars if type(x) is Var
        )
        if of_joined or eqn.primitive is lax.concatenate_p:
            joined.update(eqn.outvars)
    read = {x for eqn in jaxpr.eqns for x in eqn.invars if type(x) is Var}
    for x in stacked:
        if type(x) is Var and x in joined and x in read and _is_large(x.aval):
            yield x


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
