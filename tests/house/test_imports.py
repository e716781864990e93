"""What `import irad` brings with it: nothing that a gradient does not need."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import irad

ROOT = Path(__file__).parents[2]
LAZY = {"scipy", "matplotlib", "rich", "lineax"}
PLANNING = {"planning", "planned", "operators", "ellpack", "compression", "ordering"}
RARE = {"counted", "custom_vjp", "linear_solve", "mapped", "remat", "while_loop"}
PROGRAM = """
import json, sys
import jax
before = set(sys.modules)
import irad
if len(sys.argv) > 1:
    irad.grad(lambda x: x * x)(2.0)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def brought(*arguments: str) -> list[str]:
    """The modules that are loaded after JAX, by irad and perhaps a first gradient."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "passes")])
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM, *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    )
    return json.loads(run.stdout)


def test_import_of_irad_brings_no_library_that_jax_does_not() -> None:
    names = brought()
    assert "irad" in names
    assert [name for name in names if name.split(".")[0] in LAZY] == []
    assert [name for name in names if "pallas" in name] == []
    assert [name for name in names if name.startswith("jax.extend")] == []


def test_planning_comes_when_it_is_asked_for_and_not_for_a_gradient() -> None:
    names = brought("grad")
    parts = {name.split(".")[1] for name in names if name.startswith("irad.")}
    assert "transforms" in parts
    assert parts & PLANNING == set()
    assert "irad.cost.programs" not in names


def test_loops_come_when_a_program_has_one() -> None:
    names = brought("grad")
    assert "irad.structure.call" in names
    assert {f"irad.structure.{name}" for name in RARE} & {*names} == set()


def test_every_public_name_is_there_and_listed() -> None:
    assert set(irad.__all__) <= set(dir(irad))
    assert [name for name in irad.__all__ if not hasattr(irad, name)] == []


def test_the_orders_of_plain_graphs_need_no_import_of_their_own() -> None:
    assert callable(irad.ordering.search)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'irad' has no attribute 'gradient'"):
        _ = irad.gradient  # pyright: ignore[reportAttributeAccessIssue]
