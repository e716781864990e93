"""Counted whiles become the scans that their authors would have written."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal, check_jaxpr, jaxprs_in_params
from jax.extend.core import primitives as p

from benchmarks.programs import differential, random_field, recurrent, statistical
from irad_passes import as_scans, dce
from irad_passes._compat import scan_counts
from tests.passes.laws import check_laws, count
from tests.passes.lowering import with_whiles
from tests.passes.programs import one, x3, x23


class Shape(NamedTuple):
    """How many steps a scan takes, from which end, and how many of each part it has."""

    length: int
    reverse: bool
    consts: int
    carries: int
    xs: int
    ys: int


def scans(jaxpr: Jaxpr) -> Iterator[Shape]:
    """The scans of a program, those in bodies before the ones around them."""
    for eqn in jaxpr.eqns:
        for inner in jaxprs_in_params(eqn.params):
            yield from scans(inner)
        if eqn.primitive is p.scan_p:
            consts, carries = scan_counts(eqn.params)
            xs = len(eqn.invars) - consts - carries
            ys = len(eqn.outvars) - carries
            length, reverse = eqn.params["length"], eqn.params["reverse"]
            yield Shape(length, reverse, consts, carries, xs, ys)


def checked(closed: ClosedJaxpr, args: Any) -> list[Shape]:
    """The scans that a program has after the pass, which keeps its values."""
    new = check_laws(as_scans, closed.jaxpr, closed.consts, jax.tree.leaves(args))
    return [*scans(new)]


# Programs with scans ------------------------------------------------------------------


def plain(x: Any) -> Any:
    return lax.scan(lambda c, r: (c + r, c * r), x[0], x)


def from_the_end(x: Any) -> Any:
    return lax.scan(lambda c, r: (c + r, c * r), x[0], x, reverse=True)


def without_slices(x: Any) -> Any:
    return lax.scan(lambda c, _: (jnp.sin(c), c), x, length=4)


def without_results(x: Any) -> Any:
    return lax.scan(lambda c, r: (c * r, None), x[0], x)[0]


def without_carries(x: Any) -> Any:
    return lax.map(jnp.sin, x)


def with_constants(w: Any, x: Any) -> Any:
    return lax.scan(lambda c, r: (jnp.tanh(w @ c + r), (c, r * 2.0)), x[0], x)


def nested(x: Any) -> Any:
    def outer(c: Any, r: Any) -> Any:
        total, rows = lax.scan(lambda s, v: (s * v + c, s), one, r)
        return c + total, (rows, total)

    return lax.scan(outer, one, x, reverse=True)


def of_one_step(x: Any) -> Any:
    return lax.scan(lambda c, r: (c * r, c), x[0], x[:1])


def of_no_step(x: Any) -> Any:
    return lax.scan(lambda c, _: (jnp.sin(c), None), x, length=0)[0]


def of_integers_and_keys(n: Any) -> Any:
    keys = jax.random.split(jax.random.key(0), 4)

    def step(c: Any, row: Any) -> Any:
        key, i = row
        return c + i, jax.random.key_data(key)

    return lax.scan(step, n[0], (keys, n))


def in_a_call(x: Any) -> Any:
    return jax.jit(lambda x: lax.scan(lambda c, r: (c * r, c), x[0], x))(x)


SCANS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    function.__name__: (function, args)
    for function, args in [
        (plain, (x23,)),
        (from_the_end, (x23,)),
        (without_slices, (x3,)),
        (without_results, (x23,)),
        (without_carries, (x3,)),
        (with_constants, (jnp.ones((3, 3)), x23)),
        (nested, (x23,)),
        (of_one_step, (x23,)),
        (of_no_step, (x3,)),
        (of_integers_and_keys, (jnp.arange(4),)),
        (in_a_call, (x3,)),
    ]
}
MODELS = [
    program
    for module in (recurrent, differential, random_field, statistical)
    for program in module.programs("small")
]


@pytest.mark.parametrize("name", SCANS)
def test_a_lowered_scan_comes_back(name: str) -> None:
    function, args = SCANS[name]
    closed = jax.make_jaxpr(function)(*args)
    lowered = with_whiles(closed)
    assert count(lowered.jaxpr, p.scan_p) == 0
    assert checked(lowered, args) == [*scans(dce(closed.jaxpr))]


@pytest.mark.parametrize("program", MODELS, ids=lambda program: program.name)
@pytest.mark.usefixtures("float32", "standard_promotion")
def test_the_loops_of_models_come_back(program: Any) -> None:
    closed = jax.make_jaxpr(program.make())(*program.arguments())
    lowered = with_whiles(closed)
    assert count(lowered.jaxpr, p.scan_p) == 0
    new = as_scans(lowered.jaxpr)
    check_jaxpr(new)
    assert [*scans(new)] == [*scans(dce(closed.jaxpr))]


# How many steps -----------------------------------------------------------------------

COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.ne]
RANGES = [
    (0, 1, 5),
    (0, 1, 0),
    (0, 1, 1),
    (0, 2, 5),
    (-4, 3, 5),
    (5, -1, 0),
    (5, -2, 0),
    (3, -3, -7),
    (0, 0, 5),
    (100, 9, 127),
    (-100, -7, -128),
]


def trips(goes_on: Callable[[int], bool], start: int, step: int, ends: Any) -> int:
    """How many steps a loop takes, -1 if its counter leaves the type or never ends."""
    for k in range(300):
        i = start + k * step
        if not ends.min <= i <= ends.max:
            return -1
        if not goes_on(i):
            return k
    return -1


def lengths(jaxpr: Jaxpr) -> int:
    """How many steps the one loop takes, -1 if it is a while."""
    (eqn,) = (e for e in jaxpr.eqns if e.primitive in (p.scan_p, p.while_p))
    return eqn.params["length"] if eqn.primitive is p.scan_p else -1


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64])
@pytest.mark.parametrize("compare", COMPARISONS)
def test_steps_are_counted_where_no_counter_leaves_its_type(
    compare: Any, dtype: Any
) -> None:
    ends = np.iinfo(dtype)
    for start, step, bound in RANGES:
        if min(start, bound) < ends.min:
            continue

        numbers, down = (start, abs(step), bound), step < 0

        def loop(x: Any, numbers: Any = numbers, down: Any = down) -> Any:
            first, step, bound = map(dtype, numbers)

            def body(state: Any) -> Any:
                i, x = state
                return lax.sub(i, step) if down else lax.add(step, i), x * 2.0

            return lax.while_loop(lambda s: compare(s[0], bound), body, (first, x))

        jaxpr = jax.make_jaxpr(loop)(1.5).jaxpr
        new = as_scans(jaxpr)
        check_jaxpr(new)
        expected = trips(lambda i, b=bound: compare(i, b), start, step, ends)
        assert lengths(new) == expected
        if expected >= 0:
            last = new.outvars[0]
            assert isinstance(last, Literal)
            assert last.val == start + expected * step
            assert last.aval == jaxpr.outvars[0].aval


# Loops as they are written ------------------------------------------------------------


def upwards(n: int, step: Callable[[Any, Any], Any], s: Any, first: int = 0) -> Any:
    """The steps ``s = step(i, s)`` for i from ``first`` to n - 1."""
    start = (np.int32(first), s)
    return lax.while_loop(lambda c: c[0] < n, lambda c: (c[0] + 1, step(*c)), start)[1]


def downwards(n: int, step: Callable[[Any, Any], Any], s: Any) -> Any:
    """The same steps for i from n - 1 to 0."""
    start = (np.int32(n - 1), s)
    return lax.while_loop(lambda c: c[0] >= 0, lambda c: (c[0] - 1, step(*c)), start)[1]


def rows_in_and_out(x: Any) -> Any:
    def step(i: Any, s: Any) -> Any:
        total, y = s
        return total + x[i], y.at[i].set(jnp.sin(x[i]) * total)

    return upwards(2, step, (x[0], jnp.zeros((2, 3))))


def last_to_first(x: Any) -> Any:
    return downwards(3, lambda i, s: s * 0.5 + x[i], one)


def both_ends(x: Any) -> Any:
    def step(i: Any, s: Any) -> Any:
        return s[0] * x[2 - i], lax.dynamic_update_index_in_dim(s[1], x[i], 2 - i, 0)

    return upwards(3, step, (one, jnp.zeros(3)))


def against_most(x: Any) -> Any:
    def step(i: Any, s: Any) -> Any:
        a, b, c = x[i], x[i + 1], s[1].at[2 - i].set(s[0])
        return a * s[0] + b, c

    x = jnp.concatenate([x, x[:1]])
    return upwards(3, step, (one, jnp.zeros(3)))


def a_window(x: Any) -> Any:
    return upwards(3, lambda i, s: s + x[i] * x[i - 1], one, first=1)


def every_other(x: Any) -> Any:
    def body(c: Any) -> Any:
        i, s = c
        return i + 2, s * x[1, i]

    return lax.while_loop(lambda c: c[0] < 3, body, (0, one))


def every_other_row(x: Any) -> Any:
    return upwards(2, lambda i, s: s * 0.5 + x[2 * i], x[0])


def rows_and_the_whole(x: Any) -> Any:
    return upwards(2, lambda i, s: s + x[i] * jnp.sum(x), x[0])


def written_and_read(x: Any) -> Any:
    return upwards(3, lambda i, y: y.at[i].set(y[i - 1] + 1.0), x)


def written_in_part(x: Any) -> Any:
    return upwards(3, lambda i, y: y.at[i].set(1.0), x, first=1)


def outside(x: Any) -> Any:
    return upwards(3, lambda i, s: s + x[i + 1], one)


def two_columns(x: Any) -> Any:
    return upwards(
        2, lambda i, s: s + lax.dynamic_slice(x, (i, jnp.int32(1)), (1, 2)), x[:1, 1:]
    )


def handed_on(x: Any) -> Any:
    def body(c: Any) -> Any:
        i, n, w, s = c
        return i + 1, n, w, s * w

    return lax.while_loop(lambda c: c[0] < c[1], body, (0, 4, x, x))


def numbers_used_afterwards(x: Any) -> Any:
    def body(c: Any) -> Any:
        i, j, s = c
        return i + 1, j - 2, s * i

    i, j, s = lax.while_loop(lambda c: c[0] != 4, body, (1, jnp.int32(9), x[0]))
    return i, j, s * i


def bounds_from_calls(x: Any) -> Any:
    @jax.jit
    def run(n: Any, x: Any) -> Any:
        return lax.fori_loop(0, n - 1, lambda i, s: s * x[i] + one, one)

    return run(4, x), run(3, x)


def bounds_from_loops(x: Any) -> Any:
    def outer(c: Any) -> Any:
        k, n, s = c
        inner = lax.fori_loop(jnp.int32(0), n, lambda i, s: s * x[i], s)
        return k + 1, n, inner + x[k]

    return lax.while_loop(lambda c: c[0] < 2, outer, (0, jnp.int32(3), one))[2]


def never(x: Any) -> Any:
    return upwards(0, lambda i, s: (s[0] + x[i], x * 2.0), (one, x))


def once(x: Any) -> Any:
    return downwards(1, lambda i, y: y.at[i].set(jnp.sin(x[0])), x[:1])


def wide_counters(x: Any) -> Any:
    def body(c: Any) -> Any:
        i, s = c
        row = lax.dynamic_index_in_dim(x, i.astype(jnp.int8), keepdims=False)
        return i + jnp.uint32(1), s + row

    return lax.while_loop(lambda c: c[0] <= 1, body, (jnp.uint32(0), x[0]))


def clamped_counters(x: Any) -> Any:
    def step(i: Any, s: Any) -> Any:
        at = jnp.clip(jnp.minimum(jnp.maximum(i, 0), 7), 0, 1)
        return s + lax.dynamic_slice(x, (at, jnp.int32(0)), (1, 3))

    return upwards(2, step, x[:1])


WRITTEN: list[tuple[Callable[..., Any], Any, list[tuple[Any, ...]]]] = [
    (rows_in_and_out, x23, [(2, False, 0, 1, 1, 1)]),
    (last_to_first, x3, [(3, True, 0, 1, 1, 0)]),
    (both_ends, x3, [(3, True, 0, 1, 2, 1)]),
    (against_most, x3, [(3, False, 0, 1, 2, 1)]),
    (a_window, x3, [(2, False, 0, 1, 2, 0)]),
    (every_other, x23, [(2, False, 1, 2, 0, 0)]),
    (every_other_row, jnp.arange(8.0).reshape(4, 2), [(2, False, 0, 1, 1, 0)]),
    (rows_and_the_whole, x23, [(2, False, 1, 2, 0, 0)]),
    (written_and_read, x3, [(3, False, 0, 2, 0, 0)]),
    (written_in_part, x3, [(2, False, 0, 2, 0, 0)]),
    (outside, x3, [(3, False, 1, 2, 0, 0)]),
    (two_columns, x23, [(2, False, 1, 2, 0, 0)]),
    (handed_on, x3, [(4, False, 1, 1, 0, 0)]),
    (numbers_used_afterwards, jnp.arange(3), [(3, False, 0, 2, 0, 0)]),
    (bounds_from_calls, x3, [(3, False, 1, 1, 1, 0), (2, False, 1, 1, 1, 0)]),
    (bounds_from_loops, x3, [(3, False, 0, 1, 1, 0), (2, False, 1, 2, 0, 0)]),
    (never, x3, [(0, False, 1, 3, 0, 0)]),
    (once, x3, [(1, True, 1, 0, 0, 1)]),
    (wide_counters, x23, [(2, False, 0, 1, 1, 0)]),
    (clamped_counters, x23, [(2, False, 0, 1, 1, 0)]),
]


@pytest.mark.parametrize(("function", "x", "expected"), WRITTEN)
def test_a_written_loop_becomes_the_scan_it_is(
    function: Any, x: Any, expected: Any
) -> None:
    assert checked(jax.make_jaxpr(function)(x), x) == expected


def by_squares(x: Any) -> Any:
    return lax.while_loop(
        lambda c: c[0] ** 2 < 9, lambda c: (c[0] + 1, c[1] * 2), (0, x)
    )


def by_floats(x: Any) -> Any:
    return lax.while_loop(
        lambda c: c[0] < 3.0, lambda c: (c[0] + 1, c[1] * 2), (0.0, x)
    )


def by_doubling(x: Any) -> Any:
    return lax.while_loop(lambda c: c[0] < 9, lambda c: (c[0] * 2, c[1] * 2), (1, x))


def by_the_data(x: Any) -> Any:
    return lax.while_loop(lambda s: jnp.sum(s) < 9.0, lambda s: s + 1.0, x)


def from_the_data(x: Any) -> Any:
    return lax.fori_loop(jnp.argmax(x), 3, lambda i, s: s * 2.0, x)


def by_uneven_steps(x: Any) -> Any:
    def body(c: Any) -> Any:
        i, s = c
        return i + jnp.where(s[0] > 0, 1, 2), s * 2.0

    return lax.while_loop(lambda c: c[0] < 9, body, (0, x))


def until_both(x: Any) -> Any:
    def goes_on(c: Any) -> Any:
        return (c[0] < 9) & (jnp.sum(c[1]) < 9.0)

    return lax.while_loop(goes_on, lambda c: (c[0] + 1, c[1] + 1.0), (0, x))


def of_two_lengths(x: Any) -> Any:
    n = x[:2].astype(jnp.int32)
    return jax.vmap(lambda n: upwards(n, lambda i, s: s * 2.0, one))(n)


def printing(x: Any) -> Any:
    def step(i: Any, s: Any) -> Any:
        jax.debug.print("{}", i)
        return s * 2.0

    return upwards(3, step, x)


@pytest.mark.parametrize(
    "function",
    [
        by_squares,
        by_floats,
        by_doubling,
        by_the_data,
        from_the_data,
        by_uneven_steps,
        until_both,
        of_two_lengths,
        printing,
    ],
)
def test_a_loop_without_a_count_or_with_effects_stays(function: Any) -> None:
    jaxpr = jax.make_jaxpr(function)(x3).jaxpr
    assert as_scans(jaxpr) is jaxpr


def test_a_loop_over_shards_that_names_an_axis_is_counted() -> None:
    mesh = jax.make_mesh((2,), ("i",), axis_types=(jax.sharding.AxisType.Auto,))
    spec = jax.sharding.PartitionSpec("i")

    def shard(x: Any) -> Any:
        return upwards(3, lambda i, s: lax.psum(s, "i") * x, x)

    whole = jax.shard_map(shard, mesh=mesh, in_specs=spec, out_specs=spec)
    closed = jax.make_jaxpr(whole)(jnp.arange(4.0))
    new = as_scans(closed.jaxpr)
    check_jaxpr(new)
    assert [(s.length, s.consts, s.carries) for s in scans(new)] == [(3, 1, 1)]
    found = jax.core.eval_jaxpr(new, closed.consts, jnp.arange(4.0))
    np.testing.assert_array_equal(found[0], whole(jnp.arange(4.0)))
