"""What was measured once is not measured again, in this process or from a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import irad
from irad import planned

pytestmark = pytest.mark.usefixtures("standard_promotion")

ROOT = Path(__file__).parents[2]
POINT = jnp.linspace(0.5, 1.5, 6)
INDEX = np.array([2, 0, 5])


def wave(x: Any) -> Any:
    """Indices, a loop, a custom rule and a reduction."""
    y = jax.lax.fori_loop(0, 2, lambda i, y: jnp.sin(y) * y, x)
    return jax.nn.relu(y)[INDEX] * jnp.sum(x) + jnp.cumsum(y)[:3]


@pytest.fixture(autouse=True)
def _forgotten() -> None:
    irad.clear_caches()


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ways that are timed from here on, which takes no time."""
    timed: list[str] = []

    def time(captured: Any, plan: Any, form: str) -> float:
        timed.append(plan.order)
        return float(len(timed))

    monkeypatch.setattr(planned, "_median_time", time)
    return timed


def measured(fun: Any = wave, x: Any = POINT, **options: Any) -> irad.Plan:
    return irad.plan(fun, effort="measure", **options)(x)


def test_a_file_serves_the_program_it_was_measured_for(tmp_path, runs) -> None:
    first = measured()
    assert len(runs) == planned.MEASURED
    irad.save_plans(tmp_path / "plans")
    irad.clear_caches()
    irad.load_plans(tmp_path / "plans")
    assert (measured().order, measured().reason) == (first.order, first.reason)
    assert len(runs) == planned.MEASURED
    measured(format="bcoo")
    measured(lambda x: wave(x) * 2)
    measured(x=jnp.ones(7))
    assert len(runs) == 4 * planned.MEASURED
    irad.save_plans(tmp_path / "plans")
    assert len(json.loads((tmp_path / "plans").read_text())["seconds"]) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["plans"]


def test_the_fastest_way_of_a_file_is_taken_and_is_right(tmp_path, runs) -> None:
    measured()
    irad.save_plans(tmp_path / "plans")
    content = json.loads((tmp_path / "plans").read_text())
    (times,) = content["seconds"].values()
    slowest = max(times, key=times.get)
    times |= {slowest: 1e-9, "a way of another version": 1e-12}
    (tmp_path / "plans").write_text(json.dumps(content))
    irad.clear_caches()
    irad.load_plans(tmp_path / "plans")
    assert measured().order == slowest
    under_jit = jax.jit(lambda x: irad.jacobian(wave, effort="measure")(x))
    for J in (irad.jacobian(wave, effort="measure")(POINT), under_jit(POINT)):
        np.testing.assert_allclose(J, jax.jacobian(wave)(POINT), 1e-12)
    assert len(runs) == planned.MEASURED


def test_ways_that_are_not_open_are_measured_anew(tmp_path, runs) -> None:
    measured()
    irad.save_plans(tmp_path / "plans")
    content = json.loads((tmp_path / "plans").read_text())
    (name,) = content["seconds"]
    content["seconds"][name] = {"a way of another version": 1.0}
    (tmp_path / "plans").write_text(json.dumps(content))
    irad.clear_caches()
    irad.load_plans(tmp_path / "plans")
    assert measured().order == runs[0]
    assert len(runs) == 2 * planned.MEASURED


def test_traced_inputs_do_not_keep_later_ones_from_being_measured(runs) -> None:
    J = irad.jacobian(wave, effort="measure")
    traced = jax.jit(J)(POINT)
    assert runs == []
    np.testing.assert_allclose(J(POINT), traced, 1e-12)
    assert len(runs) == planned.MEASURED
    assert measured().reason.startswith("measured: ")


PROGRAM = """
from tests.planning.test_measurements import *
from irad import measurements
planned._median_time = lambda captured, plan, form: 1.0
measured()
print(*dict(measurements._TIMES.items()))
"""


def test_a_program_has_one_name_in_all_processes(runs) -> None:
    def found(seed: str) -> str:
        path = os.pathsep.join([str(ROOT), str(ROOT / "passes")])
        env = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": seed}
        command = [sys.executable, "-c", PROGRAM]
        run = subprocess.run(command, env=env, stdout=subprocess.PIPE, check=True)
        return run.stdout.decode()

    assert len(found("1")) == 33
    assert found("1") == found("2")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Expecting value"),
        ('{"irad measured plans": 1, "seconds": {"a": {"b"', "Expecting"),
        ("[]", "does not say"),
        ('{"wisdom": 3}', "does not say"),
        ('{"irad measured plans": 2}', "layout is 2"),
        ('{"irad measured plans": 1, "seconds": [1]}', "no attribute"),
        ('{"irad measured plans": 1, "seconds": {"a": 3}}', "no attribute"),
        ('{"irad measured plans": 1, "seconds": {"a": {}}}', "are no times"),
        ('{"irad measured plans": 1, "seconds": {"a": {"b": "x"}}}', "could not"),
        ('{"irad measured plans": 1, "seconds": {"a": {"b": -1}}}', "are no times"),
        ('{"irad measured plans": 1, "seconds": {"a": {"b": NaN}}}', "are no times"),
    ],
)
def test_another_file_is_refused(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "plans"
    path.write_text(text)
    with pytest.raises(irad.PlanError, match=rf"not a file .*{message}.*Delete it"):
        irad.load_plans(path)
    with pytest.raises(FileNotFoundError):
        irad.load_plans(tmp_path / "none")
