"""How the tests find the pattern of a function, and its Jacobian to compare with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from irad._compat import ir
from irad._compat.ir import Var
from irad.accumulate import ENGINE
from irad.compression.detection import detect_split
from irad.compression.pattern import Pattern

Fun = Callable[..., Any]


def captured(fun: Fun, *xs: Any) -> tuple[Any, dict[Var, Any]]:
    """A function's jaxpr, its constants being leading inputs, and their values."""
    closed = jax.make_jaxpr(fun)(*xs)
    jaxpr = ir.with_constants_as_inputs(closed.jaxpr)
    return jaxpr, dict(zip(jaxpr.invars, closed.consts, strict=False))


def linear_patterns(split: Any, values: dict[Var, Any], num_outputs: int) -> Any:
    """The patterns of a split program's linear part, its residuals known if may be."""
    full = split.forward.jaxpr
    residuals = split.residuals(full.invars, full.outvars[num_outputs:])
    return detect_split(split.forward, residuals, split.linear, values).patterns


def pattern(fun: Fun, *xs: Any, reverse: bool = False) -> np.ndarray:
    """A function's pattern as a dense array of bools: outputs x inputs.

    Found in the program that pushes tangents, or in the one that pulls cotangents.
    """
    jaxpr, values = captured(fun, *xs)
    active = tuple(v not in values and _is_float(v) for v in jaxpr.invars)
    wanted = tuple(map(_is_float, jaxpr.outvars))
    split = (ENGINE.vjp if reverse else ENGINE.linearize)(jaxpr, active, wanted)
    rows = places([v for v, on in zip(jaxpr.outvars, wanted, strict=True) if on])
    columns = places([v for v, on in zip(jaxpr.invars, active, strict=True) if on])
    live = np.compress(wanted, split.carries)
    carried = [at for at, on in zip(rows, live, strict=True) if on]
    results, tangents = (columns, carried) if reverse else (carried, columns)
    results = [at for at, zero in zip(results, split.zeros, strict=True) if not zero]
    found = np.zeros((_count(rows), _count(columns)), np.bool_)
    whole = found.T if reverse else found
    patterns: list[Pattern] = linear_patterns(split, values, len(jaxpr.outvars))
    along = np.concatenate([np.empty(0, np.int64), *tangents]).astype(np.int64)
    for at, p in zip(results, patterns, strict=True):
        whole[np.ix_(at, along)] = p.csr().toarray()
    return found


def places(variables: Any) -> list[np.ndarray]:
    """For each variable the places of its elements in the count over all."""
    ends = np.cumsum([v.aval.size for v in variables])
    return [
        np.arange(end - v.aval.size, end)
        for v, end in zip(variables, ends, strict=True)
    ]


def _count(of: list[np.ndarray]) -> int:
    return sum(map(len, of))


def _is_float(v: Any) -> bool:
    return ir.is_inexact(v.aval.dtype)


def nonzeros(fun: Fun, *xs: Any, jacobian: Any = jax.jacfwd) -> np.ndarray:
    """Where JAX's Jacobian is nonzero at a point: outputs x inputs."""
    argnums = tuple(i for i, x in enumerate(xs) if ir.is_inexact(ir.dtype_of(x)))
    blocks = jax.tree.leaves(
        jacobian(lambda *xs: jax.tree.leaves(fun(*xs)), argnums)(*xs),
        is_leaf=lambda x: isinstance(x, tuple),
    )
    sizes = [np.size(xs[i]) for i in argnums]
    rows = [
        np.concatenate(
            [np.reshape(J, (-1, n)) for J, n in zip(row, sizes, strict=True)], axis=1
        )
        for row in blocks
    ]
    return np.concatenate(rows) != 0
