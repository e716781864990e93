"""``linear_call``: a linear program with its transpose, for JAX to differentiate.

``jax.custom_derivatives.linear_call`` is the same without batching and without second
derivatives. The operands are residuals, then linear ones; ``push`` and ``pull`` take
both. As code of its residuals the program is differentiated by JAX.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
from jax.interpreters import ad, batching, mlir

from irad._compat.ir import ClosedJaxpr, Primitive, jaxpr_as_fun

__all__ = ["linear_call", "linear_call_p"]


def linear_call(
    push: ClosedJaxpr, pull: ClosedJaxpr, residuals: Sequence[Any], t: Sequence[Any]
) -> list[Any]:
    """``push(residuals, t)``, whose transpose in ``t`` is ``pull(residuals, c)``."""
    return linear_call_p.bind(
        *residuals, *t, push=push, pull=pull, num_residuals=len(residuals)
    )


def _run(*operands: Any, push: ClosedJaxpr, **_: Any) -> list[Any]:
    return jaxpr_as_fun(push)(*operands)


@partial(jax.jit, static_argnames=("push", "pull", "num_residuals"))
def _impl(
    *operands: Any, push: ClosedJaxpr, pull: ClosedJaxpr, num_residuals: int
) -> list[Any]:
    return jaxpr_as_fun(push)(*operands)


def _types(*_: Any, push: ClosedJaxpr, **__: Any) -> list[Any]:
    return push.out_avals


def _jvp(primals: Any, tangents: Any, **params: Any) -> Any:
    n = params["num_residuals"]
    images = linear_call_p.bind(*primals, **params)
    moving = [i for i, t in enumerate(tangents) if not _is_zero(t)]
    linear = [i for i in moving if i >= n]
    curved = [i for i in moving if i < n]
    total: list[Any] = [None] * len(images)
    if linear:
        t = [ad.instantiate_zeros(tangents[i]) for i in range(n, len(tangents))]
        total = linear_call_p.bind(*primals[:n], *t, **params)
    if curved:

        def of(*residuals: Any) -> list[Any]:
            operands = list(primals)
            for i, r in zip(curved, residuals, strict=True):
                operands[i] = r
            return _run(*operands, **params)

        given = [primals[i] for i in curved], [tangents[i] for i in curved]
        _, found = jax.jvp(of, tuple(given[0]), tuple(given[1]))
        total = [
            b if a is None else ad.add_tangents(a, b)
            for a, b in zip(total, found, strict=True)
        ]
    return images, total


def _is_zero(t: Any) -> bool:
    return type(t) is ad.Zero


def _transpose(cotangents: Any, *operands: Any, **params: Any) -> Any:
    n = params["num_residuals"]
    residuals = operands[:n]
    c = [ad.instantiate_zeros(c) for c in cotangents]
    pulled = linear_call_p.bind(
        *residuals,
        *c,
        push=params["pull"],
        pull=params["push"],
        num_residuals=n,
    )
    return [*[None] * n, *pulled]


def _batched(axis: Any, operands: Any, dims: Any, **params: Any) -> Any:
    if all(d is None for d in dims):
        outs = linear_call_p.bind(*operands, **params)
        return outs, [None] * len(outs)
    n, size = params["num_residuals"], axis.size
    residuals = [
        x if d is None else jax.numpy.moveaxis(x, d, 0)
        for x, d in zip(operands[:n], dims[:n], strict=True)
    ]
    t = [_with_axis(x, d, size) for x, d in zip(operands[n:], dims[n:], strict=True)]
    axes = [None if d is None else 0 for d in dims[:n]]

    def over_batch(program: ClosedJaxpr) -> ClosedJaxpr:
        avals = program.in_avals
        count = len(avals) - n
        mapped = [*axes, *[0] * count]
        inputs = [
            jax.ShapeDtypeStruct(v.shape if a is None else (size, *v.shape), v.dtype)
            for v, a in zip(avals, mapped, strict=True)
        ]
        fun = jax.vmap(
            jaxpr_as_fun(program),
            in_axes=tuple(mapped),
            axis_size=size,
            axis_name=axis.name,
        )
        return jax.make_jaxpr(fun)(*inputs)

    outs = linear_call_p.bind(
        *residuals,
        *t,
        push=over_batch(params["push"]),
        pull=over_batch(params["pull"]),
        num_residuals=n,
    )
    return outs, [0] * len(outs)


def _with_axis(x: Any, axis: int | None, size: int) -> Any:
    """An operand with the batch in front, copied over it if it had none."""
    if axis is None:
        return jax.numpy.broadcast_to(x, (size, *x.shape))
    return jax.numpy.moveaxis(x, axis, 0)


linear_call_p = Primitive("linear_call")
linear_call_p.multiple_results = True
linear_call_p.def_impl(_impl)
linear_call_p.def_abstract_eval(_types)
mlir.register_lowering(linear_call_p, mlir.lower_fun(_run, multiple_results=True))
ad.primitive_jvps[linear_call_p] = _jvp
ad.primitive_transposes[linear_call_p] = _transpose
batching.fancy_primitive_batchers[linear_call_p] = _batched
