"""The guard of counts: what it lets pass, what fails, and what it says."""

from __future__ import annotations

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import irad
from benchmarks import guard
from benchmarks.command import main
from benchmarks.programs import Program

pytestmark = pytest.mark.usefixtures("float32", "standard_promotion")

COUNTS = {"equations": 10, "flops": 1000, "bytes": 4000, "temporaries": 64}
RECORDED = {"gradient: tiny": COUNTS}


@pytest.mark.parametrize(
    ("count", "found", "is_failure"),
    [
        ("equations", 11, True),
        ("equations", 9, True),
        ("flops", 1020, False),
        ("flops", 1021, True),
        ("flops", 979, True),
        ("bytes", 4080, False),
        ("bytes", 4081, True),
        ("temporaries", 6400, False),
    ],
)
def test_a_count_that_moves_further_than_it_may_fails(count, found, is_failure):
    moved = {"gradient: tiny": {**COUNTS, count: found}}
    (change,) = guard.changes(RECORDED, moved)
    assert change.is_failure == is_failure
    assert guard.report(RECORDED, moved) == int(is_failure)


def test_the_message_names_the_program_by_how_much_and_how_to_record(capsys):
    guard.report(RECORDED, {"gradient: tiny": {**COUNTS, "flops": 1100}})
    said = capsys.readouterr().err
    assert "gradient: tiny: flops 1,000 -> 1,100 (+10.0%)" in said
    assert "make bench-record" in said


@pytest.mark.parametrize("others", [{}, {**RECORDED, "gradient: new": COUNTS}])
def test_programs_that_come_or_go_fail(others):
    assert guard.report(RECORDED, others) == 1
    assert guard.report(RECORDED, RECORDED) == 0


def make():
    def loss(x):
        return jnp.sum(jnp.sin(x) * x)

    return loss


def twice():
    inner = make()
    return lambda x: inner(inner(x) * x)


TINY = Program(
    name="tiny",
    make=make,
    arguments=lambda: (np.linspace(0, 1, 8, dtype=np.float32),),
    source="here",
)


def tasks_of(program):
    return lambda: iter(
        [("gradient: tiny", lambda: irad.grad(program.make()), program)]
    )


def test_a_program_that_costs_more_than_was_recorded_fails(monkeypatch, tmp_path):
    file = ["--file", str(tmp_path / "recorded.json")]
    monkeypatch.setattr(guard, "tasks", tasks_of(TINY))
    assert main(["recount", *file]) == 0
    assert main(["check", *file]) == 0
    monkeypatch.setattr(guard, "tasks", tasks_of(replace(TINY, make=twice)))
    assert main(["check", *file]) == 1


def test_counts_of_other_versions_are_not_compared(monkeypatch, tmp_path, capsys):
    path = tmp_path / "recorded.json"
    kept = {"versions": {"jax": "0.0.1", "jaxlib": "0.0.1"}, "counts": RECORDED}
    path.write_text(json.dumps(kept))
    assert main(["check", "--file", str(path)]) == 1
    said = capsys.readouterr().err
    assert jax.__version__ in said
    assert "make bench-record" in said


def test_every_small_program_is_guarded_once():
    names = [name for name, *_ in guard.tasks()]
    assert len(set(names)) == len(names)
    assert {name.split(":")[0] for name in names} == {"gradient", "jacobian", "hessian"}
