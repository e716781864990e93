"""Bodies known by content: what was planned for a body is found again for its equal.

A function that is traced anew makes its bodies anew, and what follows from a body is
remembered by identity. So a body gives way to the first that computes the same at the
same lines of the user's program, which errors and reports name.
"""

from __future__ import annotations

from typing import Any

import jax

from irad._compat import ir
from irad._compat.ir import JaxprEqn, Primitive
from irad.caching import Recent, by_jaxpr, forgettable
from irad.cost import machine_of
from irad.fingerprint import Fingerprint, UnhashableError, fingerprint
from irad.graph import Engine, Linearized, Structure
from irad.rules import RULES

MOST_BODIES = 256
"""So many bodies are remembered; the one asked for least recently goes first."""

_BODIES: Recent[Any] = forgettable(Recent(MOST_BODIES))

# The structures whose derivatives follow from the programs that they hold. A custom
# rule may do something else tomorrow, and one of JAX's own holds the trace of its call.
_PROGRAMS = frozenset(
    (
        ir.jit_p,
        ir.scan_p,
        ir.cond_p,
        ir.while_p,
        ir.closed_call_p,
        ir.remat_p,
        ir.linear_solve_p,
    )
)


class _Settled:
    """The primitives that nobody can give another derivative.

    One that irad has no rule for is differentiated by JAX's, which may be replaced.
    """

    def __contains__(self, primitive: Primitive) -> bool:
        return primitive in RULES or primitive in _PROGRAMS


_SETTLED = _Settled()


def by_content(structure: Structure, *params: str) -> Structure:
    """A structure for equations whose bodies, in these params, are known by content."""

    def shared(
        eqn: JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
    ) -> Linearized | None:
        # So a body has few programs of its own, though lengths may be many.
        runs = (eqn.params.get("length"), engine.checkpointing)
        known = {name: _known(eqn.params[name], runs) for name in params}
        eqn = eqn.replace(params={**eqn.params, **known})
        return structure(eqn, active, wanted, engine)

    return shared


def _known(body: Any, runs: Any) -> Any:
    """The first body of the same content and runs; itself where it cannot be compared.

    One with constants is itself: they are arrays, or tracers of an outer
    transformation, and would be kept alive.
    """
    if isinstance(body, tuple):
        return tuple([_known(branch, runs) for branch in body])
    if getattr(body, "consts", ()):
        return body
    content = _content(getattr(body, "jaxpr", body))
    if content is None:
        return body
    # What a loop keeps is chosen by the prices of a machine.
    machine = machine_of(jax.default_backend())
    key = (type(body), content, ir.trace_context(), machine, runs)
    first = _BODIES.get(key)
    if first is None:
        first = body
        _BODIES.put(key, body)
    return first


@by_jaxpr
def _content(jaxpr: Any) -> Fingerprint | None:
    try:
        return fingerprint(jaxpr, _SETTLED)
    except UnhashableError:
        return None
