"""The examples of whole derivatives run, and what they print is so."""

from __future__ import annotations

from itertools import pairwise
from types import ModuleType

import numpy as np
import pytest

import irad
from examples import (
    artifact_gradient,
    bottleneck,
    bundle_adjustment,
    levels,
    memory_limit,
    numeric,
    schedules,
    sparse_pde,
    which_mode,
    while_gradient,
)

EVERY = [
    artifact_gradient,
    bottleneck,
    bundle_adjustment,
    levels,
    memory_limit,
    numeric,
    schedules,
    sparse_pde,
    which_mode,
    while_gradient,
]


@pytest.mark.parametrize("example", EVERY, ids=lambda module: module.__name__)
def test_each_example_runs_and_prints(example: ModuleType, capsys):
    example.main()
    assert len(capsys.readouterr().out.splitlines()) > 4


def test_the_wrong_mode_is_never_chosen():
    orders = {name: plan.order for name, plan in which_mode.plans().items()}
    assert "reverse" not in orders["few inputs"]
    assert orders["few outputs"] != "forward"
    plain = {"forward", "reverse"}
    assert not plain & {orders[n] for n in ("narrow inside", "each by itself")}


def test_a_bottleneck_saves_nine_tenths_of_the_operations():
    counts, apart = bottleneck.compared()
    assert counts["irad"] < 0.1 * min(counts["forward"], counts["reverse"])
    assert apart < 1e-5


def test_newton_converges_with_five_entries_a_row():
    side = 12
    u, norms, entries = sparse_pde.newton(side)
    assert entries == 5 * side**2 - 4 * side
    assert len(norms) <= 6
    assert all(b < 0.2 * a for a, b in pairwise(norms))
    np.testing.assert_allclose(u, u.T, atol=1e-5)


def test_gauss_newton_reduces_the_error_of_all_observations():
    norms, J = bundle_adjustment.fit(steps=4)
    assert norms[-1] < 1e-2 * norms[0]
    assert J.shape == (720, 216)
    assert J.nnz <= 9 * J.shape[0]


def test_the_gradient_of_a_loop_is_that_of_its_steps():
    counts = set()
    for start in (0.5, 8.0):
        n, found, expected = while_gradient.gradients(start)
        counts.add(n)
        np.testing.assert_allclose(found, expected, rtol=1e-9)
    assert len(counts) == 2


def test_a_smaller_limit_takes_less_memory_and_more_operations():
    fun, x, limits = memory_limit.PROGRAMS["long loop"]
    *fitting, (_, least) = memory_limit.reports(fun, x, limits)
    assert isinstance(least, irad.PlanError)
    for (_, larger), (_, smaller) in pairwise(fitting):
        assert smaller.xla_bytes < larger.xla_bytes
        assert smaller.cost.flops > larger.cost.flops


def test_segments_hold_more_than_nothing_and_less_than_all():
    found = {name: r.lifetimes for name, r in schedules.reports().items()}
    assert found["all"].runs == 1.0
    assert found["none"].most < found["sqrt"].most < found["all"].most / 2
    assert found["sqrt"].runs < found["none"].runs


def test_an_artifact_without_a_source_is_trained():
    losses = artifact_gradient.train(artifact_gradient.exported())
    assert losses[-1] < 0.1 * losses[0]
