"""Scans written as whiles: a counter, slices read at it, results written at it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal
from jax.extend.core import primitives as p

from irad_passes._compat import scan_counts
from irad_passes.bodies import open_jaxpr

Values = list[Any]


def with_whiles(closed: ClosedJaxpr) -> ClosedJaxpr:
    """The program with a while in the place of each scan."""

    def run(*args: Any) -> Values:
        return _run(closed.jaxpr, closed.consts, args)

    return jax.make_jaxpr(run)(*closed.in_avals)


def _run(jaxpr: Jaxpr, consts: Sequence[Any], args: Sequence[Any]) -> Values:
    values: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    values.update(zip(jaxpr.invars, args, strict=True))
    for eqn in jaxpr.eqns:
        x = [v.val if isinstance(v, Literal) else values[v] for v in eqn.invars]
        y = _STEPS.get(eqn.primitive, _leaf)(eqn, x)
        values.update(zip(eqn.outvars, y, strict=True))
    return [v.val if isinstance(v, Literal) else values[v] for v in jaxpr.outvars]


def _leaf(eqn: JaxprEqn, x: Values) -> Values:
    y = eqn.primitive.bind(*x, **eqn.primitive.get_bind_params(eqn.params))
    return list(y) if eqn.primitive.multiple_results else [y]


def _call(eqn: JaxprEqn, x: Values) -> Values:
    return _run(open_jaxpr(eqn.params["jaxpr"]), (), x)


def _while(eqn: JaxprEqn, x: Values) -> Values:
    """The loop that JAX makes of a scan when it lowers one."""
    body, n, reverse = (eqn.params[name] for name in ("jaxpr", "length", "reverse"))
    num_consts, num_carry = scan_counts(eqn.params)
    consts, start = x[:num_consts], x[num_consts : num_consts + num_carry]
    arrays = x[num_consts + num_carry :]
    whole = [v.aval for v in eqn.outvars[num_carry:]]

    def step(state: Any) -> Any:
        i, carry, results = state
        at = n - i - 1 if reverse else i
        rows = [lax.dynamic_index_in_dim(x, at, keepdims=False) for x in arrays]
        outs = _run(open_jaxpr(body), (), [*consts, *carry, *rows])
        written = [
            lax.dynamic_update_index_in_dim(y, row, at, 0)
            for y, row in zip(results, outs[num_carry:], strict=True)
        ]
        return i + 1, outs[:num_carry], written

    results = [jnp.zeros(aval.shape, aval.dtype) for aval in whole]
    first = (np.int32(0), start, results)
    _, carry, results = lax.while_loop(lambda state: state[0] < n, step, first)
    return [*carry, *results]


_STEPS: dict[Any, Callable[[JaxprEqn, Values], Values]] = {
    p.jit_p: _call,
    p.scan_p: _while,
}
