"""`python -m tests.fuzz`: the Jacobians of so many random programs in every way.

Equal seeds draw equal programs. Unlike a test this goes on after a mismatch, counts
them all, and prints each program in a form that ``check`` takes.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from typing import Any

import jax
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

import irad
import tests.conftest  # noqa: F401, sets JAX up as for tests
from tests.fuzz.structures import programs
from tests.fuzz.test_planned_jacobians import SLOW, check, check_on_host

BATCH = 25
"""So many programs share a seed; what was compiled for them is forgotten together."""

Drawn = tuple[Any, int]


def drawn(number: int, count: int) -> list[Drawn]:
    """The programs of one batch, each with a number that chooses what is checked."""
    found: list[Drawn] = []

    @seed(number)
    @settings(SLOW, max_examples=count, database=None, phases=[Phase.generate])
    @given(programs(), st.integers(0, 7))
    def draw(program: Any, which: int) -> None:
        found.append((program, which))

    draw()
    return found


def complaint(program: Any, which: int) -> str | None:
    """What is wrong with the derivatives of a program, None for nothing."""
    try:
        check(program, second=which % 4 == 0)
        check_on_host(program, which)
    except Exception:
        return traceback.format_exc()
    return None


def main() -> int:
    """Checks, reports as it goes; 1 when there was a mismatch."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("count", nargs="?", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0, help="of the first batch")
    options = parser.parse_args()
    started, checked, wrong, number = time.monotonic(), 0, 0, options.seed
    while checked < options.count:
        for program, which in drawn(number, min(BATCH, options.count - checked)):
            found = complaint(program, which)
            checked += 1
            if found is not None:
                wrong += 1
                print(f"MISMATCH {program!r}, {which}\n{found}", flush=True)
        irad.clear_caches()
        jax.clear_caches()
        spent = time.monotonic() - started
        print(f"{checked} programs, {wrong} mismatches, {spent:.0f} s", flush=True)
        number += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    with jax.numpy_dtype_promotion("standard"):
        sys.exit(main())
