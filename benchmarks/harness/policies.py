"""What JAX's users choose by hand: a ``jax.checkpoint`` policy for bodies of loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, jaxpr_as_fun
from jax.extend.core import primitives as p

POLICIES: dict[str, Callable[..., Any]] = {
    "nothing": jax.checkpoint_policies.nothing_saveable,
    "dots": jax.checkpoint_policies.dots_saveable,
    "dots, no batch": jax.checkpoint_policies.dots_with_no_batch_dims_saveable,
    "everything": jax.checkpoint_policies.everything_saveable,
}


def has_loop(fun: Callable[..., Any], arguments: Any) -> bool:
    """Whether a policy would be for anything: whether ``fun`` scans."""
    jaxpr = jax.make_jaxpr(fun)(*arguments).jaxpr
    return any(eqn.primitive is p.scan_p for eqn in jaxpr.eqns)


def checkpointed(
    fun: Callable[..., Any], policy: Callable[..., Any]
) -> Callable[..., Any]:
    """``fun`` with the body of each scan, as it stands in it, under the policy."""

    def rewritten(eqn: JaxprEqn) -> JaxprEqn:
        if eqn.primitive is not p.scan_p:
            return eqn
        body: ClosedJaxpr = eqn.params["jaxpr"]
        step = jax.checkpoint(jaxpr_as_fun(body), policy=policy, prevent_cse=False)
        made = jax.make_jaxpr(step)(*body.in_avals)
        return eqn.replace(params=dict(eqn.params, jaxpr=made))

    def run(*arguments: Any) -> Any:
        closed, shape = jax.make_jaxpr(fun, return_shape=True)(*arguments)
        jaxpr: Jaxpr = closed.jaxpr
        new = jaxpr.replace(eqns=list(map(rewritten, jaxpr.eqns)))
        program = jaxpr_as_fun(ClosedJaxpr(new, closed.consts))
        results = program(*jax.tree.leaves(arguments))
        return jax.tree.unflatten(jax.tree.structure(shape), results)

    return run
