"""Partition: two programs that are the whole, at the least price of all."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import compress, product
from math import inf
from operator import not_
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax import lax
from jax.experimental import io_callback
from jax.extend.core import Jaxpr, JaxprEqn, Literal, Var, check_jaxpr
from jax.extend.core import primitives as p

from irad_passes import Boundary, Partition, Price, dce, partition
from irad_passes.effects import is_pure
from tests.passes.evaluation import bits, evaluate
from tests.passes.laws import count
from tests.passes.test_random import Step, pick, places, programs, run

X = np.asarray([0.5, -1.25, 2.0])
Y = np.asarray([1.5, 0.0, -0.25])
C = np.asarray([-0.5, 1.0, 3.0])


def size(v: Var) -> float:
    return float(v.aval.size * v.aval.dtype.itemsize)


KEEP_LEAST = Price(kept=size, computed=lambda _: 0.0)
KEEP_ALL = Price(kept=lambda _: 0.0, computed=lambda _: 1.0)
PRICES = {"keep the least": KEEP_LEAST, "compute nothing again": KEEP_ALL}


@dataclass(frozen=True)
class Whole:
    """A traced program whose first inputs and outputs are before, and its values."""

    jaxpr: Jaxpr
    consts: Sequence[Any]
    args: Sequence[Any]
    boundary: Boundary


def traced(
    function: Callable[..., tuple[Sequence[Any], Sequence[Any]]],
    before: Sequence[Any],
    after: Sequence[Any],
    free: Collection[int] = (),
) -> Whole:
    """``function`` gives its outputs before and those after, as two sequences."""
    n = len(before)
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*before, *after)
    boundary = Boundary(n, len(shape[0]), tuple(i in free for i in range(n)))
    return Whole(closed.jaxpr, closed.consts, (*before, *after), boundary)


def check(whole: Whole, price: Price) -> Partition:
    """The partition, after both programs gave what the whole gives."""
    boundary = whole.boundary
    parts = partition(whole.jaxpr, boundary=boundary, price=price)
    check_jaxpr(parts.first)
    check_jaxpr(parts.second)
    n, m = boundary.inputs, boundary.outputs
    before, after = whole.args[:n], whole.args[n:]
    results = evaluate(parts.first, whole.consts, before)
    y, kept = results[:m], results[m:]
    assert len(kept) == len(parts.kept)
    free = [x for x, on in zip(before, boundary.free, strict=True) if on]
    results = evaluate(parts.second, whole.consts, [*kept, *free, *after])
    expected = evaluate(whole.jaxpr, whole.consts, whole.args)
    assert bits([*y, *results]) == bits(expected)
    return parts


def paid(parts: Partition, price: Price) -> float:
    return sum(map(price.kept, parts.kept)) + sum(map(price.computed, parts.again))


# The least price ---------------------------------------------------------------------


def cheapest(whole: Whole, price: Price) -> float:
    """The least that any choice of kept variables costs, all of them tried."""
    jaxpr, n, m = dce(whole.jaxpr), whole.boundary.inputs, whole.boundary.outputs
    late = set(jaxpr.invars[n:])
    needed = variables(jaxpr.outvars[m:])
    early: list[JaxprEqn] = []
    for eqn in jaxpr.eqns:
        if late.isdisjoint(variables(eqn.invars)):
            early.append(eqn)
        else:
            late.update(eqn.outvars)
            needed |= variables(eqn.invars)
    needed -= {*late, *jaxpr.constvars}
    needed -= set(compress(jaxpr.invars[:n], whole.boundary.free))
    priced = set(compress(jaxpr.invars[:n], map(not_, whole.boundary.free)))
    candidates = [*priced, *(y for eqn in early for y in eqn.outvars)]
    choices = product((False, True), repeat=len(candidates))
    kept = (set(compress(candidates, choice)) for choice in choices)
    outputs = variables(jaxpr.outvars[:m])
    return min(cost(early, outputs, needed, priced, k, price) for k in kept)


def cost(
    early: Sequence[JaxprEqn],
    outputs: set[Var],
    needed: set[Var],
    priced: set[Var],
    kept: set[Var],
    price: Price,
) -> float:
    """What it costs to keep some variables and to compute the rest of the needed."""
    second = ran(early, needed - kept, kept)
    reads = needed.union(*(variables(eqn.invars) for eqn in second))
    first = ran(early, outputs | kept, set())
    twice = [eqn for eqn in second if eqn in first]
    if not reads.isdisjoint(priced - kept) or not all(map(is_pure, twice)):
        return inf
    return sum(map(price.kept, kept)) + sum(map(price.computed, twice))


def ran(eqns: Sequence[JaxprEqn], wanted: set[Var], given: set[Var]) -> list[JaxprEqn]:
    """The equations that some variables need, with others given."""
    found = []
    for eqn in reversed(eqns):
        if not wanted.isdisjoint(eqn.outvars):
            found.append(eqn)
            wanted = wanted | (variables(eqn.invars) - given)
    return found


def variables(atoms: Sequence[Var | Literal]) -> set[Var]:
    return {x for x in atoms if isinstance(x, Var)}


def grown(x: Any, y: Any, name: str) -> list[Any]:
    """One or two arrays of other sizes, by one equation."""
    match name:
        case "sin":
            return [lax.sin(x)]
        case "mul" if x.shape == y.shape:
            return [lax.mul(x, y)]
        case "mul" | "join":
            return [lax.concatenate([x, y], 0)]
        case "halves" if x.size > 1:
            return lax.split(x, [1, x.size - 1])
        case "sum" | "halves":
            return [lax.reduce_sum(x, (0,)).reshape(1)]
        case _:
            raise AssertionError(name)


steps = st.tuples(
    st.sampled_from(["sin", "mul", "join", "halves", "sum"]), places, places
)


@st.composite
def bodies(draw: Callable[..., Any]) -> Whole:
    """A body of few equations before, and equations after that read some of them."""
    early = draw(st.lists(steps, min_size=1, max_size=6))
    outputs = draw(st.lists(places, max_size=3))
    reads = draw(st.lists(places, min_size=1, max_size=4))
    free = draw(st.sets(st.integers(0, 1)))

    def function(x: Any, y: Any, c: Any) -> Any:
        values = [x, y]
        for name, i, j in early:
            values += grown(pick(values, i), pick(values, j), name)
        late = [lax.mul(v := pick(values, i), lax.broadcast(c, v.shape)) for i in reads]
        return [pick(values[::-1], i) for i in outputs], late

    return traced(function, (X, Y[:2]), (np.float64(2.0),), free)


def priced_at_random(jaxpr: Jaxpr, seed: int, forbidden: float) -> Price:
    """Small integers, so that sums are exact, and sometimes infinity."""
    draw = random.Random(seed)

    def number() -> float:
        return inf if draw.random() < forbidden else draw.randrange(8)

    kept = {v: number() for v in jaxpr.invars}
    kept |= {v: number() for eqn in jaxpr.eqns for v in eqn.outvars}
    computed = {id(eqn): number() for eqn in jaxpr.eqns}
    return Price(kept.__getitem__, lambda eqn: computed[id(eqn)])


@given(whole=bodies())
def test_as_few_bytes_are_kept_as_can_be(whole: Whole) -> None:
    assert paid(check(whole, KEEP_LEAST), KEEP_LEAST) == cheapest(whole, KEEP_LEAST)


@given(whole=bodies(), seed=st.integers(0, 10**6), forbidden=st.sampled_from([0, 0.3]))
def test_no_other_choice_costs_less(whole: Whole, seed: int, forbidden: float) -> None:
    price = priced_at_random(whole.jaxpr, seed, forbidden)
    least = cheapest(whole, price)
    if least == inf:
        with pytest.raises(ValueError, match="may not be cut"):
            partition(whole.jaxpr, boundary=whole.boundary, price=price)
    else:
        assert paid(check(whole, price), price) == least


def test_an_equation_that_only_later_ones_need_is_run_once() -> None:
    """Computing the sine later is free unless its sum is kept: then it is run twice."""

    def function(x: Any, y: Any, c: Any) -> Any:
        z = lax.sin(x)
        return [], [c * jnp.sum(z * y), c * jnp.sum(z)]

    whole = traced(function, (X, Y), (np.float64(2.0),), free=(0,))
    sine = next(eqn for eqn in whole.jaxpr.eqns if eqn.primitive is p.sin_p)
    price = Price(size, lambda eqn: 1000.0 if eqn is sine else 0.0)
    parts = check(whole, price)
    assert count(parts.first, p.sin_p) + count(parts.second, p.sin_p) == 1
    assert paid(parts, price) == cheapest(whole, price) == 16.0


# Values and forms --------------------------------------------------------------------


@given(
    early=programs,
    late=programs,
    outputs=st.lists(places, max_size=3),
    reads=st.lists(places, min_size=1, max_size=3),
    free=st.sets(st.integers(0, 1)),
    seed=st.integers(0, 10**6),
)
def test_both_programs_of_random_ones_give_the_same_bits(
    early: list[Step],
    late: list[Step],
    outputs: list[int],
    reads: list[int],
    free: set[int],
    seed: int,
) -> None:
    def function(x: Any, y: Any, c: Any) -> Any:
        values = run(early, [x, y])
        later = run(late, [c, *(pick(values, i) for i in reads)])
        return [pick(values[::-1], i) for i in outputs], later[-3:]

    whole = traced(function, (X, Y), (C,), free)
    price = priced_at_random(whole.jaxpr, seed, 0.0)
    check(whole, Price(price.kept, lambda eqn: 1.0 + len(eqn.outvars)))


def outputs_of_all_kinds(x: Any, y: Any, c: Any) -> Any:
    """Inputs, literals and equal values as outputs, before and after."""
    z = lax.sin(x)
    return [x, 2.0, z, z, y], [c, 3.0, y, z, z, lax.cos(z), c * x, x]


def table(x: Any, y: Any, c: Any) -> Any:
    z = x * np.asarray([1.0, 2.0, 4.0])
    return [z], [c * z * np.asarray([3.0, 5.0, 7.0]) * y]


def keys(x: Any, y: Any, c: Any) -> Any:
    key = jax.random.key(0)
    noise = jax.random.normal(key, (3,))
    return [x * noise], [c * noise * y, jax.random.fold_in(key, 1)]


def loops(x: Any, y: Any, c: Any) -> Any:
    def step(carry: Any, row: Any) -> Any:
        return lax.sin(carry) * row, carry

    last, rows = lax.scan(step, x, jnp.stack([x, y]))
    halved = lax.while_loop(lambda s: jnp.sum(s) > 1.0, lambda s: s * 0.5, x)
    chosen = lax.cond(jnp.sum(y) > 0, lax.sin, lax.cos, halved)
    called = jax.jit(lambda a: (a * 2.0, lax.exp(a)))(chosen)
    return [last], [c * rows[1] * called[1], called[0]]


def nothing_after(x: Any, y: Any, c: Any) -> Any:
    return [x * y], []


def nothing_before(x: Any, y: Any, c: Any) -> Any:
    return [], [lax.sin(x) * c * y]


def dead_code_after(x: Any, y: Any, c: Any) -> Any:
    dead = lax.exp(x) * c
    del dead
    return [lax.sin(x)], [c * y]


FORMS = [
    outputs_of_all_kinds, table, keys, loops, nothing_after, nothing_before,
    dead_code_after,
]  # fmt: skip


@pytest.mark.parametrize("free", [(), (0,), (0, 1)], ids=str)
@pytest.mark.parametrize("price", PRICES)
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
def test_both_programs_give_the_same_bits(
    form: Callable[..., Any], price: str, free: Collection[int]
) -> None:
    check(traced(form, (X, Y), (C,), free), PRICES[price])


@pytest.mark.parametrize("price", PRICES)
def test_arrays_may_be_empty(price: str) -> None:
    empty = np.zeros((0, 3))
    check(traced(table, (empty, empty), (C,)), PRICES[price])


def test_what_nothing_reads_later_is_not_kept() -> None:
    parts = check(traced(dead_code_after, (X, Y), (C,)), KEEP_ALL)
    assert [v.aval.shape for v in parts.kept] == [(3,)]
    assert not count(parts.first, p.exp_p)


def test_constants_and_free_inputs_are_not_kept() -> None:
    assert not check(traced(table, (X, Y), (C,), free=(0, 1)), KEEP_LEAST).kept


def test_nothing_is_kept_for_a_program_without_outputs() -> None:
    parts = check(traced(nothing_after, (X, Y), (C,)), KEEP_ALL)
    assert not parts.kept
    assert not parts.second.eqns


# Effects -----------------------------------------------------------------------------


def test_effects_are_run_once_and_in_order() -> None:
    seen: list[str] = []

    def tell(name: str, x: Any) -> Any:
        def told(x: Any) -> Any:
            seen.append(name)
            return np.asarray(x)

        return io_callback(told, jax.typeof(x), x, ordered=True)

    def function(x: Any, y: Any, c: Any) -> Any:
        a = tell("a", x)
        jax.debug.callback(lambda _: seen.append("b"), y, ordered=True)
        z = tell("c", lax.sin(a))
        d = tell("d", z * c)
        jax.debug.callback(lambda _: seen.append("e"), d, ordered=True)
        return [z], [d * lax.cos(z) * a]

    whole = traced(function, (X, Y), (C,))
    for price in PRICES.values():
        seen.clear()
        parts = check(whole, price)
        assert seen == [*"abcde", *"abcde"]
        assert all(map(is_pure, parts.again))


def test_a_draw_is_not_made_twice() -> None:
    def function(x: Any, y: Any, c: Any) -> Any:
        z = p.rng_uniform_p.bind(x[0], x[2], shape=(3,))
        w = lax.optimization_barrier(lax.sin(z))
        return [z * y], [c * z, c * w, c * lax.cos(w)]

    jaxpr = traced(function, (X, Y), (C,)).jaxpr
    parts = partition(jaxpr, boundary=Boundary(2, 1, (True, True)), price=KEEP_LEAST)
    made = [*parts.first.eqns, *parts.second.eqns]
    assert sum(eqn.primitive is p.rng_uniform_p for eqn in made) == 1
    assert not count(parts.second, p.rng_uniform_p)


# Refusals ----------------------------------------------------------------------------


def test_mutable_arrays_are_refused() -> None:
    def function(x: Any, c: Any) -> Any:
        ref = jax.new_ref(x)
        ref[...] = ref[...] * 2.0
        return [ref[...]], [ref[...] * c]

    whole = traced(function, (X,), (C,))
    with pytest.raises(ValueError, match="mutable arrays"):
        partition(whole.jaxpr, boundary=whole.boundary, price=KEEP_LEAST)


def test_an_output_before_cannot_depend_on_an_input_after() -> None:
    whole = traced(lambda x, c: ([x * c], [c]), (X,), (C,))
    with pytest.raises(ValueError, match="depends on an input after"):
        partition(whole.jaxpr, boundary=whole.boundary, price=KEEP_LEAST)


def test_prices_that_forbid_everything_are_refused() -> None:
    whole = traced(nothing_before, (X, Y), (C,))
    with pytest.raises(ValueError, match="may not be cut"):
        partition(
            whole.jaxpr,
            boundary=whole.boundary,
            price=Price(lambda _: inf, lambda _: inf),
        )
