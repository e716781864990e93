"""Which primitives the rows of the tests of rules and structures meet."""

from __future__ import annotations

import functools
import importlib
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import Jaxpr, Primitive, Var, jaxprs_in_params
from jax.extend.core.primitives import after_all_p, call_p, create_token_p

import irad
from irad import linearization
from irad._compat import primitives as private
from irad_passes.modules.bodied import (
    scatter_by_p,
    select_and_scatter_by_p,
    sort_by_p,
)
from irad_passes.modules.opaque import opaque_p
from tests.laws import Case

TESTS = Path(__file__).parents[1]

FLOAT64, ODD = "float64", "an odd cotangent"
KINDS = {
    "float16": "low precision",
    "bfloat16": "low precision",
    "float32": "float32",
    "float64": FLOAT64,
    "complex64": "complex",
    "complex128": "complex",
}
"""The kinds of numbers that a rule must be tried on, by their types."""
PASSED_THROUGH = frozenset(
    (
        lax.broadcast_in_dim_p,
        lax.reshape_p,
        lax.select_n_p,
        lax.squeeze_p,
        private.pvary_p,
        private.reduced_vary_cast_p,
        private.unreduced_psum_p,
        private.unreduced_reduce_scatter_p,
    )
)
"""Primitives whose pull moves or adds up cotangents: what is odd in them stays odd."""
EXAMPLES = 3
"""How many equations of a primitive are tried in other types."""

TESTED_APART: dict[Primitive, str] = {
    lax.reduce_window_p: "rules.test_window.test_window_of_any_function",
    private.check_p: "rules.test_constant.test_checks_are_made_once_where_they_were",
    private.compute_on_p: "composition.test_sharding."
    "test_a_call_on_the_host_is_differentiated_as_calls_on_the_host",
    private.pbroadcast_p: "rules.test_collective."
    "test_pbroadcast_and_its_transpose_are_adjoint",
    private.ragged_all_to_all_p: "rules.test_collective."
    "test_ragged_all_to_all_and_its_transpose_are_adjoint",
    private.remat_opt_p: "structure.test_custom_vjp."
    "test_the_forward_program_of_optimize_remat_runs",
    **dict.fromkeys(
        (sort_by_p, scatter_by_p, select_and_scatter_by_p),
        "stablehlo.test_bodies.test_a_body_computes_and_is_differentiated",
    ),
    opaque_p: "stablehlo.test_rules."
    "test_a_rule_gives_the_derivative_and_the_operation_the_value",
    private.reshard_p: "composition.test_sharding."
    "test_explicit_shardings_of_one_operand",
}
"""Primitives that no row can hold, since JAX has no derivative or only on some machines
or meshes, or since only modules have them, and the test that each has."""

WITHOUT: dict[str, dict[str, tuple[Primitive, ...]]] = {
    "complex": {
        "JAX has no derivative, since it compares what has no order": (
            lax.clamp_p,
            lax.reduce_window_max_p,
            lax.reduce_window_min_p,
        ),
        "XLA has a total order of real numbers only": (lax.eq_to_p,),
    },
    "low precision": {
        "its factor is compared with that of a product, which JAX has not in these": (
            private.cholesky_update_p,
        ),
    },
}
"""Kinds of numbers that no row of a primitive can have, and why."""

NEVER_THERE: dict[Primitive, str] = {
    primitive: reason
    for reason, row in {
        "JAX makes it when it compiles a program on keys": (
            private.iota_2x32_shape_p,
            private.philox2x32_p,
            private.philox4x32_p,
            private.threefry4x32_p,
        ),
        "no public function makes one, and it has no floating-point operand": (
            after_all_p,
            create_token_p,
            private.empty2_p,
            private.empty_p,
            private.inspect_sharding_p,
            private.zeros_like_p,
        ),
        "is written as a closed_call when it is recorded": (private.eval_jaxpr_p,),
        "the value itself takes its place when it is recorded": (private.stage_p,),
        "no function of JAX makes one any more; a closed_call has the same rule": (
            call_p,
        ),
    }.items()
    for primitive in row
}
"""Primitives that are in no program a row could trace, and why."""


def cases() -> Iterator[Case]:
    """All rows that the test modules of rules and structures keep in tables."""
    for folder in ("rules", "structure"):
        for path in sorted((TESTS / folder).glob("test_*.py")):
            module = importlib.import_module(f"tests.{folder}.{path.stem}")
            yield from _rows(module)


def _rows(module: ModuleType) -> Iterator[Case]:
    """The cases of a module, each once."""
    seen: dict[int, Case] = {}
    for table in vars(module).values():
        for row in _leaves(table):
            if isinstance(row, Case):
                seen[id(row)] = row
    yield from seen.values()


def _leaves(table: Any) -> Iterator[Any]:
    if isinstance(table, (list, tuple)):
        yield from table
    elif isinstance(table, dict):
        yield from table.values()


