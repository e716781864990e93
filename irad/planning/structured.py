"""Strategies that keep structure: one sweep, a chain of sweeps, and products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jax import numpy as jnp

from irad.ellpack import Slot, Term, Terms, dense_block
from irad.ellpack.entries import values_of
from irad.ellpack.terms import Turned
from irad.planning.chains import Product, Pull, Push, Tree
from irad.planning.program import Program, Section, size_of
from irad.planning.result import Structure
from irad.planning.sweeps import Sweeps, seeds_of

Array = Any


def forward(program: Program, dtype: Any, *, apart: bool) -> tuple[Sweeps, Structure]:
    """One push of the identity; narrow variables' Jacobians are set ``apart``."""
    sweeps = Sweeps(program, dtype)
    section = program.whole()
    seeds = seeds_of(program.inputs)
    found = sweeps.push(section, seeds, program.columns, apart=apart)
    factors = sweeps.swept[-1].walk.factors or []
    return sweeps, Structure(
        program.inputs,
        program.outputs,
        sweeps.settled(found),
        (),
        tuple(replace(f, terms=sweeps.tape.settled(f.terms)) for f in factors),
    )


def reverse(program: Program, dtype: Any) -> tuple[Sweeps, Structure]:
    """One pull of the identity."""
    sweeps = Sweeps(program, dtype)
    seeds = seeds_of(program.outputs)
    found = sweeps.pull(program.whole(), seeds, program.rows)
    return sweeps, Structure(program.inputs, program.outputs, (), sweeps.settled(found))


def chain(
    program: Program, dtype: Any, places: Sequence[int], tree: Tree
) -> tuple[Sweeps, Structure]:
    """The sweeps and products of a tree over the cuts at ``places``."""
    return _Chain(program, dtype, places).made(tree)


