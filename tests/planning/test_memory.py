"""What a plan says it holds bounds what XLA reports, and a memory limit is kept."""

from __future__ import annotations

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import irad
from benchmarks.programs import hessians, jacobians
from benchmarks.programs.derivative import Derivative

pytestmark = pytest.mark.usefixtures("float32", "standard_promotion")

PROGRAMS = {
    program.name: program for program in (*jacobians("small"), *hessians("small"))
}
PLAIN = (
    "layered widths",
    "independent blocks",
    "tridiagonal",
    "Burgers, coarse",
    "network with one hidden layer",
    "Lorenz",
)


def held(fun: Any, *args: Any) -> int:
    """The bytes of temporaries and results that XLA reports."""
    memory = jax.jit(fun).lower(*args).compile().memory_analysis()
    assert memory is not None
    return memory.temp_size_in_bytes + memory.output_size_in_bytes


def planned(program: Derivative, **options: Any) -> tuple[irad.Plan, Any]:
    """A plan, and what it computes: of a sparse matrix the entries."""
    fun, is_second = program.make(), program.order == 2
    made = irad.plan(fun, second_order=is_second, **options)(*program.arguments())
    whole = irad.hessian if is_second else irad.jacobian
    of = whole(fun, plan=made, format=options.get("format", "dense"))

    def values(*args: Any) -> Any:
        J = of(*args)
        return J.data if options.get("format") == "bcoo" else J

    return made, values


@pytest.mark.parametrize("format", ["dense", "bcoo"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_plan_holds_no_more_than_it_says(name: str, format: str) -> None:
    program = PROGRAMS[name]
    plan, values = planned(program, format=format)
    assert held(values, *program.arguments()) <= plan.cost.peak_bytes


@pytest.mark.parametrize("order", ["forward", "reverse"])
@pytest.mark.parametrize("chunk", [None, 3])
@pytest.mark.parametrize("name", PLAIN)
def test_a_plain_way_holds_no_more_than_it_says(
    name: str, chunk: int | None, order: Any
) -> None:
    program = PROGRAMS[name]
    fun, is_second = program.make(), program.order == 2
    args = program.arguments()
    plan = irad.plan(fun, order=order, chunk_size=chunk, second_order=is_second)(*args)
    (row,) = [i for i, c in enumerate(plan.candidates) if c.way == order]
    whole = irad.hessian if is_second else irad.jacobian
    plan = plan.choosing(row)
    assert held(whole(fun, plan=plan), *args) <= plan.cost.peak_bytes


def squared(x: Any) -> Any:
    """Values of every element in every other, wider inside than at the ends."""
    y = jnp.outer(jnp.sin(x), jnp.cumsum(x))
    return jnp.tanh(jnp.sum(y * y[::-1], 1))


def test_seeds_go_in_chunks_where_all_of_them_do_not_fit() -> None:
    x = jnp.linspace(0.1, 1.0, 60)
    whole = irad.plan(squared, order="forward")(x)
    row = [c.way for c in whole.candidates].index("forward")
    peak = whole.candidates[row].cost
    assert peak is not None
    limit = peak.peak_bytes // 3
    plan = irad.plan(squared, order="forward", memory_limit=limit)(x)
    assert plan.recipe.chunk is not None
    assert plan.cost.peak_bytes <= limit
    jacobian = irad.jacobian(squared, order="forward", memory_limit=limit)
    np.testing.assert_allclose(jacobian(x), jax.jacobian(squared)(x), 1e-4, 1e-5)
    assert held(jacobian, x) <= limit


def test_the_least_that_an_error_names_is_enough() -> None:
    x = jnp.linspace(0.1, 1.0, 60)
    with pytest.raises(irad.PlanError, match="the least that would do") as raised:
        irad.jacobian(squared, memory_limit="2kB")(x)
    found = re.search(r"would do is (\d+) bytes", str(raised.value))
    assert found is not None
    least = int(found[1])
    jacobian = irad.jacobian(squared, memory_limit=least)
    np.testing.assert_allclose(jacobian(x), jax.jacobian(squared)(x), 1e-4, 1e-5)
    assert held(jacobian, x) <= least
    with pytest.raises(irad.PlanError, match=f"is {least} bytes"):
        irad.plan(squared, memory_limit=least - 1)(x)
