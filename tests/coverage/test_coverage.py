"""Every primitive of JAX has a rule, every rule has a case, no function is left out."""

from __future__ import annotations

import importlib
from functools import partial
from typing import Any

import jax
import pytest
from jax.extend.core import Primitive

import irad
from irad import linearization
from irad.rules.registry import RULES, UNSUPPORTED, Constant
from irad.structure import STRUCTURES
from irad.structure.left_to_jax import BY_JAX_RULE
from tests.compiling import QUICK
from tests.coverage._compat.registry import is_absent, public_primitives, with_jvp_rule
from tests.coverage.cases import (
    FLOAT64,
    NEVER_THERE,
    ODD,
    TESTED_APART,
    WITHOUT,
    kinds_of,
    survey,
)
from tests.coverage.corpus import BEYOND, CORPUS, REFUSED
from tests.coverage.harness import (
    Fallback,
    as_function,
    derivatives,
    mismatches,
    while_differentiating,
)
from tests.coverage.outside import OUTSIDE

# Primitives ---------------------------------------------------------------------------


def named(primitives: Any) -> list[str]:
    return sorted(map(str, primitives))


def test_every_primitive_has_a_rule_or_a_reason() -> None:
    known = RULES.keys() | STRUCTURES.keys() | UNSUPPORTED.keys() | BY_JAX_RULE.keys()
    assert named((public_primitives() | with_jvp_rule()) - known) == []


def test_no_primitive_is_in_two_tables() -> None:
    tables = (RULES, STRUCTURES, UNSUPPORTED, BY_JAX_RULE)
    every = [p for table in tables for p in table if not is_absent(p)]
    assert named(set(every)) == named(every)


def test_reasons_are_sentences() -> None:
    constants = [rule.reason for rule in RULES.values() if isinstance(rule, Constant)]
    for reason in (*UNSUPPORTED.values(), *BY_JAX_RULE.values(), *constants):
        assert len(reason.split()) >= 3, reason


def test_at_least_170_of_the_primitives_with_a_derivative_are_by_own_rule() -> None:
    own = with_jvp_rule() & (RULES.keys() | STRUCTURES.keys())
    left = with_jvp_rule() - own
    print(f"{len(own)} of {len(with_jvp_rule())} by irad's own rule")
    assert len(own) >= 170
    assert named(left) == named(left & (BY_JAX_RULE.keys() | UNSUPPORTED.keys()))


# Public functions ---------------------------------------------------------------------

COMPOSED = ("jax.scipy.", "jax.random.")
"""Modules whose functions are long programs of what the others compile already."""
FUNCTIONS_A_PROGRAM = 20
PROGRAMS = [
    pytest.param(
        names[i : i + FUNCTIONS_A_PROGRAM],
        options,
        id=f"{names[i]} and on",
        marks=marks,
    )
    for names, options, marks in (
        ([n for n in CORPUS if not n.startswith(COMPOSED)], QUICK, ()),
        ([n for n in CORPUS if n.startswith(COMPOSED)], {}, pytest.mark.slow),
    )
    for i in range(0, len(names), FUNCTIONS_A_PROGRAM)
]


@pytest.mark.usefixtures("standard_promotion")
def test_public_functions_are_differentiated_by_irads_rules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    irad.clear_caches()
    fallback = Fallback()
    monkeypatch.setattr(linearization, "by_own_rule", fallback)
    for name, row in CORPUS.items():
        fallback.function = name
        _, x = as_function(row)
        with while_differentiating(name):
            jax.eval_shape(partial(derivatives, irad, name), x)
    assert fallback.found == []


@pytest.mark.usefixtures("standard_promotion")
@pytest.mark.parametrize(("names", "options"), PROGRAMS)
def test_public_functions_have_jaxs_derivatives(
    names: list[str], options: dict[str, Any]
) -> None:
    def both(inputs: dict[str, Any]) -> dict[str, Any]:
        found = {}
        for name, x in inputs.items():
            with while_differentiating(name):
                found[name] = [derivatives(ad, name, x) for ad in (irad, jax)]
        return found

    inputs = {name: as_function(CORPUS[name])[1] for name in names}
    found = jax.jit(both, compiler_options=options)(inputs)
    assert [line for name in names for line in mismatches(name, *found[name])] == []


@pytest.mark.usefixtures("standard_promotion")
@pytest.mark.parametrize("name", REFUSED)
def test_what_jax_refuses_is_refused(name: str) -> None:
    fun, x = as_function(REFUSED[name])

    def error_of(ad: Any) -> Exception:
        with pytest.raises(Exception) as caught:  # noqa: PT011, of any type
            jax.eval_shape(lambda *x: ad.vjp(fun, *x), *x)
        return caught.value

    assert isinstance(error_of(irad), type(error_of(jax)))


@pytest.mark.usefixtures("standard_promotion")
@pytest.mark.parametrize("name", BEYOND)
def test_what_only_irad_differentiates_agrees_with_differences(name: str) -> None:
    fun, x = as_function(BEYOND[name])
    irad.check_grads(fun, tuple(x), order=1)


@pytest.mark.parametrize("module", OUTSIDE)
def test_every_public_function_is_in_the_corpus_or_has_a_reason(module: str) -> None:
    functions = {
        f"{module}.{name}"
        for name, value in vars(importlib.import_module(module)).items()
        if callable(value) and not name.startswith("_") and not isinstance(value, type)
    }
    rows = {name.split(":")[0] for name in [*CORPUS, *REFUSED, *BEYOND]}
    outside = {
        f"{module}.{name}" for row in OUTSIDE[module].values() for name in row.split()
    }
    assert sorted(functions - rows - outside) == []
    assert sorted(outside & rows - set(REFUSED)) == []


# Cases --------------------------------------------------------------------------------


def with_rows() -> dict[Primitive, bool]:
    """The primitives that rows are to hold, and whether they carry tangents."""
    return {
        primitive: not isinstance(rule, Constant)
        for primitive, rule in {**RULES, **STRUCTURES}.items()
        if not (primitive in TESTED_APART or primitive in NEVER_THERE)
        and not is_absent(primitive)
    }


@pytest.mark.usefixtures("standard_promotion")
def test_every_rule_has_a_case() -> None:
    found = survey()
    assert (
        named(
            primitive
            for primitive, moves in with_rows().items()
            if primitive not in (found.differentiated if moves else found.present)
        )
        == []
    )


@pytest.mark.usefixtures("standard_promotion")
def test_every_rule_has_a_case_of_every_kind_of_number_it_is_defined_on() -> None:
    found = survey()
    lacking = {
        f"{primitive}: {kind}"
        for primitive, moves in with_rows().items()
        for kind in kinds_of(found, primitive) | ({FLOAT64, ODD} if moves else set())
        if kind not in (found.differentiated if moves else found.present)[primitive]
    }
    excepted = {
        f"{primitive}: {kind}"
        for kind, reasons in WITHOUT.items()
        for row in reasons.values()
        for primitive in row
    }
    assert not lacking - excepted, "\n".join(sorted(lacking - excepted))
    assert not excepted - lacking, "\n".join(sorted(excepted - lacking))


@pytest.mark.parametrize("primitive", TESTED_APART, ids=str)
def test_a_primitive_without_a_row_has_its_test(primitive: Primitive) -> None:
    module, test = TESTED_APART[primitive].rsplit(".", 1)
    assert callable(getattr(importlib.import_module(f"tests.{module}"), test))
