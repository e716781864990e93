"""Structure through sums: what was one entry for each summand becomes a row of entries.

An axis is summed where the columns do not change along it; where they do, each of its
elements keeps entries of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from jax import lax
from jax import numpy as jnp

from irad.ellpack.propagation import Equation, Propagation, rule
from irad.ellpack.shapes import is_constant_along, spread, squeezed
from irad.ellpack.terms import Array, Columns, Slot, Term, Terms, Turned, upright
from irad.sums import of_few

Given = list[Terms | None]


def divided(columns: Columns, axes: Sequence[int]) -> tuple[list[int], list[int]]:
    """Axes of the variable along which the columns stay, and those along which not."""
    stay = [d for d in axes if is_constant_along(columns.index, d + 1)]
    return stay, [d for d in axes if d not in stay]


def expanded(xp: Any, x: Array, shape: Sequence[int], axes: Sequence[int]) -> Array:
    """The given axes moved into the first, at full size."""
    x = spread(xp, x, shape, axes)
    x = xp.moveaxis(x, [d + 1 for d in axes], list(range(1, len(axes) + 1)))
    size = int(np.prod(x.shape[: len(axes) + 1], dtype=np.int64))
    return x.reshape(size, *x.shape[len(axes) + 1 :])


def _reduced_columns(
    index: np.ndarray, shape: Sequence[int], stay: Sequence[int], move: Sequence[int]
) -> np.ndarray:
    """Columns after a sum over ``stay`` and ``move``."""
    for d in stay:
        index = np.take(index, [0], d + 1)
    kept = [d for d in range(len(shape)) if d not in stay and d not in move]
    wide = expanded(
        np, index, [1 if d in stay else n for d, n in enumerate(shape)], move
    )
    # What is left are the kept axes and those that stay, of size 1.
    rest = [d for d in range(len(shape)) if d not in move]
    return wide.reshape(wide.shape[0], *(wide.shape[rest.index(d) + 1] for d in kept))


@rule(lax.reduce_sum_p)
def _sum(walk: Propagation, eqn: Equation, given: Given) -> list[Terms]:
    shape, axes = eqn.invars[0].aval.shape, list(eqn.params["axes"])
    found = [_summed(walk, t, shape, axes) for t in given[0] or ()]
    return [walk.merged(found)]


def _summed(
    walk: Propagation, term: Term, shape: tuple[int, ...], axes: Sequence[int]
) -> Term:
    stay, move = divided(term.columns, axes)
    columns = walk.columns(
        squeezed(_reduced_columns(term.columns.index, shape, stay, move))
    )
    count = int(np.prod([shape[d] for d in stay], dtype=np.int64))
    value = term.value
    if not isinstance(value, Slot):
        return Term(columns, value * count)

    def reduce(v: Array) -> Array:
        repeated = [d for d in stay if v.shape[d + 1] == 1]
        times = int(np.prod([shape[d] for d in repeated], dtype=np.int64))
        summed = of_few(v, [d + 1 for d in stay])
        if times != 1:
            summed = summed * times
        return _moved_values(jnp, summed, shape, stay, move, term.k)

    probe = np.broadcast_to(
        np.int8(0), [1 if d - 1 in stay else n for d, n in enumerate(value.shape)]
    )
    result = _moved_values(np, probe, shape, stay, move, term.k).shape
    flops = int(np.prod(value.shape, dtype=np.int64)) if stay else 0
    return Term(columns, walk.tape.linear(reduce, value, [], result, flops=flops))


def _moved_values(
    xp: Any,
    x: Array,
    shape: Sequence[int],
    stay: Sequence[int],
    move: Sequence[int],
    k: int,
) -> Array:
    """Entries after a sum: axes that stay are gone, those that move are entries."""
    rest = [d for d in range(len(shape)) if d not in move]
    kept = [d for d in rest if d not in stay]
    if move:
        if x.shape[0] != k:
            x = xp.broadcast_to(x, (k, *x.shape[1:]))
        x = expanded(xp, x, shape, move)
    return x.reshape(x.shape[0], *(x.shape[rest.index(d) + 1] for d in kept))


@rule(lax.dot_general_p)
def _dot(walk: Propagation, eqn: Equation, given: Given) -> list[Terms] | None:
    side = 0 if given[0] is not None else 1
    if given[1 - side] is not None:
        return None
    contract, batch = eqn.params["dimension_numbers"]
    product = _Product(
        tuple(eqn.invars[side].aval.shape),
        tuple(eqn.invars[1 - side].aval.shape),
        tuple(contract[side]),
        tuple(contract[1 - side]),
        tuple(batch[side]),
        tuple(batch[1 - side]),
        tangent_first=side == 0,
        precision=eqn.params["precision"],
        dtype=eqn.outvars[0].aval.dtype,
    )
    other = eqn.invars[1 - side]
    found = [product.apply(walk, t, other) for t in given[side] or ()]
    return [walk.merged(found)]


class _Product:
    """A tensor product of a variable with a residual."""

    def __init__(
        self,
        shape: tuple[int, ...],
        other: tuple[int, ...],
        contract: tuple[int, ...],
        other_contract: tuple[int, ...],
        batch: tuple[int, ...],
        other_batch: tuple[int, ...],
        *,
        tangent_first: bool,
        precision: Any,
        dtype: Any,
    ) -> None:
        self.shape, self.other = shape, other
        self.contract, self.other_contract = contract, other_contract
        self.batch, self.other_batch = batch, other_batch
        self.free = tuple(
            d for d in range(len(shape)) if d not in contract and d not in batch
        )
        self.other_free = tuple(
            d
            for d in range(len(other))
            if d not in other_contract and d not in other_batch
        )
        self.tangent_first = tangent_first
        self.precision = precision
        self.dtype = dtype

    def apply(self, walk: Propagation, term: Term, other: Any) -> Term:
        """The Jacobian of the product, for one term of the variable's."""
        stay, move = divided(term.columns, self.contract)
        columns = walk.columns(self._columns(term.columns.index, stay, move))
        value, k = term.value, term.k
        factor = 1.0
        if isinstance(value, Slot):
            slots, constant, shape = [value.array], None, value.shape
            factor = value.factor
        else:
            slots, constant, shape = [], value, (1,) * (len(self.shape) + 1)

        def multiply(*arrays: Array | Turned) -> Array | Turned:
            *given, w = arrays
            v = given[0] if given else None
            return self._multiply(v, constant, w, k, stay, move)

        wide = k if (move and shape[0] != k) else shape[0]
        moved = int(np.prod([self.shape[d] for d in move], dtype=np.int64))
        batch = [self.shape[d] for d in self.batch]
        free = [shape[d + 1] for d in self.free]
        other_free = [self.other[d] for d in self.other_free]
        first, second = (free, other_free) if self.tangent_first else (other_free, free)
        result = [wide * moved, *batch, *first, *second]
        summed = int(np.prod([self.shape[d] for d in stay], dtype=np.int64))
        size = int(np.prod(result, dtype=np.int64))
        flops = 2 * size * summed if summed > 1 else (0 if constant == 1.0 else size)
        slot = walk.tape.step(
            multiply, slots, [other], result, flops, takes_turned=True
        )
        return Term(columns, slot.scaled(factor))

    def _columns(
        self, index: np.ndarray, stay: Sequence[int], move: Sequence[int]
    ) -> np.ndarray:
        for d in stay:
            index = np.take(index, [0], d + 1)
        wide = expanded(np, index, self.shape, move)
        rest = [d for d in range(len(self.shape)) if d not in move]
        sizes = {d: wide.shape[rest.index(d) + 1] for d in rest}
        order = [*self.batch, *self.free, *stay]
        wide = np.transpose(wide, [0, *(rest.index(d) + 1 for d in order)])
        batch = [sizes[d] for d in self.batch]
        free = [sizes[d] for d in self.free]
        ones = [1] * len(self.other_free)
        both = [*free, *ones] if self.tangent_first else [*ones, *free]
        return squeezed(wide.reshape(wide.shape[0], *batch, *both))

    def _multiply(
        self,
        v: Array | Turned | None,
        constant: float | None,
        w: Array,
        k: int,
        stay: Sequence[int],
        move: Sequence[int],
    ) -> Array | Turned:
        """Entries of a residual that stands turned are turned, and stay so."""
        mine, theirs, rest = self._letters()
        moved = "".join(mine[d] for d in move)
        turned = isinstance(v, Turned) or theirs == rest + moved != moved + rest
        if constant == 1.0 and not self.free:
            return self._copied(w, theirs, moved, rest, k, turned=turned)
        if v is None:
            assert constant is not None
            v = jnp.full((1,) * (len(self.shape) + 1), constant, w.dtype)
        array = Turned.of(v).array if turned else upright(v)
        sizes = array.shape[:-1] if turned else array.shape[1:]
        # An axis of size 1 of the entries is summed out of the residual alone.
        full = [i for i, n in enumerate(sizes) if n != 1 or self.shape[i] == 1]
        kept = [i for i in range(len(self.shape)) if i in full or i in self.free]
        letters, shape = "".join(mine[i] for i in kept), [sizes[i] for i in kept]
        if turned:
            operands = (w, array.reshape(*shape, array.shape[-1]))
            spec = f"{theirs},{letters}k->{rest}k{moved}"
        else:
            operands = (array.reshape(array.shape[0], *shape), w)
            spec = f"k{letters},{theirs}->k{moved}{rest}"
        found = jnp.einsum(
            spec,
            *operands,
            precision=self.precision,
            preferred_element_type=self.dtype,
        )
        return self._entries(found, k, len(moved), turned=turned)

    def _letters(self) -> tuple[str, str, str]:
        """The axes of the variable, of the residual, and of what is left of both."""
        names = iter("abcdefghijlmnopqrstuvwxyz")
        mine = "".join(next(names) for _ in self.shape)
        theirs = [""] * len(self.other)
        for d, e in zip(self.contract, self.other_contract, strict=True):
            theirs[e] = mine[d]
        for d, e in zip(self.batch, self.other_batch, strict=True):
            theirs[e] = mine[d]
        for e in self.other_free:
            theirs[e] = next(names)
        batch = "".join(mine[d] for d in self.batch)
        free = "".join(mine[d] for d in self.free)
        other_free = "".join(theirs[e] for e in self.other_free)
        first, second = (free, other_free) if self.tangent_first else (other_free, free)
        return mine, "".join(theirs), batch + first + second

    def _copied(
        self, w: Array, theirs: str, moved: str, rest: str, k: int, *, turned: bool
    ) -> Array | Turned:
        """The product with ones: the residual itself, its other axes summed."""
        order = rest + moved if turned else moved + rest
        found = jnp.einsum(f"{theirs}->{order}", w).astype(self.dtype)
        found = jnp.expand_dims(found, len(rest) if turned else 0)
        return self._entries(found, k, len(moved), turned=turned)

    def _entries(
        self, found: Array, k: int, moved: int, *, turned: bool
    ) -> Array | Turned:
        """So many moved axes as entries, behind each of the ``k`` there were."""
        first = found.ndim - 1 - moved if turned else 0
        if moved and found.shape[first] != k:
            shape = list(found.shape)
            shape[first] = k
            found = jnp.broadcast_to(found, shape)
        before, after = found.shape[:first], found.shape[first + 1 + moved :]
        count = math.prod(found.shape[first : first + 1 + moved])
        found = found.reshape(*before, count, *after)
        return Turned(found) if turned else found


