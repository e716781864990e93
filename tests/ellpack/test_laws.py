"""What propagation says of linear programs is their Jacobian, whatever the terms."""

from __future__ import annotations

import tracemalloc
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse

from irad.ellpack import (
    Propagation,
    Tape,
    Terms,
    TooWideError,
    dense_block,
    entries_of,
    identity,
)
from irad.ellpack.entries import Entries, values_of
from irad.ellpack.factoring import factored
from irad.ellpack.propagation import RULES, propagate
from irad.ellpack.terms import Term, needed, run, slots_of
from irad.planning.result import SparseEntries
from irad.planning.sweeps import evaluate_in, read
from irad_passes import dce, inline
from tests.compiling import QUICK
from tests.ellpack.programs import DENSE, OPERANDS, PROGRAMS, composed


def computed(tape: Tape, wanted: list[Any], read: Any = lambda x: x) -> Any:
    """The entries of terms whose slots are wanted."""
    steps = factored(needed(tape.steps, wanted), wanted)
    return values_of(run(steps, wanted, read))


class Walked:
    """A linear function of a vector, and the terms that propagation finds."""

    def __init__(self, fun: Any, n: int) -> None:
        closed = jax.make_jaxpr(fun)(jnp.zeros(n))
        jaxpr = inline(closed.jaxpr, max_equations=1 << 20, keep_shared=False)
        self.jaxpr = dce(jaxpr)
        self.n = n
        self.consts = dict(zip(closed.jaxpr.constvars, closed.consts, strict=True))
        known = {
            v: np.asarray(c)
            for v, c in self.consts.items()
            if not jnp.issubdtype(c.dtype, jnp.inexact)
        }
        self.walk = Propagation(Tape(), n, np.dtype(np.float64), known)
        self.terms = propagate(self.walk, self.jaxpr, [identity((n,), 0)])

    def values(self) -> Any:
        env: dict[Any, Any] = dict(self.consts)
        evaluate_in(env, self.walk.computed)
        wanted = slots_of(*self.terms)
        return computed(self.walk.tape, wanted, lambda x: read(env, x))

    def dense(self) -> list[Any]:
        values = self.values()
        return [
            dense_block(terms, values, v.aval.shape, 0, self.n, np.dtype(np.float64))
            for terms, v in zip(self.terms, self.jaxpr.outvars, strict=True)
        ]

    def entries(self) -> list[Any]:
        """What the sparse form has, as dense arrays."""
        values = self.values()
        found = []
        for terms, v in zip(self.terms, self.jaxpr.outvars, strict=True):
            shape = v.aval.shape
            places = entries_of(terms, shape)
            data = places.gather(terms, values, shape, np.dtype(np.float64))
            size = int(np.prod(shape))
            made = jnp.zeros((size, self.n)).at[places.rows, places.columns].set(data)
            found.append(made.reshape(*shape, self.n))
        return found


def size_of(shape: tuple[int, ...]) -> int:
    return max(DENSE, int(np.prod(shape)))


@pytest.mark.parametrize("name", PROGRAMS)
def test_what_is_propagated_is_the_jacobian(name: str) -> None:
    program, shape = PROGRAMS[name]
    n = size_of(shape)
    functions = {form: composed(program, shape, form) for form in OPERANDS}
    walked = {form: Walked(fun, n) for form, fun in functions.items()}

    def all_of_them() -> Any:
        dense = {form: w.dense() for form, w in walked.items()}
        sparse = {form: w.entries() for form, w in walked.items()}
        expected = {f: jax.jacfwd(fun)(jnp.ones(n)) for f, fun in functions.items()}
        return dense, sparse, expected

    dense, sparse, expected = jax.jit(all_of_them, compiler_options=QUICK)()
    for form, blocks in expected.items():
        for found in (dense[form], sparse[form]):
            for a, b in zip(found, blocks, strict=True):
                # Where JAX multiplies an infinite factor by zero nothing is known.
                clean = ~np.isnan(b)
                np.testing.assert_allclose(
                    np.where(clean, a, 0), np.where(clean, b, 0), 1e-6, err_msg=form
                )


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_place_has_two_entries(name: str) -> None:
    program, shape = PROGRAMS[name]
    for form in OPERANDS:
        walked = Walked(composed(program, shape, form), size_of(shape))
        for terms, v in zip(walked.terms, walked.jaxpr.outvars, strict=True):
            places = entries_of(terms, v.aval.shape)
            pairs = set(zip(places.rows.tolist(), places.columns.tolist(), strict=True))
            assert len(pairs) == len(places.rows)
            assert all(0 <= c < walked.n for c in places.columns)


def test_every_rule_has_a_program() -> None:
    met = {
        eqn.primitive
        for program, shape in PROGRAMS.values()
        for eqn in Walked(composed(program, shape, "unit"), size_of(shape)).jaxpr.eqns
    }
    assert {p for p in RULES if p is not None} <= met


def terms_of(walk: Propagation, *columns: Any) -> Terms:
    """One term for each array of columns, its entries computed and all different."""
    found = []
    for i, index in enumerate(columns):
        index = np.asarray(index, np.int32)
        full = RNG.uniform(0.5, 1.5, index.shape) + i
        slot = walk.tape.step(lambda v=full: jnp.asarray(v), [], [], full.shape)
        found.append(Term(walk.columns(index), slot))
    return tuple(found)


