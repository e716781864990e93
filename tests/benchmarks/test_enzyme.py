"""The process of its own: absent, failing, wrong and right."""

from __future__ import annotations

import json
import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.harness import processes
from benchmarks.harness.peers import peer
from benchmarks.harness.tables import plain
from benchmarks.programs import Program
from benchmarks.suites import enzyme
from benchmarks.suites.suite import measure
from irad.errors import DisagreementError
from irad.instruments import timing

pytestmark = pytest.mark.usefixtures("float32", "standard_promotion")


def make():
    return lambda x: jnp.sum(jnp.sin(x) * x)


TINY = Program(
    name="tiny",
    make=make,
    arguments=lambda: (np.linspace(0, 1, 8, dtype=np.float32),),
    source="here",
)
JAX = peer("jax")


def outcome(monkeypatch, *, status=0, out="", err="", spec="found"):
    monkeypatch.setattr(processes.importlib.util, "find_spec", lambda name: spec)
    done = subprocess.CompletedProcess([], status, out, err)
    monkeypatch.setattr(processes.subprocess, "run", lambda *args, **options: done)
    return measure(enzyme.SUITE, [enzyme.Task(TINY, "small")], JAX, lambda _: None)


@pytest.mark.parametrize(
    ("process", "why"),
    [
        ({"spec": None}, "enzyme_ad is not installed"),
        (
            {"status": 1, "err": "trace\nValueError: x"},
            "enzyme_ad: status 1: ValueError",
        ),
        ({"status": -11}, "enzyme_ad: status -11: no message"),
    ],
)
def test_what_is_absent_or_fails_is_a_row_that_says_so(monkeypatch, process, why):
    (row,) = outcome(monkeypatch, **process).table.rows
    assert row["failed"].startswith(why)


def test_ours_that_is_wrong_there_is_an_error_and_no_row(monkeypatch):
    found = outcome(monkeypatch, out=json.dumps({"wrong": "values differ"}))
    assert not found.table.rows
    assert "values differ" in found.errors[0]


def test_all_sides_are_measured_in_one_process(monkeypatch):
    monkeypatch.setattr(enzyme, "ROUNDS", timing.Rounds(least=1, most=1))
    monkeypatch.setattr(timing, "SAMPLE", 0.0)
    monkeypatch.setattr(enzyme, "_enzyme", lambda program: jax.grad(program.make()))
    row = enzyme.measured(TINY, JAX)
    found = outcome(monkeypatch, out=f"noise\n{json.dumps(row)}\n")
    assert "tiny" in plain(found.table)
    monkeypatch.setattr(enzyme, "_enzyme", lambda program: doubled(program.make()))
    with pytest.raises(DisagreementError):
        enzyme.measured(TINY, JAX)


def doubled(fun):
    return lambda x: 2 * jax.grad(fun)(x)