@rule(lax.cumsum_p)
def _cumsum(walk: Propagation, eqn: Equation, given: Given) -> list[Terms] | None:
    axis, reverse = eqn.params["axis"], eqn.params["reverse"]
    shape = eqn.invars[0].aval.shape
    terms = given[0] or ()
    if any(not is_constant_along(t.columns.index, axis + 1) for t in terms):
        return None
    dtype = eqn.outvars[0].aval.dtype
    return [
        walk.merged(_accumulated(walk, t, shape, axis, reverse, dtype) for t in terms)
    ]


def _accumulated(
    walk: Propagation,
    term: Term,
    shape: tuple[int, ...],
    axis: int,
    reverse: bool,
    dtype: Any,
) -> Term:
    """Running sums along an axis on which the columns do not change."""
    value = term.value
    sizes = value.shape if isinstance(value, Slot) else (1,) * (1 + len(shape))
    full = (*sizes[: axis + 1], shape[axis], *sizes[axis + 2 :])

    def run(*given: Array) -> Array:
        x = given[0] if given else jnp.asarray(value, dtype)
        return lax.cumsum(jnp.broadcast_to(x, full), axis + 1, reverse)

    slots = [value] if isinstance(value, Slot) else []
    columns = walk.columns(np.take(term.columns.index, [0], axis + 1))
    return Term(columns, walk.tape.step(run, slots, [], full))
