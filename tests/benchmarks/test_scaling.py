"""Cost against size, and Laplacians: rows, broken sides, and what is lost."""

from __future__ import annotations

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from benchmarks.harness import laplacians as harness
from benchmarks.harness.peers import Peer, peer
from benchmarks.harness.tables import plain
from benchmarks.programs import Program, sized
from benchmarks.suites import laplacians, scaling
from benchmarks.suites.suite import measure
from irad.instruments import timing

pytestmark = pytest.mark.usefixtures("float32", "standard_promotion")

JAX = peer("jax")
POINTS = {
    family.name: scaling.Point(
        family.name, 4, family.program(4), scaling.MEASURES[family.name]
    )
    for family in sized.FAMILIES
}


@pytest.fixture(autouse=True)
def once(monkeypatch):
    monkeypatch.setattr(timing, "SAMPLE", 0.0)
    monkeypatch.setattr(scaling, "ROUNDS", timing.Rounds(least=1, most=1))
    monkeypatch.setattr(laplacians, "ROUNDS", timing.Rounds(least=1, most=1))


def scaled(transform):
    def broken(fun, *args, **options):
        made = transform(fun, *args, **options)
        return lambda *given: jax.tree.map(lambda x: 1.001 * x, made(*given))

    return broken


WHOLE = {order: scaled(whole) for order, whole in JAX.whole.items()}
BROKEN = replace(JAX, name="broken", grad=scaled(jax.grad), whole=WHOLE)


@pytest.mark.parametrize("family", POINTS)
def test_a_point_is_a_row_that_prints_and_is_json(family):
    found = measure(scaling.SUITE, [POINTS[family]], JAX, lambda _: None)
    (row,) = found.table.rows
    assert not found.errors
    assert (row["family"], row["size"]) == (family, 4)
    assert row["sides"].keys() == {"ours", "jax"}
    assert f"{family}, 4" in plain(found.table)
    (contest,) = scaling.contests(json.loads(json.dumps(row)))
    assert "flops" not in contest.lost()


@pytest.mark.parametrize("family", POINTS)
def test_a_broken_point_is_an_error_and_no_row(family):
    found = measure(scaling.SUITE, [POINTS[family]], BROKEN, lambda _: None)
    assert not found.table.rows
    assert "values differ" in found.errors[0]


@pytest.mark.parametrize("family", sized.FAMILIES, ids=lambda family: family.name)
def test_sizes_grow_and_small_ones_are_among_the_full(family):
    small, full = family.sizes["small"], family.sizes["full"]
    assert list(full) == sorted(full)
    assert set(small) < set(full)


def make():
    return lambda x: jnp.sum(jnp.sin(x) * x**2)


TINY = Program(
    name="tiny",
    make=make,
    arguments=lambda: (np.linspace(0.1, 1, 6, dtype=np.float32).reshape(2, 3),),
    source="here",
)


def laplacian(of: Peer, ways=None, monkeypatch=None):
    if monkeypatch:
        monkeypatch.setattr(laplacians, "ways", lambda peer: ways)
    return measure(laplacians.SUITE, [TINY], of, lambda _: None)


def test_all_ways_to_a_laplacian_agree():
    found = laplacian(peer("irad"))
    assert not found.errors
    (row,) = found.table.rows
    assert set(row["ours"]) == {
        "irad, trace of hessian",
        "irad, jvp of grad",
        "irad, jvp of jvp",
    }
    assert row["best"] in row["ours"]
    lines = laplacians.lines(row)
    assert len(lines) == len(harness.ways(peer("irad")))
    assert {c.beside for c in laplacians.contests(row)} == {
        name for name in row["sides"] if name not in row["ours"]
    }


def test_a_broken_laplacian_is_an_error_and_no_row():
    found = laplacian(BROKEN)
    assert not found.table.rows
    assert "broken, trace of hessian: values differ" in found.errors[0]


def test_a_library_that_is_wrong_or_absent_is_left_out(monkeypatch):
    def absent(fun):
        return harness.library("no_such_library")

    ways = [
        *harness.ways(JAX)[:4],
        harness.Way("wrong", scaled(harness.trace(jax.hessian)), is_peer=True),
        harness.Way("absent", absent, is_peer=True),
    ]
    found = laplacian(JAX, ways, monkeypatch)
    assert not found.errors
    (row,) = found.table.rows
    assert "values differ" in row["left_out"]["wrong"]
    assert row["left_out"]["absent"] == "not installed"
    assert "left out: not installed" in plain(found.table)
