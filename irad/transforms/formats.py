"""The forms in which a Jacobian is given: trees of arrays, sparse, an operator."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from irad._compat import ir
from irad._compat.scientific import jax_sparse, sparse
from irad.capture import Captured
from irad.operators import Jacobian, from_blocks
from irad.planned import Followed
from irad.transforms.arguments import Arguments

FORMATS = ("dense", "bcoo", "scipy", "operator")
FORMS = {
    "dense": "dense",
    "bcoo": "entries",
    "scipy": "entries",
    "operator": "structure",
}
"""What the compiled program returns for each format."""


def formatted(
    format: str, followed: Followed, result: Any, captured: Captured, given: Arguments
) -> Any:
    """The Jacobian as the user asked for it."""
    match format:
        case "dense":
            return dense_tree(result, captured, given)
        case "bcoo":
            return _bcoo(followed, result, captured, given)
        case "scipy":
            return _scipy(followed, result, captured)
        case "operator":
            return _operator(followed, result, captured, given)
        case _:
            raise AssertionError(format)


def dense_tree(blocks: Any, captured: Captured, given: Arguments) -> Any:
    """The tree of outputs by inputs; each block has the type of its input."""
    rows = [
        [
            ir.with_weak_type(_as_input(block, aval), aval.weak_type)
            for block, aval in zip(row, captured.in_avals, strict=True)
        ]
        for row in blocks
    ]
    trees = [given.unflatten(row) for row in rows]
    return jax.tree_util.tree_unflatten(captured.out_tree, trees)


def _as_input(block: Any, aval: Any) -> Any:
    if ir.is_float0(block) or not ir.is_inexact(aval.dtype):
        return block
    return block if block.dtype == aval.dtype else block.astype(aval.dtype)


def _bcoo(followed: Followed, result: Any, captured: Captured, given: Arguments) -> Any:
    if followed.entries is None:
        tree = [[_bcoo_of_dense(block) for block in row] for row in result]
        return _tree_of(tree, captured, given)
    return _tree_of(_bcoo_blocks(followed, result, captured), captured, given)


def _tree_of(rows: Any, captured: Captured, given: Arguments) -> Any:
    trees = [given.unflatten(row) for row in rows]
    return jax.tree_util.tree_unflatten(captured.out_tree, trees)


def _bcoo_of_dense(block: Any) -> Any:
    index = np.indices(block.shape).reshape(block.ndim, -1).T
    places = jnp.asarray(index.astype(np.int32))
    return jax_sparse().BCOO(
        (block.reshape(-1), places),
        shape=block.shape,
        indices_sorted=True,
        unique_indices=True,
    )


def _bcoo_blocks(followed: Followed, values: Any, captured: Captured) -> list[Any]:
    entries = followed.entries
    assert entries is not None
    rows = []
    first = 0
    for y in captured.out_avals:
        row, left = [], 0
        for x in captured.in_avals:
            places, pick = entries.block(first, y.shape, left, x.shape)
            where: Any = places
            data = values if pick is None else values[pick]
            row.append(
                jax_sparse().BCOO(
                    (data, where), shape=(*y.shape, *x.shape), unique_indices=True
                )
            )
            left += x.size
        rows.append(row)
        first += y.size
    return rows


def _scipy(followed: Followed, result: Any, captured: Captured) -> Any:
    shape = (
        sum(y.size for y in captured.out_avals),
        sum(x.size for x in captured.in_avals),
    )
    if followed.entries is None:
        blocks = [
            [
                _on_host(block).reshape(y.size, x.size)
                for block, x in zip(row, captured.in_avals, strict=True)
            ]
            for row, y in zip(result, captured.out_avals, strict=True)
        ]
        return sparse().csr_array(np.block(blocks))
    order, columns, starts = followed.entries.by_rows(shape[0])
    data = _on_host(result)
    csr = (data if order is None else data[order], columns, starts)
    return sparse().csr_array(csr, shape=shape)


def _on_host(x: Any) -> Any:
    if ir.is_tracer(x):
        raise TypeError(
            "format='scipy' gives an array on the host, and cannot under jax.jit, vmap "
            "or grad. Use format='bcoo' there."
        )
    return np.asarray(x)


def _operator(
    followed: Followed, result: Any, captured: Captured, given: Arguments
) -> Jacobian:
    domain = (given.unflatten(captured.in_avals), given)
    trees = (
        jax.tree_util.tree_structure(domain[0]),
        captured.out_tree,
    )
    avals = (tuple(captured.in_avals), tuple(captured.out_avals))
    if followed.structure is None:
        return from_blocks(result, avals, trees)
    return Jacobian(tuple(result), followed.slots, followed.structure, avals, trees)
