"""How the tests find the pattern of a function, and its Jacobian to compare with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from irad._compat import ir
from irad._compat.ir import Var
from irad.accumulate import ENGINE
from irad.compression.detection import detect_split

Fun = Callable[..., Any]


def captured(fun: Fun, *xs: Any) -> tuple[Any, dict[Var, Any]]:
    """A function's jaxpr, its constants being leading inputs, and their values."""
    closed = jax.make_jaxpr(fun)(*xs)
    jaxpr = ir.with_constants_as_inputs(closed.jaxpr)
    return jaxpr, dict(zip(jaxpr.invars, closed.consts, strict=False))


@dataclass(frozen=True)
class Linear:
    """A function's linear program, and where its results and tangents lie in all.

    It pushes tangents, or pulls cotangents; ``results`` and ``tangents`` are the places
    of their elements among the elements of all outputs and inputs, or the other way.
    """

    split: Any
    inputs: list[Any]
    constants: dict[Var, Any]
    num_outputs: int
    results: list[np.ndarray]
    tangents: list[np.ndarray]
    shape: tuple[int, int]
    reverse: bool

    def patterns(self) -> list[np.ndarray]:
        """For each result its pattern, over all tangents."""
        split = self.split
        full = split.forward.jaxpr
        residuals = split.residuals(full.invars, full.outvars[self.num_outputs :])
        found = detect_split(split.forward, residuals, split.linear, self.constants)
        return [p.csr().toarray() for p in found.patterns]

    def nonzeros(self) -> list[np.ndarray]:
        """For each result where the program's matrix is nonzero, one column a run."""
        split = self.split
        with jax.disable_jit():
            outs = ir.evaluate(split.forward, self.inputs)
            residuals = split.residuals(self.inputs, outs[self.num_outputs :])
            avals = [v.aval for v in split.linear.jaxpr.invars[len(residuals) :]]
            n = sum(aval.size for aval in avals)
            columns = [
                ir.evaluate(split.linear, [*residuals, *_basis(avals, j)])
                for j in range(n)
            ]
        return [
            np.reshape(np.stack(of, -1), (-1, n)) != 0
            for of in zip(*columns, strict=True)
        ]

    def whole(self, blocks: list[np.ndarray]) -> np.ndarray:
        """The blocks of all results in one array: outputs x inputs."""
        found = np.zeros(self.shape, np.bool_)
        along = np.concatenate([np.empty(0, np.int64), *self.tangents])
        for at, block in zip(self.results, blocks, strict=True):
            found[np.ix_(at, along.astype(np.int64))] = block
        return found.T if self.reverse else found


def linear_program(fun: Fun, *xs: Any, reverse: bool = False) -> Linear:
    """The program that pushes a function's tangents, or pulls its cotangents."""
    jaxpr, constants = captured(fun, *xs)
    active = tuple(v not in constants and _is_float(v) for v in jaxpr.invars)
    wanted = tuple(map(_is_float, jaxpr.outvars))
    split = (ENGINE.vjp if reverse else ENGINE.linearize)(jaxpr, active, wanted)
    rows = places([v for v, on in zip(jaxpr.outvars, wanted, strict=True) if on])
    columns = places([v for v, on in zip(jaxpr.invars, active, strict=True) if on])
    live = np.compress(wanted, split.carries)
    carried = [at for at, on in zip(rows, live, strict=True) if on]
    results, tangents = (columns, carried) if reverse else (carried, columns)
    results = [at for at, zero in zip(results, split.zeros, strict=True) if not zero]
    m, n = sum(map(len, rows)), sum(map(len, columns))
    return Linear(
        split,
        [*constants.values(), *jax.tree.leaves(xs)],
        constants,
        len(jaxpr.outvars),
        results,
        tangents,
        (n, m) if reverse else (m, n),
        reverse,
    )


def pattern(fun: Fun, *xs: Any, reverse: bool = False) -> np.ndarray:
    """A function's pattern as a dense array of bools: outputs x inputs."""
    linear = linear_program(fun, *xs, reverse=reverse)
    return linear.whole(linear.patterns())


def _basis(avals: Sequence[Any], j: int) -> list[np.ndarray]:
    """Column ``j`` of the identity over several arrays."""
    flat = np.zeros(sum(aval.size for aval in avals))
    flat[j] = 1.0
    ends = np.cumsum([aval.size for aval in avals])
    return [
        flat[end - aval.size : end].reshape(aval.shape).astype(aval.dtype)
        for aval, end in zip(avals, ends, strict=True)
    ]


def places(variables: Any) -> list[np.ndarray]:
    """For each variable the places of its elements in the count over all."""
    ends = np.cumsum([v.aval.size for v in variables])
    return [
        np.arange(end - v.aval.size, end)
        for v, end in zip(variables, ends, strict=True)
    ]


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
