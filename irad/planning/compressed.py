"""Strategies that share a push or a pull among columns or rows that never meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jax import numpy as jnp

from irad.accumulate import ENGINE
from irad.compression.colouring import Colouring, TwoSided, columns, rows, two_sided
from irad.compression.detection import detect
from irad.compression.pattern import Pattern, stacked, zero
from irad.compression.site import shape_of
from irad.compression.symmetric import acyclic, star
from irad.cost import Cost
from irad.ellpack import Columns, Term, Terms
from irad.linearization import is_differentiable
from irad.planning import pricing
from irad.planning.program import Program, size_of
from irad.planning.result import Structure
from irad.planning.substitution import Substitution
from irad.planning.sweeps import Sweeps, called, residual_values

Array = Any

MOST_LEVELS, MOST_SUBSTITUTED = 64, 1 << 16
"""Entries are found by substitution if they are so few, in so few steps."""


def pattern_of(program: Program) -> Pattern:
    """The pattern of the Jacobian, all outputs by all inputs."""
    section = program.whole()
    wanted = tuple(is_differentiable(v.aval) for v in section.stop)
    split = ENGINE.linearize(section.jaxpr, section.active, wanted)
    linear = split.linear
    known = residual_values(program, section, split, linear.jaxpr)
    tangents = linear.jaxpr.invars[len(split.sources) :]
    found = iter(detect(linear, tangents, known))
    zeros = iter(split.zeros)
    parts = [
        next(found)
        if carried and not next(zeros)
        else zero(size_of([v]), program.columns)
        for v, carried in zip(program.outputs, split.carries, strict=True)
    ]
    return stacked(parts)


@dataclass(frozen=True, eq=False)
class Compression:
    """Colours of some columns and of some rows, and who holds which entry.

    An entry (row, column) is held by the push of its column's colour where ``pushed``,
    else by the pull of its row's colour.
    """

    of_columns: np.ndarray
    of_rows: np.ndarray
    num_pushes: int
    num_pulls: int
    rows: np.ndarray
    columns: np.ndarray
    pushed: np.ndarray
    mirrored: np.ndarray | None = None
    """Entries of a symmetric matrix that stand where their mirror images are."""
    substitution: Substitution | None = None
    """How entries follow from the pushes, where these hold sums of several."""

    @property
    def note(self) -> str:
        """How many products it takes."""
        parts = [(self.num_pushes, "push"), (self.num_pulls, "pull")]
        named = [f"{n} {what}{'es' * (n > 1)}" for n, what in parts if n]
        return " and ".join(named).replace("pulles", "pulls") or "nothing"


def by_columns(program: Program, pattern: Pattern) -> Compression:
    """Columns that share no row are pushed together."""
    found = columns(pattern, _shape(program.inputs))
    return _one_sided(pattern, found, pushed=True)


def by_rows(program: Program, pattern: Pattern) -> Compression:
    """Rows that share no column are pulled together."""
    found = rows(pattern, _shape(program.outputs))
    return _one_sided(pattern, found, pushed=False)


def by_both(program: Program, pattern: Pattern) -> Compression:
    """Dense columns and rows apart: some columns are pushed, some rows pulled."""
    found: TwoSided = two_sided(pattern)
    row, column = _entries(pattern)
    pushed = found.decompression.product < found.num_columns
    return Compression(
        found.columns,
        found.rows,
        found.num_columns,
        found.num_rows,
        row,
        column,
        pushed,
    )


def by_symmetry(program: Program, pattern: Pattern) -> Compression:
    """Columns of a symmetric matrix that share rows, where the mirrored entry is apart.

    An entry that no push holds by itself is read from its mirror image.
    """
    whole = pattern.union(pattern.transpose())
    found = star(whole)
    row, column = _entries(whole)
    mirrored = found.decompression.place != row
    none = np.zeros(0, np.int32)
    pushed = np.ones(len(row), bool)
    return Compression(
        found.colours, none, found.count, 0, row, column, pushed, mirrored
    )


def by_substitution(program: Program, pattern: Pattern) -> Compression | None:
    """Columns of a symmetric matrix whose pushes hold sums that can be solved.

    None where there are no entries, too many entries or steps, or where rounding would
    show: the error of an entry is that of the largest of those that it is found from.
    """
    whole = pattern.union(pattern.transpose())
    variables: tuple[Any, ...] = program.inputs
    if not 0 < whole.nnz <= MOST_SUBSTITUTED:
        return None
    if variables[0].aval.dtype != np.float64:
        return None
    found = acyclic(whole)
    if found.level.max(initial=0) > MOST_LEVELS:
        return None
    row, column = _entries(whole)
    none, pushed = np.zeros(0, np.int32), np.ones(len(row), bool)
    solution = Substitution.of(whole, found)
    counts = found.count, 0
    return Compression(
        found.colours, none, *counts, row, column, pushed, substitution=solution
    )


def _one_sided(pattern: Pattern, found: Colouring, *, pushed: bool) -> Compression:
    row, column = _entries(pattern)
    none = np.zeros(0, np.int32)
    return Compression(
        found.colours if pushed else none,
        none if pushed else found.colours,
        found.count if pushed else 0,
        0 if pushed else found.count,
        row,
        column,
        np.full(len(row), pushed),
    )


def _entries(pattern: Pattern) -> tuple[np.ndarray, np.ndarray]:
    whole = pattern.csr()
    row = np.repeat(np.arange(whole.shape[0]), np.diff(whole.indptr))
    return row, whole.indices.astype(np.int64)


def _shape(variables: Sequence[Any]) -> tuple[int, ...] | None:
    """The shape of the only variable; several have none in common."""
    return tuple(variables[0].aval.shape) if len(variables) == 1 else None


def cost(program: Program, compression: Compression) -> Cost:
    """As many pushes and pulls as there are colours."""
    parts = []
    if compression.num_pushes:
        parts.append(pricing.forward(program, count=compression.num_pushes))
    if compression.num_pulls:
        parts.append(pricing.reverse(program, count=compression.num_pulls))
    if compression.substitution is not None:
        parts.append(_substituting(compression.substitution))
    return pricing.together(*parts)


def _substituting(s: Substitution) -> Cost:
    """Entries are gathered, and in each step gathered, added up and written."""
    moved = len(s.product) + len(s.number) + 2 * s.subtractions
    kernels = 3 * len(s.levels) + 2
    return Cost(flops=s.subtractions, bytes=pricing.IRREGULAR * moved, kernels=kernels)


def structure(
    program: Program, compression: Compression, dtype: Any
) -> tuple[Sweeps, Structure]:
    """The pushes and pulls, and where their entries are."""
    c, sweeps = compression, Sweeps(program, dtype)
    if c.substitution is not None:
        by_rows_ = _substituted(sweeps, c, c.substitution)
        return sweeps, Structure(program.inputs, program.outputs, by_rows_, ())
    by_output: tuple[Terms, ...] = ()
    by_input: tuple[Terms, ...] = ()
    if c.num_pushes:
        own = c.pushed if c.mirrored is None else ~c.mirrored
        colours = c.of_columns[c.columns[own]]
        places = colours, c.rows[own], c.columns[own]
        index = _index(*places, c.num_pushes, program.rows)
        by_output = _pushed(sweeps, c, index)
    if c.mirrored is not None:
        # The push of the row's colour holds the mirror image, at the column's place.
        colours = c.of_columns[c.rows[c.mirrored]]
        places = colours, c.columns[c.mirrored], c.rows[c.mirrored]
        index = _index(*places, c.num_pushes, program.columns)
        by_input = _with_columns(by_output, index)
    if c.num_pulls:
        pulled = ~c.pushed
        colours = c.of_rows[c.rows[pulled]]
        places = colours, c.columns[pulled], c.rows[pulled]
        index = _index(*places, c.num_pulls, program.columns)
        by_input = _pulled(sweeps, c, index)
    return sweeps, Structure(program.inputs, program.outputs, by_output, by_input)


def _index(
    colour: np.ndarray, element: np.ndarray, other: np.ndarray, count: int, size: int
) -> np.ndarray:
    """For each colour and element the column, or row, held there; -1 if none."""
    index = np.full((count, size), -1, np.int32)
    index[colour, element] = other
    return index


def _pushed(sweeps: Sweeps, c: Compression, index: np.ndarray) -> tuple[Terms, ...]:
    return _terms(sweeps, _pushes(sweeps, c), sweeps.program.outputs, index)


def _substituted(
    sweeps: Sweeps, c: Compression, substitution: Substitution
) -> tuple[Terms, ...]:
    """Each row's entries side by side, found from the pushes."""
    rows, push = sweeps.program.rows, _pushes(sweeps, c)
    starts = np.searchsorted(c.rows, np.arange(rows))
    place = np.arange(len(c.rows)) - starts[c.rows]
    width = 1 + place.max(initial=0)
    index = np.full((width, rows), -1, np.int32)
    number = np.zeros((width, rows), np.int64)
    index[place, c.rows], number[place, c.rows] = c.columns, substitution.number

    def run(*inputs: Array) -> list[Array]:
        outs = push(*inputs)
        products = jnp.concatenate([y.reshape(len(y), -1) for y in outs], 1)
        found = substitution.solved(products)[number]
        ends = np.cumsum([size_of([v]) for v in sweeps.program.outputs])[:-1]
        parts = jnp.split(found, ends, 1)
        return [
            part.reshape(width, *y.shape[1:])
            for part, y in zip(parts, outs, strict=True)
        ]

    return _terms(sweeps, run, sweeps.program.outputs, index)