@dataclass
class Survey:
    """Which kinds of numbers the rows hand each primitive, and in which equations.

    ``differentiated`` has what is differentiated, ``present`` all that is there, and
    ``doubles`` some equations of float64 of each.
    """

    differentiated: dict[Primitive, set[str]]
    present: dict[Primitive, set[str]]
    doubles: dict[Primitive, list[Any]]


@functools.cache
def survey() -> Survey:
    """What all rows meet: each is traced, and none of them run."""
    irad.clear_caches()
    found = Survey(defaultdict(set), defaultdict(set), defaultdict(list))
    for case in cases():
        _survey(case, found)
    return found


def _survey(case: Case, found: Survey) -> None:
    args = [jnp.asarray(x) for x in case.args]
    live = [i for i, x in enumerate(args) if jnp.issubdtype(x.dtype, jnp.inexact)]

    def fun(*moving: Any) -> list[Any]:
        full = list(args)
        for i, x in zip(live, moving, strict=True):
            full[i] = x
        leaves = jax.tree.leaves(case.fun(*full))
        return [y for y in leaves if jnp.issubdtype(y.dtype, jnp.inexact)]

    def differentiate(*x: Any) -> None:
        transform = irad.linearize if "fwd" in case.modes else irad.vjp
        transform(fun, *x)

    real = linearization._local

    def recorded(eqn: Any, active: Any, wanted: Any, *rest: Any) -> Any:
        atoms = [*(eqn.invars[i] for i in active), *(eqn.outvars[j] for j in wanted)]
        found.differentiated[eqn.primitive].update(_kinds(atoms))
        return real(eqn, active, wanted, *rest)

    x = [args[i] for i in live]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linearization, "_local", recorded)
        jax.eval_shape(differentiate, *x)
    program = jax.make_jaxpr(fun)(*x).jaxpr
    for eqn in _equations(program):
        kinds = _kinds([*eqn.invars, *eqn.outvars])
        found.present[eqn.primitive].update(kinds)
        if FLOAT64 in kinds and len(found.doubles[eqn.primitive]) < EXAMPLES:
            found.doubles[eqn.primitive].append(eqn)
    if case.cotangents is not None and "rev" in case.modes:
        for primitive in _last(program):
            found.differentiated[primitive].add(ODD)


def _kinds(atoms: Iterable[Any]) -> set[str]:
    dtypes = {str(getattr(atom.aval, "dtype", None)) for atom in atoms}
    return {kind for dtype, kind in KINDS.items() if dtype in dtypes}


def _equations(program: Jaxpr) -> Iterator[Any]:
    """All equations of a program and of those that its equations hold."""
    for eqn in program.eqns:
        yield eqn
        for inner in jaxprs_in_params(eqn.params):
            yield from _equations(inner)


def _last(program: Jaxpr) -> Iterator[Primitive]:
    """What gives a program's results, which is what its cotangents meet first."""
    met = set(program.outvars)
    for eqn in reversed(program.eqns):
        if not met.isdisjoint(eqn.outvars):
            yield eqn.primitive
            for inner in jaxprs_in_params(eqn.params):
                yield from _last(inner)
            if eqn.primitive in PASSED_THROUGH:
                met.update(x for x in eqn.invars if isinstance(x, Var))


def kinds_of(found: Survey, primitive: Primitive) -> set[str]:
    """The kinds of numbers that JAX compiles some equation of a primitive on."""
    return {
        KINDS[dtype]
        for dtype in ("bfloat16", "float32", "complex128")
        if any(_is_defined(eqn, dtype) for eqn in found.doubles[primitive])
    }


def _is_defined(eqn: Any, dtype: str) -> bool:
    """Whether JAX compiles an equation of float64 with that made another type.

    Complex numbers beside it become those of the other type, which only float32 has. An
    equation that holds a program, or needs a named axis, is taken to be defined.
    """
    if any(jaxprs_in_params(eqn.params)):
        return True
    types = {FLOAT64: dtype, "complex128": {"float32": "complex64"}.get(dtype)}

    def other(value: Any) -> Any:
        found = types.get(str(value), value) if isinstance(value, np.dtype) else value
        return np.dtype(found) if isinstance(found, str) else found

    def made(*x: Any) -> Any:
        params = {name: other(value) for name, value in eqn.params.items()}
        return eqn.primitive.bind(*x, **eqn.primitive.get_bind_params(params))

    operands = [(v.aval.shape, other(v.aval.dtype)) for v in eqn.invars]
    if any(dtype is None for _, dtype in operands):
        return False
    try:
        jax.jit(made).lower(*[jax.ShapeDtypeStruct(*x) for x in operands])
    except (NotImplementedError, TypeError, ValueError):
        return False
    except NameError:
        return True
    return True
