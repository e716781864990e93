"""Writing ``irad`` for ``jax`` before a derivative function changes nothing in sight.

Every case runs with JAX's functions and with irad's on the same input; no value is
written down by hand. What concerns types runs in 64-bit and in 32-bit mode.
"""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import pytest

import irad
from tests.parity import (
    arguments,
    callables,
    composition,
    control_flow,
    dtypes,
    kinks,
    misuse,
    misuse_linear,
    python_code,
    transposes,
)
from tests.parity.differences import DIFFERENCES, assert_same_values
from tests.parity.outcomes import Case, assert_same_outcome

VALUES = (callables, composition, control_flow, kinks, python_code, transposes)
TYPES = (arguments, dtypes, misuse, misuse_linear)
VALUE_CASES: list[Case] = [case for table in VALUES for case in table.CASES]
TYPE_CASES: list[Case] = [case for table in TYPES for case in table.CASES]

X64 = [
    pytest.param(True, id="x64"),
    pytest.param(False, id="x32", marks=pytest.mark.slow),
]

pytestmark = pytest.mark.usefixtures("standard_promotion")


def cases(tables: Sequence[ModuleType]) -> list[Any]:
    """The cases of some tables; slow, but for the first of its kind in a table.

    The first that uses a derivative function is the first of its kind, too.
    """
    marked = []
    for table in tables:
        seen: set[str] = set()
        for case in table.CASES:
            marks = () if case.traits() - seen else (pytest.mark.slow,)
            marked.append(pytest.param(case, marks=marks, id=str(case)))
            seen |= case.traits()
    return marked


@pytest.mark.parametrize("case", cases(VALUES))
def test_irad_does_what_jax_does(case: Case) -> None:
    check(case)


@pytest.mark.parametrize("x64", X64)
@pytest.mark.parametrize("case", cases(TYPES))
def test_irad_types_are_those_of_jax(case: Case, x64: bool) -> None:
    with jax.enable_x64(x64):
        check(case)


def check(case: Case) -> None:
    """The same outcome, or the difference that the documentation states."""
    difference = DIFFERENCES.get(case.name)
    if difference is None:
        return assert_same_outcome(case, jax, irad)
    with pytest.raises(AssertionError):
        assert_same_outcome(case, jax, irad)
    if difference.same_numbers:
        assert_same_values(case, jax, irad)
    return None


def test_every_difference_is_documented_and_has_a_case() -> None:
    text = (Path(__file__).parents[2] / "docs" / "differences.md").read_text()
    names = {case.name for case in (*VALUE_CASES, *TYPE_CASES)}
    for name, difference in DIFFERENCES.items():
        assert name in names
        assert difference.row in text


def test_the_names_of_cases_are_unique() -> None:
    names = [case.name for case in (*VALUE_CASES, *TYPE_CASES)]
    assert len(names) == len(set(names))
