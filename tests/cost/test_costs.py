"""Predicted operations against those of the program that XLA makes."""

from __future__ import annotations

from dataclasses import replace

import jax
import jax.numpy as jnp
import pytest
from jax import lax

import irad
from benchmarks.programs import models
from irad.cost import (
    MACHINES,
    Cost,
    call_seconds,
    compile_seconds,
    cost_of,
    equation_cost,
    seconds,
    tidied,
)
from irad.instruments.work import work

PROGRAMS = {program.name: program for program in models("small")}
# XLA puts the recomputation of 8 bodies into fewer kernels (0.84 of what is predicted).
LARGE = {p.name: p for p in models("full") if p.name == "N-body, leapfrog"}


def jaxpr_of(fun, *shapes):
    return jax.make_jaxpr(fun)(
        *(jax.ShapeDtypeStruct(shape, "float32") for shape in shapes)
    ).jaxpr


@pytest.mark.usefixtures("float32", "standard_promotion")
@pytest.mark.parametrize("name", PROGRAMS)
def test_operations_of_a_gradient_are_those_of_the_optimized_program(name):
    program = LARGE.get(name, PROGRAMS[name])
    gradient, arguments = (
        irad.grad(program.make(), program.argnums),
        program.arguments(),
    )
    made = jax.make_jaxpr(gradient)(*arguments)
    counted = work(jax.jit(gradient).lower(*arguments).compile().as_text() or "")
    predicted = cost_of(tidied(made.jaxpr))
    assert predicted.flops == pytest.approx(counted.flops, rel=0.1)
    assert predicted.transcendentals == pytest.approx(counted.transcendentals, rel=0.1)
    assert counted.bytes / 2 < predicted.bytes < counted.bytes * 2


def test_a_loop_costs_its_length_times_what_varies():
    def looped(x, w):
        return lax.scan(lambda x, _: (x @ jnp.tanh(w), None), x, length=5)[0]

    cost = cost_of(jaxpr_of(looped, (3, 3), (3, 3)))
    assert cost.flops == 5 * 2 * 27 + 9
    assert cost.transcendentals == 9
    assert cost.contracted == 5 * 2 * 27


def test_simple_operations_in_loops_are_told_apart():
    def body(x, _):
        return jnp.sin(x) * x + x, None

    cost = cost_of(jaxpr_of(lambda x: lax.scan(body, x, None, length=5)[0] - x, (100,)))
    assert (cost.simple, cost.looped) == (11 * 100, 10 * 100)


def test_a_jacobian_has_its_simple_operations_sooner_in_a_loop():
    alone = Cost(flops=10**6)
    machine = MACHINES["cpu"]
    saved = call_seconds(alone) - call_seconds(replace(alone, looped=10**6))
    assert saved == pytest.approx(1e6 / machine.joining - 1e6 / machine.flops)


def test_what_a_loop_stacks_is_computed_again_where_it_is_written():
    def looped(x):
        def step(x, _):
            y = x * 2
            return jnp.sin(y), y

        return lax.scan(step, x, length=5)

    assert cost_of(jaxpr_of(looped, (3,))).flops == 5 * (2 + 1) * 3


@pytest.mark.parametrize(("columns", "kernels"), [(64, 1), (256, 4)])
def test_long_rows_are_joined_in_a_kernel_of_their_own(columns, kernels):
    """Two parts, the rows that are joined of them, and what is done with these."""
    cost = cost_of(jaxpr_of(lambda x: x + jnp.roll(x, 1, axis=1), (256, columns)))
    assert cost.kernels == kernels


def test_what_is_joined_for_two_kernels_is_stored():
    def fun(x):
        y = jnp.concatenate([x[1:] * 2, x[:1] * 2]) + 1
        return jnp.sum(y * 3), jnp.sum(y * y)

    n = 5
    assert cost_of(jaxpr_of(fun, (n,))).flops == n + 2 * (2 * n + n - 1)


@pytest.mark.parametrize(("n", "kernels"), [(8, 2), (200, 1)])
def test_reductions_repeat_what_is_small(n, kernels):
    def fun(x):
        y = x * 3
        return jnp.sum(y, axis=0), jnp.sum(y, axis=1)

    cost = cost_of(jaxpr_of(fun, (n, n)))
    assert cost.flops == kernels * n * n + 2 * n * (n - 1)
    text = jax.jit(fun).lower(jax.ShapeDtypeStruct((n, n), "float32")).compile()
    assert cost.flops == work(text.as_text() or "").flops


def test_only_what_depends_on_a_batch_is_multiplied():
    def fun(x, y):
        return jnp.sin(x) @ jnp.cos(y)

    jaxpr = jaxpr_of(fun, (2, 3), (3, 4))
    alone = cost_of(jaxpr)
    assert alone.flops == 6 + 12 + 2 * 24
    assert cost_of(jaxpr, batch=7, batched=jaxpr.invars[:1]).flops == 7 * 54 + 12
    assert cost_of(jaxpr, batch=7).flops == 7 * alone.flops
    inner = jaxpr.eqns[1].outvars
    assert cost_of(jaxpr, batch=7, batched=inner).flops == 6 + 7 * 60


