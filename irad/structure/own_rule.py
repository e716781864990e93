"""Equations differentiated by their own JAX rule: ``custom_jvp``, and the unknown.

``by_own_jvp`` traces ``jax.jvp`` of the one-equation program. What a ``custom_jvp`` rule
writes is linear in the tangents, so that irad's rules transpose it. ``by_own_rule``
leaves the transposition to JAX as well: it is for primitives that irad has no rule for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax

from irad._compat import ir, tracing
from irad._compat.ir import JaxprEqn
from irad.emitter import snippet
from irad.errors import NoRuleError
from irad.graph import Engine, Linearized
from irad.leaf import Code, Linear, Replacement, tidy


def by_own_jvp(
    eqn: JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
) -> Linearized | None:
    """The local Jacobian of an equation by its JVP rule, transposed by irad's rules."""
    n = len(eqn.invars)
    is_zero: list[bool] = []

    def rule(*arrays: Any) -> list[Any]:
        x, t = arrays[:n], arrays[n:]
        y, pushed = ir.jvp_of_equation(eqn, x, active, t)
        is_zero[:] = [pushed[j] is None for j in wanted]
        return [*y, *(pushed[j] for j in wanted if pushed[j] is not None)]

    avals = [v.aval for v in eqn.invars]
    tangents = [ir.tangent_aval(avals[i]) for i in active]
    jaxpr, consts = _traced(eqn, rule, [*avals, *tangents])
    if all(is_zero):
        return None
    program = Linear(
        tidy(jaxpr), consts, n, len(eqn.outvars), tuple(is_zero), str(eqn.primitive)
    )

    def make(reverse: bool) -> Code:
        return program.code(engine, reverse=reverse)

    return Replacement(make, len(eqn.outvars))


def by_own_rule(
    eqn: JaxprEqn, active: tuple[int, ...], wanted: tuple[int, ...], engine: Engine
) -> Linearized | None:
    """The local Jacobian of an equation by ``jax.linearize`` and ``jax.vjp``."""
    del engine

    def make(reverse: bool) -> Code:
        return own_code(eqn, active, wanted, jax.vjp if reverse else jax.linearize)

    return Replacement(make, len(eqn.outvars))


def own_code(
    eqn: JaxprEqn,
    active: Sequence[int],
    wanted: Sequence[int],
    transform: Callable[..., Any],
) -> Code:
    """Forward and linear code by ``jax.linearize`` or ``jax.vjp`` of one equation.

    What either returns is a pytree; its leaves are the residuals.
    """
    reverse = transform is jax.vjp
    tree: Any = None
    m = len(eqn.outvars)

    def forward(*x: Any) -> list[Any]:
        nonlocal tree
        y, linear = transform(ir.equation_function(eqn, x, active), *[x[i] for i in active])
        residuals, tree = jax.tree_util.tree_flatten(linear)
        return [*y, *residuals]

    made, consts = _traced(eqn, forward, [v.aval for v in eqn.invars])
    is_zero: list[bool] = []

    def linear(*arrays: Any) -> list[Any]:
        k = len(made.outvars) - m
        apply = jax.tree_util.tree_unflatten(tree, arrays[:k])
        if not reverse:
            pushed = apply(*arrays[k:])
            return [pushed[j] for j in wanted]
        cotangents = [ir.zero_cotangent(v.aval) for v in eqn.outvars]
        for j, c in zip(wanted, arrays[k:], strict=True):
            cotangents[j] = c
        pulled = apply(cotangents)
        is_zero[:] = [ir.is_float0(c) for c in pulled]
        return [c for c, zero in zip(pulled, is_zero, strict=True) if not zero]

    given = (
        [ir.cotangent_aval(eqn.outvars[j].aval) for j in wanted]
        if reverse
        else [ir.tangent_aval(eqn.invars[i].aval) for i in active]
    )
    residuals = [v.aval for v in made.outvars[m:]]
    applied, applied_consts = _traced(eqn, linear, [*residuals, *given])
    return Code(
        snippet(tidy(made), consts),
        snippet(tidy(applied), applied_consts, is_zero),
    )


def _traced(eqn: JaxprEqn, fun: Callable[..., Any], avals: Sequence[Any]) -> Any:
    try:
        return tracing.trace(fun, avals, f"rule of {eqn.primitive}")
    except NotImplementedError as error:
        raise NoRuleError(
            f"no derivative for primitive '{eqn.primitive}' ({ir.source_line(eqn)}): "
            f"{error}. Give it a custom rule (jax.custom_jvp or jax.custom_vjp), or "
            "apply jax.lax.stop_gradient to its operands if it counts as constant."
        ) from error