def _pushes(sweeps: Sweeps, c: Compression) -> Callable[..., list[Array]]:
    """The pushes of all colours, by outputs."""
    program = sweeps.program
    made, carries = pricing.jvp_program(program)
    n = len(program.jaxpr.outvars)

    def push(*inputs: Array) -> list[Array]:
        def one(*t: Array) -> list[Array]:
            outs = iter(called(made, [*inputs, *t], "jvp")[n:])
            return [
                next(outs) if carried else jnp.zeros(v.aval.shape, sweeps.dtype)
                for v, carried in zip(program.outputs, carries, strict=False)
            ]

        seeds = _seeds(program.inputs, c.of_columns, c.num_pushes, sweeps.dtype)
        return jax.vmap(one)(*seeds)

    return push


def _pulled(sweeps: Sweeps, c: Compression, index: np.ndarray) -> tuple[Terms, ...]:
    program = sweeps.program
    split = pricing.vjp_program(program)
    n = len(program.jaxpr.outvars)
    shapes = [shape_of(v) for v in program.inputs]

    def pull(*inputs: Array) -> list[Array]:
        outs = called(split.forward, inputs, "vjp")
        residuals = split.residuals(inputs, outs[n:])

        def one(*ct: Array) -> list[Array]:
            live = [x for x, k in zip(ct, split.carries, strict=False) if k]
            rest = iter(called(split.linear, [*residuals, *live], "pullback"))
            return [
                jnp.zeros(shape, sweeps.dtype) if is_zero else next(rest)
                for shape, is_zero in zip(shapes, split.zeros, strict=True)
            ]

        seeds = _seeds(program.outputs, c.of_rows, c.num_pulls, sweeps.dtype)
        return jax.vmap(one)(*seeds)

    return _terms(sweeps, pull, program.inputs, index)


