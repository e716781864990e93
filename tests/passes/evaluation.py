"""An evaluator that fuses nothing, so that equal programs give equal bits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Primitive
from jax.extend.core import primitives as p

from irad_passes._compat import scan_counts

Values = list[Any]


def evaluate(jaxpr: Jaxpr, consts: Sequence[Any], args: Sequence[Any]) -> Values:
    """What a jaxpr computes, one primitive at a time, sub-programs included."""
    values: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    values.update(zip(jaxpr.invars, args, strict=True))

    def read(x: Any) -> Any:
        return x.val if isinstance(x, Literal) else values[x]

    for eqn in jaxpr.eqns:
        step = _STRUCTURE.get(eqn.primitive, _leaf)
        results = step(eqn, [read(x) for x in eqn.invars])
        values.update(zip(eqn.outvars, results, strict=True))
    return [read(x) for x in jaxpr.outvars]


def bits(values: Sequence[Any]) -> list[tuple[Any, ...]]:
    """What two lists of values share only when equal to the last bit, types too."""

    def key(x: Any) -> tuple[Any, ...]:
        if isinstance(x, jax.Array) and jnp.issubdtype(x.dtype, jax.dtypes.prng_key):
            x = jax.random.key_data(x)
        array = np.asarray(x)
        return (array.dtype, array.shape, array.tobytes())

    return [key(x) for x in values]


def _leaf(eqn: JaxprEqn, args: Values) -> Values:
    with eqn.ctx.manager:
        result = eqn.primitive.bind(*args, **eqn.primitive.get_bind_params(eqn.params))
    return list(result) if eqn.primitive.multiple_results else [result]


def _body(body: Any, args: Sequence[Any]) -> Values:
    if isinstance(body, ClosedJaxpr):
        return evaluate(body.jaxpr, body.consts, args)
    return evaluate(body, (), args)


def _call(eqn: JaxprEqn, args: Values) -> Values:
    return _body(eqn.params["jaxpr"], args)


def _cond(eqn: JaxprEqn, args: Values) -> Values:
    branches = eqn.params["branches"]
    return _body(branches[int(np.clip(int(args[0]), 0, len(branches) - 1))], args[1:])


def _while(eqn: JaxprEqn, args: Values) -> Values:
    first, second = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    cond_consts, body_consts = args[:first], args[first : first + second]
    carry = args[first + second :]
    while bool(_body(eqn.params["cond_jaxpr"], [*cond_consts, *carry])[0]):
        carry = _body(eqn.params["body_jaxpr"], [*body_consts, *carry])
    return carry


def _scan(eqn: JaxprEqn, args: Values) -> Values:
    length, reverse = eqn.params["length"], eqn.params["reverse"]
    num_consts, num_carry = scan_counts(eqn.params)
    consts, carry = args[:num_consts], args[num_consts : num_consts + num_carry]
    rows: list[Values] = []
    for step in range(length)[:: -1 if reverse else 1]:
        xs = [jnp.asarray(x)[step] for x in args[num_consts + num_carry :]]
        results = _body(eqn.params["jaxpr"], [*consts, *carry, *xs])
        carry = results[:num_carry]
        rows.append(results[num_carry:])
    rows = rows[::-1] if reverse else rows
    return [*carry, *(jnp.stack(column) for column in zip(*rows, strict=True))]


_STRUCTURE: dict[Primitive, Callable[[JaxprEqn, Values], Values]] = {
    p.jit_p: _call,
    p.remat_p: _call,
    p.cond_p: _cond,
    p.while_p: _while,
    p.scan_p: _scan,
}
