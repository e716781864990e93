"""The parity runner swaps what it says, where it says, and notices a wrong derivative.

A small suite that imports JAX's functions in every usual way is run with functions that
are JAX's own but for one mistake; the tests which depend on the mistake must fail.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.parity import swap

SUITE = """
import unittest
import jax
import jax.numpy as jnp
from jax import grad as gradient
from jax._src import api
from jax.test_util import check_grads
import library

def square(x):
    return x ** 2

def test_attribute_of_jax():
    assert jax.grad(square)(3.0) == 6.0

def test_imported_name():
    assert gradient(square)(3.0) == 6.0

def test_private_module():
    assert api.grad(square)(3.0) == 6.0

def test_nested_import():
    import jax as again
    assert again.grad(square)(3.0) == 6.0

def test_library():
    assert library.slope(square, 3.0) == 6.0

def test_forward():
    assert jax.jvp(square, (3.0,), (1.0,)) == (9.0, 6.0)

def test_check_grads_forward():
    check_grads(jnp.sin, (0.5,), 2, modes=["fwd"])

def test_jax_itself_keeps_its_own():
    assert jax.hessian(square)(3.0) == 2.0

def test_fails_with_jax_too():
    assert gradient(square)(3.0) == -1.0

class TestCase(unittest.TestCase):
    def test_in_a_class(self):
        self.assertEqual(jax.value_and_grad(square)(3.0), (9.0, 6.0))

    def test_skipped(self):
        self.skipTest("nothing to see")
"""

LIBRARY = """
import jax

def slope(f, x):
    return jax.grad(f)(x)
"""

SCALED_GRAD = """
from jax import *
from jax import grad as jax_grad

def grad(fun, *args, **kwargs):
    return lambda *a, **k: 2.0 * jax_grad(fun, *args, **kwargs)(*a, **k)
"""

SCALED_JVP = """
from jax import *
from jax import jvp as jax_jvp

def jvp(fun, primals, tangents, **kwargs):
    y, t = jax_jvp(fun, primals, tangents, **kwargs)
    return y, 1.5 * t
"""

CRASHING = """
from jax import *

def jvp(*args, **kwargs):
    import os
    os._exit(3)
"""

GRAD_TESTS = {
    "test_attribute_of_jax",
    "test_imported_name",
    "test_private_module",
    "test_nested_import",
}


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a test suite, a library it uses, and wrong derivative functions."""
    root = tmp_path_factory.mktemp("parity")
    folder = root / "suite"
    folder.mkdir()
    (folder / "test_suite.py").write_text(SUITE)
    elsewhere = root / "elsewhere"
    elsewhere.mkdir()
    for name, text in [
        ("library", LIBRARY),
        ("scaled_grad", SCALED_GRAD),
        ("scaled_jvp", SCALED_JVP),
        ("crashing", CRASHING),
    ]:
        (elsewhere / f"{name}.py").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(elsewhere))
        yield folder


def outcome(suite: Path, functions: str, *options: str) -> tuple[int, dict[str, Any]]:
    """The exit status and the report of one comparison."""
    report = suite.parent / "report.json"
    baseline = suite.parent / f"baseline{len(options)}.json"
    arguments = [str(suite), "--functions", functions, "--json", str(report)]
    status = swap.main([*arguments, "--baseline", str(baseline), *options])
    return status, json.loads(report.read_text())


def names(identifiers: list[str] | dict[str, str]) -> set[str]:
    """Test names without the file they are in."""
    return {identifier.rpartition("::")[2] for identifier in identifiers}


def test_a_faithful_swap_changes_nothing(suite: Path) -> None:
    status, report = outcome(suite, "jax")
    assert status == 0
    assert names(report["failing_in_both"]) == {"test_fails_with_jax_too"}
    assert names(report["skipped"]) == {"test_skipped"}
    assert len(report["passed"]) == 9
    assert report["exercised"] == 8, "all but the library's, which is not swapped"


def test_a_scaled_gradient_is_noticed_wherever_it_is_imported_from(suite: Path) -> None:
    status, report = outcome(suite, "scaled_grad")
    assert status == 1
    assert names(report["new_failures"]) == GRAD_TESTS
    assert not report["lost"]


def test_a_package_named_by_also_is_swapped_too(suite: Path) -> None:
    status, report = outcome(suite, "scaled_grad", "--also", "library")
    assert status == 1
    assert names(report["new_failures"]) == GRAD_TESTS | {"test_library"}


def test_check_grads_uses_the_swapped_jvp(suite: Path) -> None:
    status, report = outcome(suite, "scaled_jvp")
    assert status == 1
    expected = {"test_forward", "test_check_grads_forward"}
    assert names(report["new_failures"]) == expected


def test_a_crash_is_a_failure_and_what_follows_is_lost(suite: Path) -> None:
    status, report = outcome(suite, "crashing")
    assert status == 1
    assert names(report["new_failures"]) == {"test_forward"}
    assert "test_check_grads_forward" in names(report["lost"])


def test_a_suite_that_runs_nothing_is_an_error(suite: Path) -> None:
    with pytest.raises(RuntimeError, match="ran no test"):
        swap.main([str(suite / "absent.py"), "--functions", "jax"])


def test_a_suite_that_cannot_be_imported_is_an_error(suite: Path) -> None:
    broken = suite.parent / "test_broken.py"
    broken.write_text("import a_module_that_is_not_there\n")
    with pytest.raises(RuntimeError, match="a_module_that_is_not_there"):
        swap.main([str(broken), "--functions", "jax"])