def _seeds(
    variables: Sequence[Any], colours: np.ndarray, count: int, dtype: Any
) -> list[Array]:
    """For each colour the sum of its unit vectors, by variables."""
    found, first = [], 0
    for v in variables:
        n, shape = size_of([v]), tuple(v.aval.shape)
        own = jnp.asarray(colours[first : first + n].reshape(1, *shape), jnp.int32)
        ids = jnp.arange(count, dtype=jnp.int32).reshape(count, *[1] * len(shape))
        found.append((own == ids).astype(dtype))
        first += n
    return found


def _with_columns(parts: tuple[Terms, ...], index: np.ndarray) -> tuple[Terms, ...]:
    """The same entries in other columns."""
    found, first = [], 0
    for (term,) in parts:
        n = int(np.prod(term.columns.index.shape[1:], dtype=np.int64))
        own = index[:, first : first + n].reshape(term.columns.index.shape)
        found.append((Term(Columns(own), term.value),))
        first += n
    return tuple(found)


def _terms(
    sweeps: Sweeps, run: Any, variables: Sequence[Any], index: np.ndarray
) -> tuple[Terms, ...]:
    inputs = sweeps.program.jaxpr.invars
    whole = sweeps.tape.step(run, [], inputs, ())
    found, first = [], 0
    count = index.shape[0]
    for j, v in enumerate(variables):
        n, shape = size_of([v]), (count, *v.aval.shape)
        slot = sweeps.tape.step(lambda out, j=j: out[j], [whole], [], shape, flops=0)
        columns_ = Columns(index[:, first : first + n].reshape(shape))
        found.append((Term(columns_, slot),))
        first += n
    return tuple(found)
