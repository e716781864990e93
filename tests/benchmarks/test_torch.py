"""PyTorch's side: absent, wrong and right, and ours beside it."""

from __future__ import annotations

import json

import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.harness import processes
from benchmarks.harness.peers import peer
from benchmarks.harness.tables import plain
from benchmarks.programs import Program
from benchmarks.suites import torch
from benchmarks.suites.suite import measure
from irad.errors import DisagreementError
from irad.instruments import timing
from tests.benchmarks.test_suites import BROKEN, peer_of

pytestmark = pytest.mark.usefixtures("float32", "standard_promotion")

X = np.linspace(0, 1, 8, dtype=np.float32)
TINY = Program(
    name="tiny",
    make=lambda: lambda x: jnp.sum(jnp.sin(x) * x),
    arguments=lambda: (X,),
    source="here",
)
GRADIENT = np.cos(X) * X + np.sin(X)
JAX = peer("jax")


@pytest.fixture(autouse=True)
def once(monkeypatch):
    monkeypatch.setattr(timing, "SAMPLE", 0.0)
    monkeypatch.setattr(torch, "ROUNDS", timing.Rounds(least=1, most=1))


def test_its_programs_are_models_of_every_size():
    for size in ("small", "full"):
        assert [task.name for task in torch.tasks(size)] == [
            "MLP",
            "transformer, 8 layers unrolled",
            "LSTM",
        ]


def test_all_sides_are_a_row_that_prints(monkeypatch):
    found = torch.measured(TINY, JAX, {torch.EAGER: lambda: GRADIENT})
    monkeypatch.setattr(torch, "row_of", lambda *_: json.loads(json.dumps(found)))
    outcome = measure(torch.SUITE, [torch.Task(TINY, "small")], JAX, lambda _: None)
    assert not outcome.errors
    assert "tiny" in plain(outcome.table)


@pytest.mark.parametrize("change", [lambda x: 1.001 * x, lambda x: x * (X < 1)])
def test_a_gradient_of_another_framework_that_is_wrong_is_refused(change):
    with pytest.raises(DisagreementError):
        torch.measured(TINY, JAX, {torch.EAGER: lambda: change(GRADIENT)})


@pytest.mark.parametrize("broken", BROKEN)
def test_ours_that_is_wrong_there_is_said(broken):
    ours = peer_of("broken", BROKEN[broken])
    assert torch.measured(TINY, ours, {torch.EAGER: lambda: GRADIENT})["wrong"]


def test_what_is_absent_is_a_row_that_says_so(monkeypatch):
    monkeypatch.setattr(processes.importlib.util, "find_spec", lambda name: None)
    tasks = [torch.Task(TINY, "small")]
    (row,) = measure(torch.SUITE, tasks, JAX, lambda _: None).table.rows
    assert row["failed"] == "torch is not installed"
