"""The memory suite: policies are where they should be, and misses are named."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from benchmarks.harness.derivatives import library
from benchmarks.harness.equinox_scans import with_checkpoints
from benchmarks.harness.peers import peer
from benchmarks.harness.policies import POLICIES, checkpointed, has_loop
from benchmarks.programs import Program
from benchmarks.suites import memory
from irad.instruments.agreement import agree
from irad.instruments.executable import compiled
from irad.instruments.timing import Rounds

pytestmark = pytest.mark.usefixtures("float32", "standard_promotion")


def loss(w, xs):
    def step(s, x):
        return jnp.sin(jnp.tanh(w @ s) + x) * s, jnp.sum(s)

    s, sums = lax.scan(step, jnp.ones(16, "float32"), xs)
    return jnp.sum(s) + jnp.sum(sums)


ARGS = jnp.eye(16, dtype="float32"), jnp.ones((50, 16), "float32")


def test_a_policy_keeps_values_and_changes_what_is_kept():
    expected = jax.value_and_grad(loss)(*ARGS)
    temps = {}
    for name, policy in POLICIES.items():
        fun = jax.value_and_grad(checkpointed(loss, policy))
        made = compiled(fun, ARGS)
        temps[name] = made.temp_bytes
        for a, b in zip(
            *map(jax.tree.leaves, (made.run(*ARGS), expected)), strict=True
        ):
            assert jnp.allclose(a, b, rtol=1e-5)
    assert temps["nothing"] < temps["dots"] < temps["everything"]


@pytest.mark.parametrize("reverse", [False, True])
def test_scans_by_equinox_have_the_same_gradient(reverse):
    def summed(w, xs):
        def step(s, x):
            s = jnp.tanh(w @ s + x)
            return s, jnp.sum(s)

        s, sums = lax.scan(step, jnp.ones(16, "float32"), xs, reverse=reverse)
        return jnp.sum(s) + jnp.vdot(sums, jnp.arange(50.0, dtype="float32"))

    found = jax.jit(jax.value_and_grad(with_checkpoints(summed)))(*ARGS)
    agree(found, jax.value_and_grad(summed)(*ARGS), tolerance=1e-5)


def test_a_library_that_is_absent_or_wrong_is_left_out(monkeypatch):
    def absent(fun):
        return library("no_such_library")

    program = Program(name="p", make=lambda: loss, arguments=lambda: ARGS, source="x")
    monkeypatch.setattr(memory, "ROUNDS", Rounds(least=1, most=1))
    monkeypatch.setattr(memory, "POLICIES", dict(list(POLICIES.items())[:1]))
    for broken, why in ((absent, "not installed"), (wrong, "values differ")):
        monkeypatch.setattr(memory, "with_checkpoints", broken)
        row = {"program": "p", **memory.row(program, peer("jax"))}
        assert why in row["left_out"]["equinox"]
        assert "equinox" not in row["sides"]
        assert why in memory.lines(row)[-1]["missed"]


def wrong(fun):
    return lambda *args: 1.01 * fun(*args)


def test_only_loops_have_policies():
    assert has_loop(loss, ARGS)
    assert not has_loop(lambda w, xs: jnp.sum(w @ w), ARGS)


def a_row(**changes):
    """A row that reaches its targets: as fast as both, with half of the memory."""
    same = {"median": 1.0, "low": 0.9, "high": 1.1, "same_program": False}
    sides = {
        "jax": {"temp_bytes": 1 << 20, "flops": 2},
        "ours": {"temp_bytes": 1 << 19, "flops": 1},
        "dots": {"temp_bytes": 1 << 19, "flops": 3},
    }
    row = {"program": "tiny", "sides": sides, "best": "dots", "left_out": {}}
    return {**row, "speed": dict.fromkeys(sides, same), **changes}


def slow(side):
    far = {"median": 0.9, "low": 0.85, "high": 0.96, "same_program": False}
    return a_row(speed={**a_row()["speed"], side: far})


def large(temp_bytes):
    ours = {"temp_bytes": temp_bytes, "flops": 1}
    return a_row(sides={**a_row()["sides"], "ours": ours})


@pytest.mark.parametrize(
    ("row", "misses"),
    [
        (a_row(), []),
        (slow("jax"), ["time jax 0.97"]),
        (slow("dots"), ["time best 0.97"]),
        (slow("ours"), []),
        (large(1 << 20), ["temp best 1.1"]),
        (large(1 << 21), ["temp jax", "temp best 1.1"]),
    ],
)
def test_misses_are_named(row, misses):
    assert memory.missed(row) == misses


def test_the_summary_says_which_means_are_missed():
    loops = [a_row(), large(1 << 17)]
    assert memory.summary([*loops, a_row(best=None)]) == [
        "geomean of 2 loops, time jax/ours: 1.00, wanted 1.50: missed",
        "geomean of 2 loops, temp jax/ours: 4.00, wanted 4.00",
        "geomean of 2 loops, time best/ours: 1.00, wanted 1.15: missed",
        "geomean of 2 loops, temp best/ours: 2.00, wanted 0.91",
    ]
    assert memory.summary([]) == []
