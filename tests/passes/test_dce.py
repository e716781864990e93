"""What dce drops, what it leaves, and what it shares."""

import gc
import threading
import weakref
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from jax import lax
from jax.core import eval_jaxpr
from jax.extend.core import Jaxpr, JaxprEqn, Primitive, check_jaxpr
from jax.extend.core import primitives as p
from jax.sharding import AxisType
from jax.sharding import PartitionSpec as P

from irad_passes import dce
from irad_passes._compat import scan_counts
from tests.passes.evaluation import bits, evaluate
from tests.passes.laws import count
from tests.passes.programs import one, x3


def trace(function: Callable[..., Any], *args: Any) -> Jaxpr:
    return jax.make_jaxpr(function)(*args).jaxpr


def only(jaxpr: Jaxpr, primitive: Primitive) -> JaxprEqn:
    (eqn,) = (e for e in jaxpr.eqns if e.primitive is primitive)
    return eqn


def test_nothing_dead_gives_the_same_object() -> None:
    jaxpr = trace(lambda x: jnp.sin(jnp.cos(x)), x3)
    assert dce(jaxpr) is jaxpr
    assert dce(jaxpr, [True]) is jaxpr


def test_unused_outputs_go_with_what_only_they_need() -> None:
    jaxpr = trace(lambda x, y: (jnp.sin(x), jnp.cos(y), 2.0), x3, x3)
    new = dce(jaxpr, [False, True, True])
    check_jaxpr(new)
    assert new.invars == jaxpr.invars
    assert new.outvars == jaxpr.outvars[1:]
    assert count(new) == count(new, p.cos_p) == 1
    assert new.debug_info.arg_names == jaxpr.debug_info.arg_names
    assert new.debug_info.result_paths == ("result[1]", "result[2]")


def test_a_used_mask_of_the_wrong_length_leaves_no_wrong_names() -> None:
    jaxpr = trace(lambda x: (x, x * 2.0), x3)
    unnamed = jaxpr.replace(debug_info=jaxpr.debug_info._replace(result_paths=("a",)))
    assert dce(unnamed, [False, True]).debug_info.result_paths is None


def test_a_call_loses_results_and_then_operands() -> None:
    @jax.jit
    def pair(x: Any, y: Any) -> Any:
        return jnp.sin(x), jnp.cos(y)

    new = dce(trace(lambda x, y: pair(x, y)[0], x3, x3))
    check_jaxpr(new)
    call = only(new, p.jit_p)
    assert (len(call.invars), len(call.outvars)) == (1, 1)
    assert count(new, p.cos_p) == 0
    assert len(call.params["in_shardings"]) == len(call.params["donated_invars"]) == 1
    assert len(call.params["out_shardings"]) == len(call.params["out_layouts"]) == 1
    assert call.params["jaxpr"].jaxpr.debug_info.arg_names == ("x",)


def test_equal_needs_of_one_body_go_on_sharing_one_body() -> None:
    @jax.jit
    def pair(x: Any) -> Any:
        return jnp.sin(x), jnp.cos(x)

    def function(x: Any) -> Any:
        return pair(x)[0], pair(x * 2.0)[0], pair(x)[1]

    jaxpr = trace(function, x3)
    first, second, third = (
        e.params["jaxpr"] for e in dce(jaxpr).eqns if e.primitive is p.jit_p
    )
    assert first is second
    assert third is not first
    again = [e.params["jaxpr"] for e in dce(jaxpr).eqns if e.primitive is p.jit_p]
    assert again[0] is first


def test_threads_agree_on_one_body() -> None:
    jaxpr = trace(lambda x: jax.jit(lambda a: (jnp.sin(a), jnp.cos(a)))(x)[0], x3)
    bodies: list[Any] = []
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        bodies.append(only(dce(jaxpr), p.jit_p).params["jaxpr"])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bodies) == 8
    assert all(body is bodies[0] for body in bodies)


@pytest.mark.parametrize("keep", [0, 1])
def test_bodies_are_freed_with_the_jaxpr(keep: int) -> None:
    def function(x: Any) -> Any:
        pair = jax.jit(lambda a: (jnp.sin(a), jnp.cos(a) * jnp.sin(a)))(x)
        return pair[keep], pair[1 - keep]

    jaxpr = trace(function, x3)
    old = weakref.ref(only(jaxpr, p.jit_p).params["jaxpr"])
    dce(jaxpr)
    dce(jaxpr, [True, False])
    del jaxpr
    jax.clear_caches()
    gc.collect()
    assert old() is None


def test_a_scan_loses_carries_that_only_feed_themselves() -> None:
    def body(carry: Any, xs: Any) -> Any:
        live, dead, feeds_live = carry
        a, b = xs
        return (live + feeds_live, dead * one + b, feeds_live * 2.0), (a, b, live)

    def function(x: Any) -> Any:
        (live, _, _), (_, _, lives) = lax.scan(body, (one, one, one), (x, x * 3.0))
        return live, lives

    new = dce(trace(function, x3))
    check_jaxpr(new)
    loop = only(new, p.scan_p)
    assert scan_counts(loop.params) == (0, 2)
    assert len(loop.invars) == 2, "no xs are read any more"
    assert len(loop.outvars) == 3
    assert loop.params["length"] == 3


def test_an_unused_last_carry_stays_when_the_ys_depend_on_it() -> None:
    jaxpr = trace(lambda x: lax.scan(lambda c, r: (c * r, c), one, x)[1], x3)
    assert dce(jaxpr) is jaxpr


