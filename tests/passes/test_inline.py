"""Which calls inline replaces by their equations, and which stay calls."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import ClosedJaxpr, DropVar, Jaxpr, JaxprEqn, Literal, check_jaxpr
from jax.extend.core import primitives as p
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from irad_passes import inline
from tests.passes.evaluation import bits, evaluate
from tests.passes.laws import check_laws, count
from tests.passes.programs import one, x3


def trace(function: Callable[..., Any], *args: Any) -> Jaxpr:
    return jax.make_jaxpr(function)(*args).jaxpr


def chain(length: int) -> Callable[[Any], Any]:
    def function(x: Any) -> Any:
        for _ in range(length):
            x = jnp.sin(x)
        return x

    return function


def calls(jaxpr: Jaxpr) -> list[JaxprEqn]:
    return [eqn for eqn in jaxpr.eqns if eqn.primitive is p.jit_p]


@pytest.mark.parametrize(("length", "left"), [(1, 0), (64, 0), (65, 1)])
def test_a_body_called_once_is_spliced_up_to_the_limit(length: int, left: int) -> None:
    jaxpr = trace(lambda x: jax.jit(chain(length))(x) * 2.0, x3)
    assert len(calls(inline(jaxpr))) == left
    assert len(calls(inline(jaxpr, max_equations=length))) == 0
    assert inline(jaxpr, max_equations=length - 1) is jaxpr


@pytest.mark.parametrize(("length", "left"), [(8, 0), (9, 2)])
def test_a_body_called_twice_stays_shared_unless_tiny(length: int, left: int) -> None:
    body = jax.jit(chain(length))
    new = check_laws(inline, trace(lambda x: body(body(x)), x3), (), [x3])
    bodies = [e.params["jaxpr"] for e in calls(new)]
    assert len(bodies) == left
    assert len(set(map(id, bodies))) <= 1
    variables = [y for eqn in new.eqns for y in eqn.outvars]
    assert len(set(variables)) == len(variables)


def test_a_body_counts_with_its_own_calls_inlined() -> None:
    def outer(x: Any) -> Any:
        return jax.jit(chain(5))(x) + jax.jit(chain(6))(x)

    jaxpr = trace(jax.jit(outer), x3)
    assert calls(inline(jaxpr, max_equations=12)) == []
    (call,) = calls(inline(jaxpr, max_equations=11))
    assert count(call.params["jaxpr"].jaxpr, p.jit_p) == 0


def test_calls_in_loops_branches_and_remats_are_inlined() -> None:
    small = jax.jit(lambda x: jnp.sin(x) * 2.0)

    def body(carry: Any, row: Any) -> Any:
        carry = lax.cond(row > 0, small, lambda x: -small(x), carry)
        return carry * small(row), jax.checkpoint(small)(row)

    def function(x: Any) -> Any:
        total, _ = lax.scan(body, jnp.sum(x), x)
        return lax.while_loop(lambda s: s < 10.0, lambda s: s + small(s) ** 2, total)

    jaxpr = trace(function, x3)
    new = check_laws(inline, jaxpr, (), [x3])
    assert count(jaxpr, p.jit_p) == 5
    assert count(new, p.jit_p) == 0


def test_what_asks_for_a_call_stays_a_call() -> None:
    mesh = jax.make_mesh((8,), ("i",))
    sharding = NamedSharding(mesh, P())
    kinds = [
        jax.jit(jnp.sin, in_shardings=sharding),
        jax.jit(jnp.sin, out_shardings=sharding),
        jax.jit(jnp.sin, donate_argnums=0),
    ]
    for function in kinds:
        jaxpr = trace(function, x3)
        assert len(calls(jaxpr)) == 1
        assert inline(jaxpr) is jaxpr
    plain = trace(jax.jit(jnp.sin), x3)
    (call,) = plain.eqns
    options = {**call.params, "compiler_options_kvs": (("a", "b"),)}
    kept = plain.replace(eqns=[call.replace(params=options)])
    assert inline(kept) is kept


def test_a_body_with_values_for_constants_stays_a_call() -> None:
    jaxpr = trace(jax.jit(lambda x: jnp.sin(x) * 2.0), x3)
    (call,) = jaxpr.eqns
    body = call.params["jaxpr"].jaxpr
    constant = type(body.invars[0])(body.invars[0].aval)
    closed = ClosedJaxpr(body.replace(constvars=[constant]), [np.ones(3)])
    kept = jaxpr.replace(eqns=[call.replace(params={**call.params, "jaxpr": closed})])
    assert inline(kept) is kept


def test_names_of_the_call_come_before_those_of_the_body() -> None:
    @jax.jit
    def inner(x: Any) -> Any:
        with jax.named_scope("inside"):
            return jnp.sin(x)

    def function(x: Any) -> Any:
        with jax.named_scope("outside"):
            return inner(x)

    (eqn,) = inline(trace(function, x3)).eqns
    assert str(eqn.source_info.name_stack) == "outside/inside"


def test_results_that_are_operands_or_literals_need_no_equation() -> None:
    @jax.jit
    def function(x: Any, y: Any) -> Any:
        return y, 2.0, x, jnp.sin(x)

    jaxpr = trace(lambda x: (function(x, 3.0), function(x, x)), x3)
    new = inline(jaxpr)
    check_jaxpr(new)
    assert len(new.eqns) == 2
    y, two, x, _, same, *_ = new.outvars
    assert isinstance(y, Literal)
    assert isinstance(two, Literal)
    assert x is same is new.invars[0]
    assert bits(evaluate(new, (), [x3])) == bits(evaluate(jaxpr, (), [x3]))


def test_dropped_results_stay_dropped() -> None:
    jaxpr = trace(jax.jit(lambda x: lax.top_k(x, 2)), x3)
    (call,) = jaxpr.eqns
    body = call.params["jaxpr"].jaxpr
    (top,) = body.eqns
    values, places = top.outvars
    top = top.replace(outvars=[values, DropVar(places.aval)])
    closed = ClosedJaxpr(body.replace(eqns=[top], outvars=[values]), ())
    params = {**call.params, "jaxpr": closed}
    for name in ("out_shardings", "out_layouts"):
        params[name] = call.params[name][:1]
    call = call.replace(outvars=call.outvars[:1], params=params)
    new = inline(jaxpr.replace(eqns=[call], outvars=call.outvars))
    check_jaxpr(new)
    assert isinstance(new.eqns[0].outvars[1], DropVar)


def test_a_type_that_differs_between_call_and_body_keeps_the_call() -> None:
    jaxpr = trace(jax.jit(lambda x: (x, jnp.sin(x))), one)
    assert one.weak_type
    (call,) = jaxpr.eqns
    strong = type(jaxpr.invars[0])(jaxpr.invars[0].aval.update(weak_type=False))
    kept = jaxpr.replace(invars=[strong], eqns=[call.replace(invars=[strong])])
    check_jaxpr(kept)
    assert inline(kept) is kept


def test_calls_that_touch_mutable_arrays_stay() -> None:
    def write(ref: Any, x: Any) -> Any:
        ref[...] = x
        return x * 2.0

    def function(x: Any) -> Any:
        ref = jax.new_ref(x)
        jax.jit(write)(ref, x)
        return jax.jit(jnp.sin)(ref[...])

    jaxpr = trace(function, x3)
    assert inline(jaxpr) is jaxpr
    assert len(calls(inline(trace(jax.jit(function), x3)))) == 1
