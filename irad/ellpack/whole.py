"""Structure through equations that are applied as a whole: loops, branches, the rest.

The entries of the operands are gathered in seeds, one for each group of columns, the
equation is applied to all seeds in one batch, and the results' entries are where the
pattern says they are. Without a pattern every column is a group of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from irad._compat.waiting import after_p
from irad.ellpack.propagation import Equation, Propagation, rule
from irad.ellpack.terms import Array, Slot, Term, Terms, Whole, slots_of
from irad.linear_map import bind

Given = list[Terms | None]


def each_its_own(walk: Propagation, given: Sequence[Terms | None]) -> np.ndarray:
    """The columns that occur in some Jacobians, in order."""
    met = np.zeros(walk.num_columns + 1, bool)
    for terms in given:
        for t in terms or ():
            met[t.columns.index.reshape(-1)] = True
    return np.flatnonzero(met[:-1])


@rule(None)
def _whole(walk: Propagation, eqn: Equation, given: Given) -> list[Terms]:
    # A value that waits for a seed is not linear in it: no program here has one.
    assert eqn.primitive is not after_p
    walk.whole += 1
    columns = each_its_own(walk, given)
    count = len(columns)
    groups = np.full(walk.num_columns + 1, -1, np.int32)
    groups[columns] = np.arange(count, dtype=np.int32)
    whole = _applied(walk, eqn, given, groups, count)
    index = columns.astype(np.int32)
    found = []
    for j, v in enumerate(eqn.outvars):
        shape = v.aval.shape
        slot = walk.tape.step(
            lambda out, j=j: out[j], [whole], [], (count, *shape), flops=0
        )
        where = walk.columns(index.reshape(-1, *[1] * len(shape)))
        found.append((Term(where, slot),) if count else ())
    return found


def _applied(
    walk: Propagation, eqn: Equation, given: Given, groups: np.ndarray, count: int
) -> Slot:
    """The equation applied to ``count`` seeds at once: a list of arrays.

    ``groups[c]`` is the seed of column ``c`` (its last entry, for column -1, is -1).
    """
    slots = slots_of(*(terms or () for terms in given))
    active = [i for i, terms in enumerate(given) if terms is not None]
    residuals = [x for i, x in enumerate(eqn.invars) if i not in active]

    def apply(*arrays: Array) -> list[Array]:
        values = iter(arrays[: len(slots)])
        fixed = arrays[len(slots) :]
        seeds = [
            seed(given[i] or (), values, eqn.invars[i].aval, groups, count)
            for i in active
        ]

        def one(*t: Array) -> list[Array]:
            tangents, others = iter(t), iter(fixed)
            operands = [
                next(tangents) if i in active else next(others)
                for i in range(len(given))
            ]
            out = bind(eqn.primitive, operands, eqn.params)
            return list(out) if eqn.primitive.multiple_results else [out]

        return jax.vmap(one)(*seeds)

    whole = Whole(eqn, tuple(eqn.invars[i] for i in active), count)
    return walk.tape.step(apply, slots, residuals, (), flops=0, whole=whole)


def seed(terms: Terms, values: Any, aval: Any, groups: np.ndarray, count: int) -> Array:
    """The tangents of one operand, stacked: the entries of each group of columns."""
    shape = tuple(aval.shape)
    total: Array | None = None
    for t in terms:
        v = next(values) if isinstance(t.value, Slot) else t.value
        share = _share(t, v, shape, aval.dtype, groups, count)
        total = share if total is None else total + share
    if total is None:
        return jnp.zeros((count, *shape), aval.dtype)
    return jnp.broadcast_to(total, (count, *shape)).astype(aval.dtype)


def _share(
    t: Term, v: Any, shape: tuple[int, ...], dtype: Any, groups: np.ndarray, count: int
) -> Array:
    where = groups[t.columns.index]
    if t.columns.is_uniform and t.k == count:
        order = where.reshape(-1)
        if (order == np.arange(count)).all():
            return jnp.broadcast_to(jnp.asarray(v, dtype), (count, *shape))
    full = jnp.broadcast_to(jnp.asarray(v, dtype), (t.k, *shape)) if np.ndim(v) else v
    ids = jnp.arange(count, dtype=np.int32).reshape(count, *[1] * len(shape))
    zero = jnp.zeros((), dtype)
    total: Array | None = None
    for j in range(t.k):
        entry = full[j] if np.ndim(v) else jnp.asarray(v, dtype)
        share = jnp.where(jnp.asarray(where[j])[None] == ids, entry, zero)
        total = share if total is None else total + share
    assert total is not None
    return total
