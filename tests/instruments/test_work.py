"""The counter against programs whose operations can be counted by hand."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from irad.instruments.hlo import HloSyntaxError, digest, parse
from irad.instruments.work import Work, work


def compiled(fun, *shapes, dtype="float32") -> str:
    arguments = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
    text = jax.jit(fun).lower(*arguments).compile().as_text()
    assert text is not None
    return text


def count(fun, *shapes, dtype="float32") -> Work:
    return work(compiled(fun, *shapes, dtype=dtype))


def power(x, w, *, length):
    """One product with w a step."""
    return lax.fori_loop(0, length, lambda _, x: x @ w, x)


def nested(x, w):
    def outer(x, _):
        x, _ = lax.scan(lambda x, _: (x @ w, None), x, length=5)
        return x @ w, None

    return lax.scan(outer, x, length=7)[0]


def image(x, kernel, *, padding: Any = "VALID", strides=(1, 1), groups=1, spread=None):
    numbers = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        padding,
        dimension_numbers=numbers,
        feature_group_count=groups,
        lhs_dilation=spread,
    )


def transposed(x, kernel):
    return image(x, kernel, padding=((1, 1), (1, 1)), spread=(2, 2))


FLOPS = [
    ("dot", lambda a, b: a @ b, [(3, 5), (5, 7)], 2 * 3 * 5 * 7),
    (
        "batched dot",
        lambda a, b: jnp.einsum("bij,bjk->bik", a, b),
        [(4, 3, 5), (4, 5, 7)],
        2 * 4 * 3 * 5 * 7,
    ),
    (
        "dot in a loop",
        lambda x, w: power(x, w, length=11),
        [(3, 8), (8, 8)],
        11 * 2 * 3 * 8 * 8,
    ),
    ("loops in a loop", nested, [(3, 8), (8, 8)], 7 * 6 * 2 * 3 * 8 * 8),
    (
        "convolution",
        image,
        [(2, 8, 8, 3), (3, 3, 3, 4)],
        2 * 2 * 6 * 6 * 4 * 3 * 3 * 3,
    ),
    (
        "padding meets nothing",
        lambda x, k: image(x, k, padding="SAME"),
        [(2, 8, 8, 3), (3, 3, 3, 4)],
        2 * 2 * 22 * 22 * 3 * 4,
    ),
    (
        "strided convolution",
        lambda x, k: image(x, k, strides=(2, 2)),
        [(1, 9, 9, 3), (3, 3, 3, 4)],
        2 * 4 * 4 * 9 * 3 * 4,
    ),
    (
        "grouped convolution",
        lambda x, k: image(x, k, groups=3),
        [(1, 5, 5, 6), (3, 3, 2, 9)],
        2 * 3 * 3 * 9 * 2 * 9,
    ),
    (
        "holes of a dilated operand meet nothing",
        transposed,
        [(1, 4, 4, 3), (3, 3, 3, 2)],
        2 * 10 * 10 * 3 * 2,
    ),
    ("elementwise", lambda x, y: x * y + x, [(6, 7), (6, 7)], 2 * 6 * 7),
    ("reduction", jnp.sum, [(6, 7)], 6 * 7 - 1),
    (
        "maxima over windows",
        lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (2, 3), (2, 3), "VALID"),
        [(8, 9)],
        4 * 3 * 5,
    ),
    (
        "scattered sums",
        lambda x, y: x.at[jnp.array([5, 2, 0])].add(y),
        [(9, 4), (3, 4)],
        12,
    ),
    ("moving", lambda x: jnp.transpose(x)[::-1, 1:], [(6, 7)], 0),
]


@pytest.mark.parametrize(
    ("fun", "shapes", "flops"),
    [row[1:] for row in FLOPS],
    ids=[row[0] for row in FLOPS],
)
def test_flops_are_those_counted_by_hand(fun, shapes, flops):
    counted = count(fun, *shapes)
    assert counted.flops == flops
    assert not counted.uncounted


def test_a_loop_costs_its_length_in_bytes_too():
    short = count(lambda x, w: power(x, w, length=10), (64, 64), (64, 64))
    long = count(lambda x, w: power(x, w, length=20), (64, 64), (64, 64))
    step = (long.bytes - short.bytes) / 10
    product = 3 * 64 * 64 * 4
    assert product <= step <= 2 * product


def test_a_step_of_a_scan_reads_and_writes_slices_alone():
    def running(xs):
        return lax.scan(lambda c, x: (c + x, c + x), xs[0], xs)[1]

    counted = count(running, (1000, 256))
    entry, whole = 4 * 256, 4 * 256 * 1000
    # Each step reads and writes a few rows; whole arrays move a few times in all.
    assert counted.bytes < 1000 * 8 * entry + 6 * whole


def test_functions_are_counted_apart_as_well():
    counted = count(lambda x: jnp.tanh(x) * x, (6, 7))
    assert (counted.flops, counted.transcendentals) == (2 * 42, 42)


def test_integers_are_no_flops():
    assert count(lambda x: x * x + 1, (6, 7), dtype="int32").flops == 0


def test_complex_products_cost_six_and_sums_two():
    counted = count(lambda x, y: x * y + x, (5,), (5,), dtype="complex64")
    assert counted.flops == 5 * (6 + 2)


def test_factorizations_follow_the_textbook():
    counted = count(lambda x: jnp.linalg.cholesky(x, symmetrize_input=False), (30, 30))
    assert counted.flops == pytest.approx(30**3 / 3, rel=0.2)
    solved = count(
        lambda x, b: jax.scipy.linalg.solve_triangular(x, b, lower=True),
        (30, 30),
        (30, 4),
    )
    assert solved.flops == pytest.approx(30 * 30 * 4, rel=0.2)


WHILE = """\
HloModule while

