"""Gradients within limits: wrong ones, with a limit or without, are errors."""

from __future__ import annotations

import jax
import pytest

from benchmarks.harness.peers import Peer
from benchmarks.suites import limits
from benchmarks.suites.suite import measure
from irad.instruments import timing
from tests.benchmarks.test_suites import BROKEN, TINY, nothing, with_value

pytestmark = pytest.mark.usefixtures("float32", "standard_promotion")


def peer_of(free, limited):
    """What gives one gradient without a limit and another one within it."""

    def value_and_grad(fun, argnums=0, memory_limit=None):
        made = free if memory_limit is None else limited
        return with_value(made)(fun, argnums)

    return Peer("ours", jax.grad, value_and_grad, nothing, {})


def outcome(free, limited, monkeypatch):
    monkeypatch.setattr(timing, "SAMPLE", 0.0)
    monkeypatch.setattr(limits, "ROUNDS", timing.Rounds(least=1, most=1))
    tasks = [limits.Task(TINY, (50,))]
    return measure(limits.SUITE, tasks, peer_of(free, limited), lambda _: None)


def test_a_right_gradient_is_a_row(monkeypatch):
    found = outcome(jax.grad, jax.grad, monkeypatch)
    assert not found.errors
    assert found.table.cells()


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("is_limited", [False, True])
def test_a_broken_gradient_is_an_error_and_no_row(broken, is_limited, monkeypatch):
    sides = (jax.grad, BROKEN[broken]) if is_limited else (BROKEN[broken],) * 2
    found = outcome(*sides, monkeypatch)
    assert not found.table.rows
    assert len(found.errors) == 1
