"""JAX's own harnesses: one function and arguments for each use of each primitive.

They are what StableHLO's test programs are exports of. JAX imports ``absl`` for the
test cases it makes of them, which nothing here needs: where it is not installed, empty
classes stand for it while the harnesses are imported.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import sys
import types
import unittest
from collections.abc import Iterator
from typing import Any
from unittest import mock

from jax._src import config

FILE = "jax._src.internal_test_util.test_harnesses"


def all_harnesses() -> list[Any]:
    """Every harness, with a ``fullname``, a ``dyn_fun`` and arguments for it."""
    with _absl():
        found = importlib.import_module(FILE).all_harnesses
    return [h for h in found if h.filter("cpu")]


@contextlib.contextmanager
def _absl() -> Iterator[None]:
    if importlib.util.find_spec("absl") is not None:
        yield
        return
    cases: Any = types.ModuleType("absl.testing.parameterized")
    cases.TestCase = unittest.TestCase
    tests: Any = types.ModuleType("absl.testing.absltest")
    tests.TestLoader = unittest.TestLoader
    testing: Any = types.ModuleType("absl.testing")
    testing.parameterized, testing.absltest = cases, tests
    absent = {
        "absl": types.ModuleType("absl"),
        "absl.testing": testing,
        "absl.testing.parameterized": cases,
        "absl.testing.absltest": tests,
    }
    sys.modules.update(absent)
    try:
        with mock.patch.object(config, "already_configured_with_absl", True):
            yield
    finally:
        for name in absent:
            del sys.modules[name]
