"""Which primitives the rows of the tests of rules and structures meet."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, Primitive
from jax.extend.core.primitives import after_all_p, call_p, create_token_p

import irad
from irad import linearization
from irad._compat import primitives as private
from tests.laws import Case

TESTS = Path(__file__).parents[1]

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
    private.reshard_p: "composition.test_sharding."
    "test_explicit_shardings_of_one_operand",
}
"""Primitives that no row can hold, since JAX has no derivative or only on some machines
or meshes, and the test that each has."""

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
    """The cases of a module, each once; rows of one shard are placed on shards."""
    seen: dict[int, Case] = {}
    for table in vars(module).values():
        for row in _leaves(table):
            if isinstance(row, Case):
                seen[id(row)] = row
    yield from seen.values()
    if hasattr(module, "_shards"):
        for row, place in module.PLACES:
            shards = module._shards(row, module.N)
            yield Case(str(row), module._placed(row.fun, place), [shards])


def _leaves(table: Any) -> Iterator[Any]:
    if isinstance(table, (list, tuple)):
        yield from table
    elif isinstance(table, dict):
        yield from table.values()


def met(case: Case) -> tuple[set[Primitive], set[Primitive]]:
    """The primitives that a row differentiates, and all that it has."""
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

    differentiated: set[Primitive] = set()
    real = linearization._local

    def recorded(eqn: Any, *rest: Any) -> Any:
        differentiated.add(eqn.primitive)
        return real(eqn, *rest)

    x = [args[i] for i in live]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linearization, "_local", recorded)
        jax.eval_shape(differentiate, *x)
    present: set[Primitive] = set()
    _collect(jax.make_jaxpr(fun)(*x), present)
    return differentiated, present


def _collect(body: Any, found: set[Primitive]) -> None:
    """All primitives of a jaxpr and of those that its equations hold."""
    if isinstance(body, ClosedJaxpr):
        body = body.jaxpr
    if isinstance(body, (list, tuple)):
        for part in body:
            _collect(part, found)
    elif isinstance(body, Jaxpr):
        for eqn in body.eqns:
            found.add(eqn.primitive)
            for value in eqn.params.values():
                _collect(value, found)
