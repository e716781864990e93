"""Every pass on every program: valid, same values to the bit, idempotent."""

from typing import Any

import jax
import pytest
from jax.extend.core import Jaxpr

import irad_passes
from tests.passes.laws import Pass, check_laws
from tests.passes.programs import PROGRAMS


def all_passes(jaxpr: Jaxpr) -> Jaxpr:
    jaxpr = irad_passes.inline(jaxpr)
    jaxpr = irad_passes.cse(irad_passes.fold(jaxpr))
    return irad_passes.dce(irad_passes.simplify(jaxpr))


PASSES: dict[str, Pass] = {
    "as_scans": irad_passes.as_scans,
    "cse": irad_passes.cse,
    "dce": irad_passes.dce,
    "fold": irad_passes.fold,
    "inline": irad_passes.inline,
    "narrow": irad_passes.narrow,
    "simplify": irad_passes.simplify,
}


def traced(name: str) -> tuple[Any, tuple[Any, ...]]:
    function, args = PROGRAMS[name]
    return jax.make_jaxpr(function)(*args), args


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("which", PASSES)
def test_pass_keeps_values_and_validity(which: str, name: str) -> None:
    closed, args = traced(name)
    check_laws(PASSES[which], closed.jaxpr, closed.consts, args)


@pytest.mark.parametrize("name", PROGRAMS)
def test_passes_in_a_row_keep_values_and_validity(name: str) -> None:
    closed, args = traced(name)

    def to_the_end(jaxpr: Jaxpr) -> Jaxpr:
        new = all_passes(jaxpr)
        return new if new is jaxpr else to_the_end(new)

    check_laws(to_the_end, closed.jaxpr, closed.consts, args)


@pytest.mark.parametrize("which", PASSES)
def test_programs_that_touch_mutable_arrays_stay_as_they_are(which: str) -> None:
    closed, _ = traced("mutable")
    assert PASSES[which](closed.jaxpr) is closed.jaxpr