%body (p: (s32[], f32[4])) -> (s32[], f32[4]) {
  %p = (s32[], f32[4]{0}) parameter(0)
  %i = s32[] get-tuple-element(%p), index=0
  %x = f32[4]{0} get-tuple-element(%p), index=1
  %twice = f32[4]{0} add(%x, %x)
  ROOT %out = (s32[], f32[4]{0}) tuple(%i, %twice)
}

%cond (q: (s32[], f32[4])) -> pred[] {
  %q = (s32[], f32[4]{0}) parameter(0)
  ROOT %go = pred[] constant(true)
}

ENTRY %main (a: (s32[], f32[4])) -> (s32[], f32[4]) {
  %a = (s32[], f32[4]{0}) parameter(0)
  ROOT %w = (s32[], f32[4]{0}) while(%a), condition=%cond, body=%body CONFIG
}
"""


def test_a_loop_of_unknown_length_is_said_to_be_uncounted():
    known = WHILE.replace("CONFIG", ', backend_config={"known_trip_count":{"n":"9"}}')
    assert work(known) == Work(flops=36, bytes=9 * 2 * 16)
    unknown = work(WHILE.replace("CONFIG", ""))
    assert unknown.uncounted == {"while"}


def test_an_unknown_operation_is_said_to_be_uncounted():
    strange = WHILE.replace(" add(", " convolve-by-magic(").replace("CONFIG", "")
    assert "convolve-by-magic" in work(strange).uncounted


def test_text_that_does_not_fit_the_grammar_is_an_error():
    with pytest.raises(HloSyntaxError):
        parse("HloModule empty")
    with pytest.raises(HloSyntaxError):
        parse(WHILE.replace("%twice = ", "%twice is "))


def test_programs_that_differ_in_names_alone_share_a_digest():
    def named(x):
        return jnp.sum(jnp.tanh(x) * 2)

    def otherwise(y):
        doubled = jnp.tanh(y) * 2
        return jnp.sum(doubled)

    ours, theirs = compiled(named, (8,)), compiled(otherwise, (8,))
    assert ours != theirs
    assert digest(parse(ours)) == digest(parse(theirs)) is not None


def test_programs_that_differ_in_a_number_do_not_share_a_digest():
    twice = digest(parse(compiled(lambda x: jnp.sum(jnp.tanh(x) * 2), (8,))))
    thrice = digest(parse(compiled(lambda x: jnp.sum(jnp.tanh(x) * 3), (8,))))
    assert twice != thrice


def test_a_constant_left_out_of_the_text_leaves_the_digest_open():
    table = np.random.default_rng(0).normal(size=(40, 40)).astype(np.float32)
    assert digest(parse(compiled(lambda x: x @ table, (40, 40)))) is None
