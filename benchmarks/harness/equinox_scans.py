"""Scans of a program run by Equinox, which stores states and runs steps again."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import JaxprEqn, Literal, Var, jaxpr_as_fun
from jax.extend.core import primitives as p

from benchmarks.harness.derivatives import library


def with_checkpoints(fun: Callable[..., Any]) -> Callable[..., Any]:
    """``fun`` with each scan that stands in it by Equinox's, of binomial checkpoints.

    Equinox chooses how many states are stored: as many as the root of the steps.
    """
    library("equinox")
    scan = importlib.import_module("equinox.internal").scan

    def run(*arguments: Any) -> Any:
        closed, shape = jax.make_jaxpr(fun, return_shape=True)(*arguments)
        known = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))
        leaves = jax.tree.leaves(arguments)
        known |= dict(zip(closed.jaxpr.invars, leaves, strict=True))

        def value(x: Var | Literal) -> Any:
            return x.val if isinstance(x, Literal) else known[x]

        for eqn in closed.jaxpr.eqns:
            operands = [value(x) for x in eqn.invars]
            if eqn.primitive is p.scan_p:
                results = _scanned(scan, eqn, operands)
            else:
                results = _bound(eqn, operands)
            known |= dict(zip(eqn.outvars, results, strict=True))
        results = [value(x) for x in closed.jaxpr.outvars]
        return jax.tree.unflatten(jax.tree.structure(shape), results)

    return run


def _bound(eqn: JaxprEqn, operands: Sequence[Any]) -> Sequence[Any]:
    params = eqn.primitive.get_bind_params(eqn.params)
    results = eqn.primitive.bind(*operands, **params)
    return results if eqn.primitive.multiple_results else [results]


def _scanned(
    scan: Callable[..., Any], eqn: JaxprEqn, operands: Sequence[Any]
) -> Sequence[Any]:
    constants, carried = eqn.params["num_consts"], eqn.params["num_carry"]
    body = jaxpr_as_fun(eqn.params["jaxpr"])
    fixed = operands[:constants]
    start, xs = operands[constants:][:carried], operands[constants + carried :]
    turn = jnp.flip if eqn.params["reverse"] else lambda x, _: x

    def step(carry: list[Any], x: list[Any]) -> tuple[list[Any], list[Any]]:
        results = body(*fixed, *carry, *x)
        return results[:carried], results[carried:]

    end, ys = scan(
        step,
        list(start),
        [turn(x, 0) for x in xs],
        eqn.params["length"],
        kind="checkpointed",
    )
    return [*end, *(turn(y, 0) for y in ys)]
