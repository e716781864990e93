"""CasADi's side: the same functions, wrong sides found, what is absent named."""

from __future__ import annotations

from types import SimpleNamespace

import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.harness.peers import better_mode, peer
from benchmarks.harness.tables import plain
from benchmarks.programs.expressions import EXPRESSIONS
from benchmarks.suites import casadi
from benchmarks.suites.casadi import Evaluated
from benchmarks.suites.suite import measure
from irad.instruments import timing
from tests.benchmarks.test_derivatives import BROKEN_SIDES, TINY, changed, subject

pytestmark = pytest.mark.usefixtures("float32", "standard_promotion")

NAMES = SimpleNamespace(
    **{name: getattr(jnp, name) for name in ("cos", "sin", "sqrt")},
    atan2=jnp.arctan2,
    sum1=jnp.sum,
    sumsqr=lambda x: jnp.sum(x * x),
    vertsplit=list,
    vertcat=lambda *parts: jnp.concatenate([jnp.atleast_1d(x) for x in parts]),
)
"""What the expressions use of CasADi, by arrays."""

PROGRAMS = {program.name: program for program in casadi.programs("small")}


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_an_expression_is_the_function_of_its_name(name):
    (x,) = PROGRAMS[name].arguments()
    found, expected = EXPRESSIONS[name](NAMES, x), PROGRAMS[name].make()(x)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def by_jax(program, arguments, *, change=lambda x: x, **_):
    whole = better_mode(program.make())(*arguments)
    matrix = change(np.asarray(whole))
    rows, columns = np.indices(matrix.shape).reshape(2, -1)
    return Evaluated(lambda: None, matrix.ravel(), rows, columns, ())


BROKEN = BROKEN_SIDES | {"scaled": changed(lambda x: 1.001 * x)}


def without_the_first(matrix):
    return np.where(np.arange(matrix.size).reshape(matrix.shape), matrix, 0)


@pytest.fixture
def once(monkeypatch):
    monkeypatch.setattr(timing, "SAMPLE", 0.0)
    monkeypatch.setattr(casadi, "ROUNDS", timing.Rounds(least=1, most=1))


def outcome(program=PROGRAMS["human heart dipole"], of=None):
    return measure(casadi.SUITE, [program], of or peer("jax"), lambda _: None)


@pytest.mark.usefixtures("once")
def test_a_right_side_is_a_row_that_prints(monkeypatch):
    monkeypatch.setattr(casadi, "evaluated", by_jax)
    found = outcome()
    assert not found.errors
    assert {"casadi", "casadi, C"} == set(found.table.rows[0]["beside"])
    assert "human heart dipole" in plain(found.table)


@pytest.mark.usefixtures("once")
@pytest.mark.parametrize("change", [lambda x: 1.01 * x, without_the_first])
def test_an_expression_that_is_wrong_fails_by_name(monkeypatch, change):
    def wrong(program, arguments, **options):
        return by_jax(program, arguments, change=change, **options)

    monkeypatch.setattr(casadi, "evaluated", wrong)
    (row,) = outcome().table.rows
    assert row["failed"].startswith("casadi: values differ")


@pytest.mark.usefixtures("once")
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_side_of_ours_is_an_error_and_no_row(monkeypatch, broken):
    monkeypatch.setattr(casadi, "evaluated", by_jax)
    found = outcome(TINY, subject(broken))
    assert not found.table.rows
    assert found.errors


def test_a_library_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setattr(casadi, "LIBRARY", "no_such_library")
    (row,) = outcome().table.rows
    assert "not installed" in row["failed"]