class _Chain:
    """The making of one tree."""

    def __init__(self, program: Program, dtype: Any, places: Sequence[int]) -> None:
        self.program = program
        self.sweeps = Sweeps(program, dtype)
        self.places = [0, *places, len(program.active_equations)]
        between = [program.crossings[p] for p in places]
        self.variables: list[tuple[Any, ...]] = [
            program.inputs,
            *between,
            program.outputs,
        ]

    def made(self, tree: Tree) -> tuple[Sweeps, Structure]:
        """The strategy's program and structure; sweeps run from first to last."""
        start, stop, by_output, by_input = self._of(tree)
        assert (start, stop) == (0, len(self.variables) - 1)
        self.sweeps.swept.sort(key=lambda s: s.section.begin)
        return self.sweeps, Structure(
            self.program.inputs,
            self.program.outputs,
            self.sweeps.settled(by_output),
            self.sweeps.settled(by_input),
        )

    def _of(self, tree: Tree) -> tuple[int, int, tuple[Terms, ...], tuple[Terms, ...]]:
        match tree:
            case Push(before, start, stop):
                return self._push(before, start, stop)
            case Pull(after, start, stop):
                return self._pull(after, start, stop)
            case Product(before, after):
                return self._product(before, after)

    def _push(self, before: Tree | None, start: int, stop: int) -> Any:
        first, columns = start, self._size(start)
        seeds: Sequence[Terms] = seeds_of(self.variables[start])
        if before is not None:
            first, seeds = self._seeds(before)
            columns = self._size(first)
        section = self._section(start, stop)
        return first, stop, tuple(self.sweeps.push(section, seeds, columns)), ()

    def _pull(self, after: Tree | None, start: int, stop: int) -> Any:
        last, rows = stop, self._size(stop)
        seeds: Sequence[Terms] = seeds_of(self.variables[stop])
        if after is not None:
            _, last, by_output, by_input = self._of(after)
            rows = self._size(last)
            seeds = by_input or self._turned(by_output, stop, last)
        section = self._section(start, stop)
        return start, last, (), tuple(self.sweeps.pull(section, seeds, rows))

    def _seeds(self, before: Tree) -> tuple[int, Sequence[Terms]]:
        """The Jacobian to push on, by its outputs."""
        first, k, by_output, by_input = self._of(before)
        return first, by_output or self._turned(by_input, k, first)

    def _product(self, before: Tree, after: Tree) -> Any:
        first, k, *left = self._of(before)
        _, last, *right = self._of(after)
        slot = self._multiplied(
            self._matrix(left, k, first), self._matrix(right, last, k)
        )
        n = self._size(first)
        return first, last, self._dense_terms(slot, self.variables[last], n), ()

    # Dense matrices ---------------------------------------------------------------

    def _matrix(self, parts: Sequence[Any], rows: int, columns: int) -> Slot:
        """A Jacobian as an array of shape (rows, columns)."""
        by_output, by_input = parts
        if by_output:
            return self._stacked(by_output, rows, columns, turned=False)
        return self._stacked(by_input, columns, rows, turned=True)

    def _stacked(
        self, parts: Sequence[Terms], rows: int, columns: int, *, turned: bool
    ) -> Slot:
        variables = self.variables[rows]
        n = self._size(columns)
        entries = [t.value for ts in parts for t in ts if isinstance(t.value, Slot)]
        slots = [slot.array for slot in entries]
        dtype = self.sweeps.dtype

        def make(*arrays: Array) -> Array:
            numbered = zip(slots, arrays, strict=True)
            values = values_of({slot.number: x for slot, x in numbered})
            blocks = [
                dense_block(ts, values, v.aval.shape, 0, n, dtype).reshape(
                    v.aval.size, n
                )
                for ts, v in zip(parts, variables, strict=True)
            ]
            matrix = blocks[0] if len(blocks) == 1 else jnp.concatenate(blocks)
            return matrix.T if turned else matrix

        m = self._size(rows)
        shape = (n, m) if turned else (m, n)
        return self.sweeps.tape.step(make, slots, [], shape, flops=0)

    def _multiplied(self, left: Slot, right: Slot) -> Slot:
        """``right @ left``, as entries of what it is the Jacobian of."""
        (k, n), (m, _) = left.shape, right.shape
        return self.sweeps.tape.step(
            lambda a, b: Turned(b @ a), [left, right], [], (n, m), 2 * n * k * m
        )

    def _turned(self, parts: Sequence[Terms], of: int, to: int) -> tuple[Terms, ...]:
        """A Jacobian by its other side: dense terms of the variables at ``of``."""
        slot = self._stacked(parts, to, of, turned=False)
        return self._dense_terms(slot, self.variables[of], self._size(to))

    def _dense_terms(
        self, slot: Slot, variables: Sequence[Any], n: int
    ) -> tuple[Terms, ...]:
        """Dense terms from an array of shape (n, elements of the variables)."""
        found, offset = [], 0
        index = np.arange(n, dtype=np.int32)
        walk = self.sweeps.swept[-1].walk
        for v in variables:
            part = self._part(slot, offset, tuple(v.aval.shape))
            columns = walk.columns(index.reshape(n, *[1] * v.aval.ndim))
            found.append((Term(columns, part),))
            offset += size_of([v])
        return tuple(found)

    def _part(self, slot: Slot, first: int, shape: tuple[int, ...]) -> Slot:
        """The entries of the variable of a shape whose elements begin at ``first``."""
        n, full = slot.shape[0], (slot.shape[0], *shape)
        if full == slot.shape:
            return slot
        stop = first + math.prod(shape)
        return self.sweeps.tape.step(
            lambda x: x[:, first:stop].reshape(n, *shape), [slot], [], full, flops=0
        )

    def _section(self, start: int, stop: int) -> Section:
        return self.program.section(
            self.places[start],
            self.places[stop],
            self.variables[start],
            self.variables[stop],
        )

    def _size(self, cut: int) -> int:
        return size_of(self.variables[cut])
