"""What holds for every pass on every jaxpr."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jax.extend.core import Jaxpr, Primitive, check_jaxpr, jaxprs_in_params

from tests.passes.evaluation import bits, evaluate

Pass = Callable[[Jaxpr], Jaxpr]


def check_laws(
    run: Pass, jaxpr: Jaxpr, consts: Sequence[Any], args: Sequence[Any]
) -> Jaxpr:
    """The jaxpr after a pass that kept validity and values, and then finds no more."""
    new = run(jaxpr)
    check_jaxpr(new)
    assert new.invars == jaxpr.invars
    assert new.constvars == jaxpr.constvars
    assert [x.aval for x in new.outvars] == [x.aval for x in jaxpr.outvars]
    assert new.debug_info == jaxpr.debug_info
    effects = [effect for eqn in new.eqns for effect in eqn.effects]
    assert new is jaxpr or set(new.effects) == set(effects)
    assert bits(evaluate(new, consts, args)) == bits(evaluate(jaxpr, consts, args))
    assert run(new) is new, "a second run found more to do"
    return new


def count(jaxpr: Jaxpr, *primitives: Primitive) -> int:
    """The equations of some primitives, of all if none is named, in all bodies."""
    here = sum(not primitives or e.primitive in primitives for e in jaxpr.eqns)
    return here + sum(
        count(inner, *primitives)
        for eqn in jaxpr.eqns
        for inner in jaxprs_in_params(eqn.params)
    )