def test_a_while_keeps_what_its_condition_reads() -> None:
    def body(state: Any) -> Any:
        return state[0] + 1, state[1] * 2.0, state[2] + state[1]

    def function(x: Any) -> Any:
        limit = jnp.sum(x)
        return lax.while_loop(lambda s: s[0] < limit, body, (one, x, x))[1]

    new = dce(trace(function, x3))
    check_jaxpr(new)
    loop = only(new, p.while_p)
    assert len(loop.outvars) == 2
    assert loop.params["cond_nconsts"] == 1
    assert len(loop.params["cond_jaxpr"].jaxpr.invars) == 3
    assert count(dce(new, [False])) == 0, "nobody waits for a pure loop"


def test_branches_lose_the_same_results_and_keep_the_union_of_operands() -> None:
    branches = [
        lambda x, y, z: (x, z),
        lambda x, y, z: (y, jnp.sin(z)),
    ]
    jaxpr = trace(lambda i, *xs: lax.switch(i, branches, *xs)[0], 0, x3, x3, x3)
    new = dce(jaxpr)
    check_jaxpr(new)
    choice = only(new, p.cond_p)
    assert len(choice.invars) == 3
    for branch in choice.params["branches"]:
        assert len(branch.jaxpr.invars) == 2
        assert len(branch.jaxpr.outvars) == 1
    args = [1, x3, x3 * 2.0, x3]
    assert bits(evaluate(new, (), args)) == bits(evaluate(jaxpr, (), args))


@pytest.mark.parametrize("prevent_cse", [True, (True, False)])
def test_a_remat_is_trimmed_like_a_call(prevent_cse: Any) -> None:
    def block(x: Any, y: Any) -> Any:
        return jnp.sin(x), jnp.cos(y)

    jaxpr = trace(lambda x, y: jax.checkpoint(block)(x, y)[1], x3, x3)
    remat = only(jaxpr, p.remat_p)
    remat = remat.replace(params={**remat.params, "prevent_cse": prevent_cse})
    new = only(dce(jaxpr.replace(eqns=[remat])), p.remat_p)
    assert (len(new.invars), len(new.outvars)) == (1, 1)
    assert new.params["prevent_cse"] in (True, (False,))


def test_effects_stay_in_dead_calls() -> None:
    def noisy(x: Any) -> Any:
        jax.debug.print("{}", x)
        return jnp.sin(x), jnp.cos(x)

    jaxpr = trace(lambda x: (jax.jit(noisy)(x), x)[1], x3)
    new = dce(jaxpr)
    check_jaxpr(new)
    assert count(new) == 2
    assert new.effects == jaxpr.effects


def test_effects_stay_in_loops_and_branches() -> None:
    def body(carry: Any, row: Any) -> Any:
        jax.debug.print("{}", row)
        return carry * row, row

    def function(x: Any, i: Any) -> Any:
        lax.scan(body, one, x)
        lax.cond(i, lambda y: body(y, y)[0], lambda y: y * 2.0, one)
        return x

    new = dce(trace(function, x3, True))
    check_jaxpr(new)
    assert count(new, p.mul_p) == 0
    assert len(only(new, p.scan_p).outvars) == 0
    assert new.effects


def test_dead_collectives_go() -> None:
    mesh = jax.make_mesh((8,), ("i",), axis_types=(AxisType.Auto,))

    @jax.jit
    def function(x: Any) -> Any:
        def local(x: Any) -> Any:
            lax.psum(jnp.sin(x), "i")
            lax.axis_index("i")
            return jax.jit(lambda x: (lax.axis_index("i") + 1, x * 2.0))(x)[1]

        return jax.shard_map(local, mesh=mesh, in_specs=P("i"), out_specs=P("i"))(x)

    jaxpr = trace(function, jnp.arange(8.0))
    new = dce(jaxpr)
    check_jaxpr(new)
    assert count(new, p.mul_p) == 1
    assert count(new, p.sin_p, p.axis_index_p, p.add_p) == 0


def test_mutable_arrays_are_left_alone_but_for_the_outputs() -> None:
    def function(x: Any) -> Any:
        ref = jax.new_ref(x)
        ref[...] = jnp.sin(x)
        return x, ref[...]

    jaxpr = trace(function, x3)
    new = dce(jaxpr, [True, False])
    assert new.eqns == jaxpr.eqns
    assert new.outvars == jaxpr.outvars[:1]
    assert dce(jaxpr) is jaxpr


def test_custom_rules_stay_whole() -> None:
    @jax.custom_vjp
    def pair(x: Any, y: Any) -> Any:
        return jnp.sin(x), jnp.cos(y)

    pair.defvjp(lambda x, y: (pair(x, y), (x, y)), lambda res, c: c)
    jaxpr = trace(lambda x, y: pair(x, y)[0], x3, x3)
    assert dce(jaxpr) is jaxpr
    assert count(dce(jaxpr.replace(outvars=jaxpr.invars[:1]))) == 0


def test_calls_with_mutable_arrays_inside_lose_outputs_only() -> None:
    def inner(x: Any) -> Any:
        ref = jax.new_ref(x)
        ref[...] = x * 2.0
        return ref[...], jnp.sin(x)

    jaxpr = trace(lambda x: jax.jit(inner)(x)[0], x3)
    new = dce(jaxpr)
    check_jaxpr(new)
    call, before = only(new, p.jit_p), only(jaxpr, p.jit_p)
    assert len(call.outvars) == 1
    assert call.effects == before.effects
    assert count(new) == count(jaxpr)
    (y,) = jax.jit(lambda x: eval_jaxpr(new, (), x))(x3)
    assert bits([y]) == bits([x3 * 2.0])
