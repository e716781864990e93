"""The levels suite: a module's gradient is held against its source's, by every door."""

from __future__ import annotations

import json

import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.harness.peers import peer
from benchmarks.harness.tables import plain
from benchmarks.programs import Program, modules, operations, perceptron
from benchmarks.suites import gradients, levels
from benchmarks.suites.suite import measure
from irad.errors import DisagreementError
from irad.instruments import timing

pytestmark = pytest.mark.usefixtures("float32", "standard_promotion")


@pytest.fixture(autouse=True)
def once(monkeypatch):
    monkeypatch.setattr(timing, "SAMPLE", 0.0)
    for suite, name in ((gradients, "ROUNDS"), (levels, "TRANSFORMED")):
        monkeypatch.setattr(suite, name, timing.Rounds(least=1, most=1))


def make():
    def loss(parameters, x):
        return jnp.sum(jnp.tanh(x @ parameters["w"]) * parameters["b"])

    return loss


def arguments():
    parameters = {"b": np.ones(2, np.float32), "w": np.eye(3, 2, dtype=np.float32)}
    return parameters, np.ones((4, 3), np.float32)


TINY = Program(name="tiny", make=make, arguments=arguments, source="here")


def test_a_row_holds_a_module_against_its_source():
    outcome = measure(levels.SUITE, [TINY], peer("irad"), lambda _: None)
    assert not outcome.errors
    (row,) = json.loads(json.dumps(outcome.table.rows))
    assert max(row[what] for what in ("difference", "second", "hlo")) < 1e-5
    assert row["flops_ratio"] <= 1.1
    assert "tiny" in plain(outcome.table)


@pytest.mark.slow
def test_a_loop_of_unknown_length_is_held_against_its_twin():
    program, *_ = operations.programs("small")
    assert isinstance(program, operations.Operation)
    assert program.twin is not None
    (a,) = program.arguments()
    np.testing.assert_allclose(program.make()(a), program.twin()(a), rtol=1e-6)
    outcome = measure(levels.SUITE, [program], peer("irad"), lambda _: None)
    assert not outcome.errors
    assert not levels.contests(outcome.table.rows[0])


def test_a_wrong_gradient_is_an_error():
    given = levels.Lowered(TINY)
    module = levels.stablehlo.load(given.lowered.as_text())
    expected = [2 * c for c in levels.stablehlo.grad(module, given.wrt)(*given.leaves)]
    with pytest.raises(DisagreementError, match="values differ"):
        levels.of_hlo(given, module.hlo(), expected)


def test_the_transform_is_timed_from_text_to_text(monkeypatch):
    shallow = [perceptron.deep(2)]
    outcome = measure(levels.TRANSFORM, shallow, peer("irad"), lambda _: None)
    assert not outcome.errors
    (row,) = outcome.table.rows
    assert row["operations"] > 10
    assert row["median_s"]["text"] > 0


def test_jax_differentiates_no_modules():
    for suite in levels.SUITES:
        outcome = measure(suite, [TINY], peer("jax"), lambda _: None)
        assert outcome.table.rows[0]["failed"] == "jax differentiates no modules"


def test_the_suite_has_every_hard_operation():
    names = {program.name for program in modules("small")}
    assert {"while", "cond", "cholesky", "svd", "sort", "fft", "LSTM"} <= names
