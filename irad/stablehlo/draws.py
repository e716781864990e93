"""Loops that draw until a draw is accepted: no derivative is known.

A sampler by rejection makes numbers of random bits until one passes a test. Where the
test reads a differentiated number, the derivative of the draw that passed, with the
others forgotten, is not that of the distribution that is sampled: by how much the draws
move that are accepted next the program does not say. JAX differentiates
``random.gamma`` implicitly, of which nothing is left in a module. That is an error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jax import lax

from irad._compat import ir
from irad._compat.ir import Jaxpr, JaxprEqn, Literal
from irad.errors import NotDifferentiableError
from irad.linearization import is_differentiable


def check_draws(jaxpr: Jaxpr, active: Sequence[bool]) -> None:
    """NotDifferentiableError if what a loop accepts depends on an active number."""
    moving = {v for v, a in zip(jaxpr.invars, active, strict=True) if a}
    for eqn in jaxpr.eqns:
        if moving.isdisjoint(x for x in eqn.invars if type(x) is not Literal):
            continue
        moving.update(v for v in eqn.outvars if is_differentiable(v.aval))
        if eqn.primitive is lax.while_p and _rejects(eqn):
            raise NotDifferentiableError(
                f"a loop draws numbers until one is accepted ({ir.source_line(eqn)}), "
                "by a test of a differentiated number: the derivative of the draw that "
                "is accepted is not that of what it is drawn from"
            )
        for body in ir.inner_jaxprs(eqn):
            check_draws(body, [is_differentiable(v.aval) for v in body.invars])


def _rejects(loop: JaxprEqn) -> bool:
    """Whether a loop goes on by a number and makes numbers of bits at each step."""
    condition = loop.params["cond_jaxpr"].jaxpr
    read = {x for eqn in condition.eqns for x in eqn.invars if type(x) is not Literal}
    numbers = filter(_is_number, condition.invars)
    decides = any(v in read or v in condition.outvars for v in numbers)
    return decides and _draws(loop.params["body_jaxpr"].jaxpr)


def _draws(jaxpr: Jaxpr) -> bool:
    """Whether numbers are made of bits."""
    return any(
        (
            eqn.primitive is lax.bitcast_convert_type_p
            and _is_number(eqn.outvars[0])
            and not _is_number(eqn.invars[0])
        )
        or any(map(_draws, ir.inner_jaxprs(eqn)))
        for eqn in jaxpr.eqns
    )


def _is_number(v: Any) -> bool:
    return is_differentiable(v.aval)