RNG = np.random.default_rng(5)
N, SHAPE, SIZE = 6, (2, 3), 6
SUMS: dict[str, list[Any]] = {
    "equal": [RNG.integers(0, N, (2, *SHAPE))] * 2,
    "gaps apart": [
        [[[0, -1, 2], [3, 4, -1]]],
        [[[-1, 1, -1], [-1, -1, 5]]],
    ],
    "gaps that overlap": [
        [[[0, -1, 2], [3, 4, -1]]],
        [[[0, 1, -1], [3, -1, 5]]],
    ],
    "of two widths": [
        RNG.integers(-1, N, (3, *SHAPE)),
        RNG.integers(-1, N, (1, *SHAPE)),
    ],
    "dense and not": [
        np.arange(N).reshape(N, 1, 1),
        RNG.integers(0, N, (1, *SHAPE)),
    ],
    "dense with gaps": [np.asarray([3, -1, 0, 3]).reshape(4, 1, 1)],
    "blocks": [
        np.asarray([[[0, 2, 4], [2, 0, 4]], [[1, 3, 5], [3, 1, 5]]]),
    ],
    "many": [RNG.integers(-1, N, (1 + i % 3, *SHAPE)) for i in range(9)],
    "many, stretched": [RNG.integers(-1, N, (2, 2, 1)) for _ in range(9)],
    "one column in all": [np.full((2, *SHAPE), 3)] * 8,
    "absent": [np.full((1, *SHAPE), -1)],
}


def added(terms: Terms, values: Any) -> np.ndarray:
    """The sum of terms, entry by entry."""
    dense = np.zeros((*SHAPE, N))
    for t in terms:
        full = np.broadcast_to(t.columns.index, (t.k, *SHAPE))
        entries = np.broadcast_to(values(t), full.shape)
        for place in np.ndindex(full.shape):
            if full[place] >= 0:
                dense[(*place[1:], full[place])] += entries[place]
    return dense


@pytest.mark.parametrize("name", SUMS)
def test_terms_that_are_merged_keep_their_sum(name: str) -> None:
    dtype = np.dtype(np.float64)
    walk = Propagation(Tape(), N, dtype)
    terms = terms_of(walk, *SUMS[name])
    merged = walk.merged(terms)
    values = computed(walk.tape, slots_of(terms, merged))
    expected = added(terms, values)
    assert sum(t.k for t in merged) <= sum(t.k for t in terms)
    for found in (terms, walk.distinct(terms), merged):
        values = computed(walk.tape, slots_of(found))
        np.testing.assert_allclose(added(found, values), expected, 1e-12)
        dense = dense_block(found, values, SHAPE, 0, N, dtype)
        np.testing.assert_allclose(dense, expected, 1e-12)
        for left, n in ((0, 2), (1, 4), (3, 3), (2, 0)):
            part = dense_block(found, values, SHAPE, left, n, dtype)
            np.testing.assert_allclose(part, expected[..., left : left + n], 1e-12)


@pytest.mark.parametrize("name", SUMS)
def test_rows_are_compressed_as_scipy_does(name: str) -> None:
    dtype = np.dtype(np.float64)
    walk = Propagation(Tape(), N, dtype)
    terms = terms_of(walk, *SUMS[name])
    values = computed(walk.tape, slots_of(terms))
    places: Entries = entries_of(terms, SHAPE)
    sparse = SparseEntries(places.rows, places.columns, ((terms, places, SHAPE),))
    data = np.asarray(sparse.values(values, dtype))
    order, columns, starts = sparse.by_rows(SIZE)
    theirs = scipy.sparse.coo_array(
        (data, (places.rows, places.columns)), shape=(SIZE, N)
    ).tocsr()
    theirs.sort_indices()
    np.testing.assert_array_equal(columns, theirs.indices)
    np.testing.assert_array_equal(starts, theirs.indptr)
    np.testing.assert_array_equal(data if order is None else data[order], theirs.data)
    np.testing.assert_allclose(
        theirs.toarray().reshape(*SHAPE, N), added(terms, values), 1e-12
    )


WIDE, LONG = 1 << 13, 1 << 14


def halves(x: Any) -> Any:
    """The sums of two halves, many times over: two rows of half the columns."""
    return jnp.broadcast_to(jnp.sum(x.reshape(2, -1), 1)[:, None], (2, LONG))


EVERY_THIRD = np.arange(2 * LONG).reshape(2, LONG) % 3 == 0
TOO_WIDE = {
    "select": lambda x: jnp.where(EVERY_THIRD, halves(x), 0.0),
    "reshape": lambda x: halves(x).reshape(-1),
    "reverse": lambda x: halves(x).reshape(LONG, 2)[::-1],
    "pad": lambda x: jnp.pad(halves(x), 1),
}


@pytest.mark.parametrize("name", TOO_WIDE)
def test_columns_that_are_too_many_are_never_made(name: str) -> None:
    tracemalloc.start()
    with pytest.raises(TooWideError):
        Walked(TOO_WIDE[name], WIDE)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 26
