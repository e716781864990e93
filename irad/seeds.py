"""Whole Jacobians by the plain ways: a seed for each element of input or output."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from irad import derivatives
from irad._compat import ir
from irad._compat.ir import Jaxpr
from irad.batches import for_pulls, for_pushes
from irad.linearization import is_differentiable
from irad.staging import Function, Program


def forward_jacobian(
    jaxpr: Jaxpr, num_consts: int, num_outputs: int, chunk: int | None = None
) -> Function:
    """All outputs, and all blocks by columns: one tangent for each input element.

    ``chunk`` tangents go in one batch, all of them by default.
    """
    pushed_one = derivatives.jvp(jaxpr, num_consts, num_outputs)
    program = Program(for_pushes(pushed_one.jaxpr), pushed_one.name)
    in_avals = [v.aval for v in jaxpr.invars[num_consts:]]
    n = len(jaxpr.outvars)

    def run(*inputs: Any) -> tuple[list[Any], list[list[Any]]]:
        def push(*t: Any) -> tuple[list[Any], list[Any]]:
            outs = program([*inputs, *t])
            return outs[:n], outs[n:]

        avals = [ir.tangent_aval(a) for a in in_avals]
        if chunk is None or chunk >= _size(avals):
            outs, pushed = jax.vmap(push, out_axes=(None, -1))(*standard_basis(avals))
        else:
            outs = ir.evaluate(ir.closed_jaxpr(jaxpr), inputs)
            rows = _mapped(lambda t: push(*t)[1], avals, chunk)
            pushed = [jnp.moveaxis(row, 0, -1) for row in rows]
        floats = [v.aval for v in jaxpr.outvars if is_differentiable(v.aval)]
        pairs = zip(pushed, floats, strict=False)
        return outs, [split_axis(J, -1, in_avals, like) for J, like in pairs]

    return Function(run)


def reverse_jacobian(
    jaxpr: Jaxpr, num_consts: int, num_outputs: int, chunk: int | None = None
) -> Function:
    """All outputs, and all blocks by rows: one cotangent for each output element.

    ``chunk`` cotangents go in one batch, all of them by default.
    """
    split = derivatives.vjp(jaxpr, num_consts, num_outputs)
    pulled_one = Program(for_pulls(split.linear.jaxpr), split.linear.name)
    in_avals = [v.aval for v in jaxpr.invars[num_consts:]]
    out_avals = [v.aval for v in jaxpr.outvars[:num_outputs]]
    m = len(jaxpr.outvars)

    def run(*inputs: Any) -> tuple[list[Any], list[list[Any]]]:
        outs = split.forward(inputs)
        residuals = split.residuals(inputs, outs[m:])

        def pull(*c: Any) -> list[Any]:
            pairs = zip(c, split.carries, strict=False)
            live = [c_j for c_j, carried in pairs if carried]
            return split.pulled(pulled_one([*residuals, *live]), in_avals)

        avals = [ir.cotangent_aval(a) for a in out_avals]
        if chunk is None or chunk >= _size(avals):
            pulled = jax.vmap(pull)(*standard_basis(avals))
        else:
            pulled = _mapped(lambda c: pull(*c), avals, chunk)
        pairs = zip(pulled, in_avals, strict=True)
        columns = [split_axis(J, 0, out_avals, like) for J, like in pairs]
        return outs[:m], [list(row) for row in zip(*columns, strict=True)]

    return Function(run)


def _mapped(run: Callable[..., list[Any]], avals: Sequence[Any], chunk: int) -> Any:
    """``run`` on the rows of the identity, made ``chunk`` at a time."""

    def one(i: Any) -> list[Any]:
        row, offset = [], 0
        for aval in avals:
            place = jnp.arange(offset, offset + aval.size, dtype=i.dtype)
            row.append((place == i).astype(aval.dtype).reshape(aval.shape))
            offset += aval.size
        return run(row)

    return lax.map(one, jnp.arange(_size(avals), dtype=np.int32), batch_size=chunk)


def _size(avals: Sequence[Any]) -> int:
    return sum(aval.size for aval in avals)


def standard_basis(avals: Sequence[Any]) -> list[Any]:
    """The identity over several arrays: for each a stack of its tangents, from iota."""
    n = _size(avals)
    basis, offset = [], 0
    for aval in avals:
        stacked = jnp.eye(n, aval.size, k=-offset, dtype=aval.dtype)
        basis.append(stacked.reshape(n, *aval.shape))
        offset += aval.size
    return basis


def split_axis(J: Any, axis: int, avals: Sequence[Any], like: Any) -> list[Any]:
    """A stacked Jacobian in blocks, one for each array that the axis runs over.

    They are weakly typed where the value of type ``like`` is.
    """
    offsets = np.cumsum([aval.size for aval in avals])[:-1]
    blocks = jnp.split(J, offsets, axis=axis)
    axis %= J.ndim
    head, tail = J.shape[:axis], J.shape[axis + 1 :]
    return [
        ir.with_weak_type(block.reshape(*head, *aval.shape, *tail), like.weak_type)
        for block, aval in zip(blocks, avals, strict=True)
    ]


PLAIN: dict[str, Callable[..., Function]] = {
    "forward": forward_jacobian,
    "reverse": reverse_jacobian,
}
"""The two ways by the name of their mode."""
