"""Whole derivatives: programs by hand, sides that are broken, and what is missed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import sparse as jax_sparse

import irad
from benchmarks.harness import derivatives
from benchmarks.harness.derivatives import Made, Way
from benchmarks.harness.matrices import agree_by_rows, matrix
from benchmarks.harness.peers import Peer, better_mode, peer
from benchmarks.harness.tables import plain
from benchmarks.programs import hessians, jacobians, models, versions
from benchmarks.programs.derivative import Derivative, Pattern
from benchmarks.programs.sensitivities import SHAPES, version
from benchmarks.suites import jacobians as suite
from benchmarks.suites.suite import measure
from irad.errors import DisagreementError
from irad.instruments import timing

pytestmark = pytest.mark.usefixtures("float32", "standard_promotion")

EVERY = [*jacobians("small"), *hessians("small")]
N = 6


def make():
    def fun(x):
        return x[1:] * jnp.sin(x[:-1])

    return fun


def by_hand(x):
    return jnp.concatenate([x[1:] * jnp.cos(x[:-1]), jnp.sin(x[:-1])])


def places():
    rows = np.arange(N - 1)
    return Pattern.union((rows, rows), (rows, rows + 1))


TINY = Derivative(
    name="tiny",
    make=make,
    arguments=lambda: (jnp.linspace(0.5, 1.5, N),),
    by_hand=by_hand,
    pattern=places,
    source="here",
)


def bcoo(fun):
    """A right sparse Jacobian of ``TINY``."""
    found = places()
    indices = np.stack([found.rows, found.columns], axis=1)
    return lambda x: jax_sparse.BCOO((by_hand(x), indices), shape=(N - 1, N))


def right(fun, *, format="dense"):
    return bcoo(fun) if format == "bcoo" else better_mode(fun)


def scaled(fun, *, format="dense"):
    made = right(fun, format=format)
    return lambda x: made(x) if format == "bcoo" else 1.001 * made(x)


def missing(fun, *, format="dense"):
    """Leaves out the last nonzero of the sparse format."""
    if format == "dense":
        return right(fun)

    def jacobian(x):
        found = bcoo(fun)(x)
        return jax_sparse.BCOO((found.data[:-1], found.indices[:-1]), shape=found.shape)

    return jacobian


def changed(change):
    """A Jacobian whose arrays, dense and of entries, are changed."""

    def broken(fun, *, format="dense"):
        if format == "dense":
            made = right(fun)
            return lambda x: change(made(x))

        def jacobian(x):
            found = bcoo(fun)(x)
            return jax_sparse.BCOO(
                (change(found.data), found.indices), shape=found.shape
            )

        return jacobian

    return broken


def misplaced(fun, *, format="dense"):
    """Has the right entries of the sparse format, one of them in the next row."""
    if format == "dense":
        return right(fun)

    def jacobian(x):
        found = bcoo(fun)(x)
        moved = jnp.asarray(found.indices).at[0, 0].add(1)
        return jax_sparse.BCOO((found.data, moved), shape=found.shape)

    return jacobian


BROKEN_SIDES = {
    "scaled": scaled,
    "missing": missing,
    "misplaced": misplaced,
    "rows exchanged": changed(lambda x: x[::-1]),
    "NaN in one place": changed(lambda x: x.at[2].multiply(jnp.nan)),
}


def failing(fun, *, format="dense"):
    if format == "dense":
        return right(fun)
    raise NotImplementedError("no colours\nand more lines")


def subject(jacobian):
    whole = {1: jacobian, 2: jax.hessian}
    return Peer(
        "ours",
        jax.grad,
        jax.value_and_grad,
        lambda: None,
        whole,
        ("dense", "bcoo", "values"),
    )


def outcome(jacobian, program=TINY):
    return measure(suite.JACOBIANS, [program], subject(jacobian), lambda _: None)


@pytest.fixture(autouse=True)
def once(monkeypatch):
    monkeypatch.setattr(timing, "SAMPLE", 0.0)
    monkeypatch.setattr(suite, "ROUNDS", timing.Rounds(least=1, most=1))
    monkeypatch.setattr(derivatives, "SPARSE", ())


@pytest.mark.parametrize(
    "program", [p for p in EVERY if p.by_hand], ids=lambda program: program.name
)
def test_by_hand_is_what_jax_computes(program):
    arguments, shape = program.arguments(), program.shape(program.arguments())
    fun = program.make() if program.order == 1 else jax.grad(program.make())
    reference = matrix(jax.jit(jax.jacfwd(fun))(*arguments), shape)
    pattern = program.pattern() if program.pattern else None
    ours = matrix(jax.jit(program.by_hand)(*arguments), shape, pattern)
    agree_by_rows(ours, reference, tolerance=program.tolerance)
    if pattern:
        assert len(set(zip(pattern.rows, pattern.columns, strict=True))) == ours.nnz


@pytest.mark.parametrize("program", EVERY, ids=lambda program: program.name)
def test_each_program_is_new_at_every_call(program):
    assert program.make() is not program.make()
    assert program.source


@pytest.mark.parametrize("programs", [jacobians, hessians])
def test_programs_have_the_same_names_in_both_sizes(programs):
    names = [program.name for program in programs("small")]
    assert names == [program.name for program in programs("full")]
    assert max(Counter(names).values()) == 1


@pytest.mark.parametrize("broken", BROKEN_SIDES.values(), ids=BROKEN_SIDES.keys())
def test_a_broken_side_of_ours_is_an_error_and_no_row(broken):
    found = outcome(broken)
    assert not found.table.rows
    (error,) = found.errors
    assert "tiny: ours" in error
    assert "values differ in row" in error or "has NaN" in error


def test_a_wrong_derivative_by_hand_is_an_error_and_no_row():
    found = outcome(right, replace(TINY, by_hand=lambda x: 2 * by_hand(x)))
    assert not found.table.rows
    assert "by hand: values differ" in found.errors[0]


def test_a_right_derivative_is_a_row_that_prints_and_is_json():
    found = outcome(right)
    (row,) = found.table.rows
    assert not found.errors
    assert row["sides"].keys() == {
        "ours dense",
        "ours bcoo",
        "ours values",
        "jacfwd",
        "jacrev",
        "by hand",
    }
    assert json.loads(json.dumps(row))["shape"] == [N - 1, N]
    text = plain(found.table)
    assert "5 x 6" in text
    assert "10 entries" in text
    assert len(found.table.cells()) == len(row["sides"])


def test_a_side_that_fails_says_how_and_is_missed():
    (row,) = outcome(failing).table.rows
    failure = "ours bcoo: NotImplementedError: no colours"
    assert row["left_out"]["ours bcoo"] == failure
    assert suite.missed(row)["ours values"] == ["absent"]


def test_another_library_that_is_wrong_is_left_out(monkeypatch):
    def doubled(program, _):
        return Made(lambda x: 2 * better_mode(program.make())(x))

    monkeypatch.setattr(derivatives, "SPARSE", (Way("other", doubled),))
    found = outcome(right)
    assert not found.errors
    (row,) = found.table.rows
    assert "other" not in row["sides"]
    assert "values differ" in row["left_out"]["other"]


def test_a_library_that_is_not_there_is_named(monkeypatch):
    def absent(program, _):
        return derivatives.library("no_such_library")

    monkeypatch.setattr(derivatives, "SPARSE", (Way("other", absent),))
    (row,) = outcome(right).table.rows
    assert row["left_out"] == {"other": "not installed"}


def test_what_needs_too_much_memory_is_left_out(monkeypatch):
    (program,) = (p for p in EVERY if p.name == "elementwise")
    monkeypatch.setattr(derivatives, "MEMORY", 10_000)
    found = measure(suite.JACOBIANS, [program], peer("jax"), lambda _: None)
    (row,) = found.table.rows
    assert row["sides"].keys() == {"by hand"}
    ours = {"jax dense", "jax bcoo", "jax values"}
    assert row["left_out"].keys() == {"jacfwd", "jacrev", *ours}
    assert row["left_out"]["jacrev"] == "the result alone: 40k bytes"
    assert suite.missed(row) == {"jax values": ["absent"]}


def test_what_takes_too_long_is_left_out(monkeypatch):
    monkeypatch.setattr(derivatives, "SECONDS", -1.0)
    with pytest.raises(derivatives.LeftOutError, match="one call takes"):
        derivatives.ready(derivatives.MODES[0], TINY, TINY.arguments())


def test_what_is_missed_stands_beside_the_side_that_shows_it():
    counted = {"flops": 100, "setup_s": 3.0}
    times = {"median": 2.0, "low": 1.8, "high": 2.2}
    slow = {**times, "same_program": False, "same_mode": False}
    row = {
        "program": "bundle adjustment",
        "ours": {"asdex": "ours bcoo", "by hand": "ours values"},
        "sides": dict.fromkeys(["ours bcoo", "ours values", "by hand"], counted),
        "beside": {"by hand": slow, "asdex": slow},
    }
    missed = suite.missed(row)
    assert missed == {"asdex": ["time 1"], "ours values": ["set-up 2 s"]}
    for equal in ("same_program", "same_mode"):
        same = {"asdex": {**slow, equal: True}}
        assert "asdex" not in suite.missed({**row, "beside": same})
    row = {**row, "program": "elementwise", "beside": {}}
    row["sides"] = {"ours values": {**counted, "flops": 120}, "by hand": counted}
    assert suite.missed(row) == {"by hand": ["flops 1.1"]}


def test_jax_tries_the_instrument_out():
    found = measure(suite.JACOBIANS, [TINY], peer("jax"), lambda _: None)
    (row,) = found.table.rows
    assert row["beside"]["jacrev"]["same_program"]
    assert row["left_out"]["jax bcoo"] == "jax has no such format"


def test_every_format_is_the_same_matrix():
    x = TINY.arguments()[0]
    dense = matrix(jax.jacfwd(make())(x), (N - 1, N))
    for other in (
        matrix(bcoo(make())(x), (N - 1, N)),
        matrix(by_hand(x), (N - 1, N), places()),
    ):
        np.testing.assert_allclose(other.toarray(), dense.toarray(), rtol=1e-6)


def test_an_array_of_higher_rank_is_rows_of_outputs_by_columns_of_inputs():
    dense = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    indices = np.stack(np.indices(dense.shape), axis=-1).reshape(-1, 3)
    found = jax_sparse.BCOO((dense.ravel(), indices), shape=dense.shape)
    expected = dense.reshape(6, 4)
    np.testing.assert_array_equal(matrix(dense, (6, 4)).toarray(), expected)
    np.testing.assert_array_equal(matrix(found, (6, 4)).toarray(), expected)


BROKEN = {
    "scaled": np.array([[1000.0, 0.0], [0.0, 1.001]]),
    "small entry missing": np.array([[1000.0, 0.0], [0.0, 0.0]]),
    "entry too many": np.array([[1000.0, 0.0], [1.0, 1.0]]),
    "NaN": np.array([[1000.0, np.nan], [0.0, 1.0]]),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_matrix_is_a_disagreement(broken):
    reference = matrix(np.diag([1000.0, 1.0]), (2, 2))
    with pytest.raises(DisagreementError):
        agree_by_rows(matrix(broken, (2, 2)), reference, tolerance=2e-4)


def test_another_size_or_dtype_is_a_disagreement():
    reference = matrix(np.eye(2), (2, 2))
    single = matrix(np.eye(2, dtype=np.float32), (2, 2))
    with pytest.raises(DisagreementError, match="float32 against float64"):
        agree_by_rows(single, reference, tolerance=1.0)
    with pytest.raises(DisagreementError):
        matrix(np.eye(3), (2, 2))
    with pytest.raises(DisagreementError):
        matrix(np.ones(3), (2, 2), Pattern(np.arange(2), np.arange(2)))


def test_small_runs_have_each_model_in_one_shape_and_full_ones_in_all():
    small, full = ([p.name for p in versions(size)] for size in ("small", "full"))
    assert len(small) == len(models("small"))
    assert set(small) <= set(full)
    assert len(full) == len(SHAPES) * len(small)
    assert {name.split(", ")[-1] for name in small} == set(SHAPES)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "shape"),
    [("square", (6, 6)), ("tall", (12, 3)), ("wide", (3, 12)), ("scalar", (1, 12))],
)
def test_a_version_of_a_model_has_the_shape_that_it_is_named_for(name, shape):
    program = version(models("small")[0], name)
    arguments = program.arguments()
    assert program.shape(arguments) == shape
    found = jax.jit(irad.jacobian(program.make()))(*arguments)
    expected = jax.jit(jax.jacrev(program.make()))(*arguments)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=1e-6)
