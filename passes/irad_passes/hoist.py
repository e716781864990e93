"""Hoisting: what a loop's body computes anew at every step from what never changes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

from jax import lax

from irad_passes._compat import Jaxpr, JaxprEqn, Primitive, Var
from irad_passes.bodies import BODY_PARAMS, Memo, bodies_of
from irad_passes.dce import dce
from irad_passes.effects import is_pure, touches_refs, union_of_effects

# Of literals alone, these cost less to compute at every step than to keep.
_CHEAP: frozenset[Primitive] = frozenset(
    (lax.iota_p, lax.broadcast_in_dim_p, lax.convert_element_type_p)
)
_ENDS = Memo()


def invariant_equations(
    body: Jaxpr, invariant_invars: Sequence[bool]
) -> tuple[Jaxpr, Jaxpr]:
    """A loop's body as a prologue, to run once before the loop, and the body left.

    Only pure equations move. A while stays, since it might not end and the loop might
    take no step; so do iotas and constants spread over a shape, of which the prologue
    has its own where it needs them.

    Args:
        body: The body; its constvars count as invariant.
        invariant_invars: Which of its inputs have the same value at every step.

    Returns:
        The prologue, from the invariant inputs (all of them, in order) to the values
        that the rest of the body or its outputs read, and that rest, which takes these
        values as further inputs, last. Both have the constvars of the body, and the
        variables they share are the same objects.
    """
    if touches_refs(body):
        before, after = [], body.eqns
    else:
        before, after = _split(body, invariant_invars)
    extras = _read_from(before, after, body)
    prologue = body.replace(
        invars=list(compress(body.invars, invariant_invars)),
        outvars=extras,
        eqns=before,
        effects=union_of_effects(before),
    )
    if not extras:
        return dce(prologue), body
    rest = body.replace(invars=[*body.invars, *extras], eqns=after)
    return dce(prologue), dce(rest)


def _split(
    body: Jaxpr, invariant_invars: Sequence[bool]
) -> tuple[list[JaxprEqn], list[JaxprEqn]]:
    """The equations to run before the loop and those of a step; cheap ones are both."""
    varying = {
        id(x)
        for x, invariant in zip(body.invars, invariant_invars, strict=True)
        if not invariant
    }
    before: list[JaxprEqn] = []
    after: list[JaxprEqn] = []
    cheap: set[int] = set()
    for eqn in body.eqns:
        operands = {id(x) for x in eqn.invars if isinstance(x, Var)}
        results = map(id, eqn.outvars)
        if not varying.isdisjoint(operands) or not is_pure(eqn) or not _ends(eqn):
            varying.update(results)
            after.append(eqn)
            continue
        before.append(eqn)
        if eqn.primitive in _CHEAP and operands <= cheap:
            cheap.update(results)
            after.append(eqn)
    return before, after


def _read_from(
    before: Sequence[JaxprEqn], after: Sequence[JaxprEqn], body: Jaxpr
) -> list[Var]:
    """The results of the one list that the other, or an output of the body, reads."""
    there = {id(y) for eqn in after for y in eqn.outvars}
    read = {id(x) for eqn in after for x in eqn.invars}
    read.update(map(id, body.outvars))
    read -= there
    return [y for eqn in before for y in eqn.outvars if id(y) in read]


def _ends(eqn: JaxprEqn) -> bool:
    """Whether an equation surely ends: no while in it."""
    if eqn.primitive is lax.while_p:
        return False
    return eqn.primitive not in BODY_PARAMS or all(map(_body_ends, bodies_of(eqn)))


def _body_ends(body: Jaxpr) -> bool:
    return _ENDS.get(body, None, lambda: all(map(_ends, body.eqns)))