def test_a_batch_reaches_the_carry_of_a_loop_through_its_body():
    def fun(x, y):
        def step(carry, _):
            a, b = carry
            return (a * y, b + x), None

        return lax.scan(step, (jnp.ones_like(x), jnp.ones_like(x)), length=4)[0]

    jaxpr = jaxpr_of(fun, (3,), (3,))
    first = cost_of(jaxpr, batch=10, batched=jaxpr.invars[:1])
    assert first.flops == 4 * (3 + 10 * 3)


def test_the_dearest_branch_counts_and_all_of_them_in_a_batch_of_choices():
    def fun(i, x):
        return lax.cond(i > 0, jnp.sin, lambda x: x * x + x, x)

    jaxpr = jaxpr_of(fun, (), (5,))
    assert cost_of(jaxpr).flops == 1 + 10
    assert cost_of(jaxpr, batch=2).flops == 2 * (1 + 10 + 5)


def test_a_loop_of_unknown_length_says_so():
    def fun(x):
        return lax.while_loop(lambda x: x[0] < 1, lambda x: x * 2, x)

    jaxpr = jaxpr_of(fun, (5,))
    assert cost_of(jaxpr).uncounted == {"while"}
    known = cost_of(jaxpr, trips=3)
    assert (known.flops, known.uncounted) == (3 * (5 + 1), frozenset())


def test_elementwise_chains_move_what_goes_in_and_comes_out():
    jaxpr = jaxpr_of(lambda x: jnp.sin(jnp.cos(x * 2) + 1), (100,))
    cost = cost_of(jaxpr)
    assert (cost.bytes, cost.peak_bytes, cost.kernels) == (800, 448, 1)


def test_what_is_cheap_runs_again_in_each_kernel_that_uses_it():
    def fun(x):
        y = x * x + x
        return jnp.sum(y * 3), jnp.sum(jnp.sin(y), axis=0)

    n = 25
    kernels = (2 + 1) * n + n - 1, (2 + 1) * n + n - 5
    assert cost_of(jaxpr_of(fun, (5, 5))).flops == sum(kernels)


def test_a_dot_of_one_term_is_an_elementwise_product():
    cost = cost_of(jaxpr_of(lambda x, y: jnp.outer(x, y) + 1, (5,), (7,)))
    assert (cost.flops, cost.contracted, cost.kernels) == (70, 0, 1)
    (eqn,) = jaxpr_of(lambda x, y: lax.dot(x, y), (5, 1), (1, 7)).eqns
    assert (equation_cost(eqn).flops, equation_cost(eqn).contracted) == (35, 0)


def test_a_convolution_in_groups_of_a_batch_is_no_fast_product():
    def pulled(x, w):
        numbers = ("HWNC", "HWIO", "HWNC")
        options = {"dimension_numbers": numbers, "batch_group_count": 2}
        return lax.conv_general_dilated(x, w, (1, 1), "VALID", **options)

    cost = cost_of(jaxpr_of(pulled, (3, 3, 4, 5), (3, 3, 5, 6)))
    assert (cost.flops, cost.contracted) == (2 * 9 * 5 * 6 * 2, 0)


def test_what_is_dear_runs_once():
    def fun(x):
        y = jnp.sin(x)
        return jnp.sum(y * 3), jnp.sum(y * y, axis=0)

    assert cost_of(jaxpr_of(fun, (5, 5))).transcendentals == 25


def test_an_equation_alone_moves_all_of_its_operands_and_results():
    (eqn,) = jaxpr_of(jnp.matmul, (2, 3), (3, 5)).eqns
    assert equation_cost(eqn) == Cost(
        flops=60,
        bytes=4 * (6 + 15 + 10),
        peak_bytes=192,
        contracted=60,
        kernels=1,
        likely_bytes=40,
    )


def test_a_sum_is_one_after_the_other():
    first, second = Cost(1, 2, 3, 40), Cost(10, 20, 30, 4)
    assert first + second == Cost(11, 22, 33, 40)
    assert first.scaled(3) == Cost(3, 6, 9, 40)


@pytest.mark.parametrize("backend", ["cpu", "gpu", "tpu"])
def test_more_work_takes_more_seconds(backend):
    cost = Cost(10**9, 10**6, 10**8, 10**6, contracted=10**8, kernels=3)
    assert 0 < seconds(cost, backend) < seconds(cost.scaled(2), backend)


def test_kernels_of_a_step_that_fits_the_cache_move_faster():
    def total(n):
        x = jnp.ones(n, "float32")
        add = lambda s, _: (s + x, None)  # noqa: E731
        made = jax.make_jaxpr(lambda s: lax.scan(add, s, length=8)[0])(x).jaxpr
        return cost_of(made, machine=MACHINES["cpu"]).seconds / n

    assert 2 * total(10**4) < total(10**6)


def test_seconds_are_those_of_a_machine_that_is_given():
    made = jaxpr_of(lambda x: jnp.sin(x) * 2, (50,))
    assert cost_of(made).seconds == 0.0
    work = cost_of(made, machine=MACHINES["cpu"])
    assert work.seconds > 50 * MACHINES["cpu"].transcendental
    assert replace(work, seconds=0.0) == cost_of(made)
    assert work.scaled(3).seconds == 3 * work.seconds


def test_more_equations_take_longer_to_compile():
    assert compile_seconds(10) < compile_seconds(1000)
