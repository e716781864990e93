"""What the compiled program of a planned Jacobian does, beside that by hand."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from benchmarks.programs import jacobians
from irad._compat import ir
from irad.cost import MACHINES
from irad.instruments.work import Work, work

pytestmark = pytest.mark.usefixtures("float32", "standard_promotion")

PROGRAMS = {program.name: program for program in jacobians("small")}


def work_of(fun: Any, *args: Any) -> Work:
    return work(jax.jit(fun).lower(*args).compile().as_text() or "")


@pytest.mark.parametrize("name", ["tridiagonal", "diagonal + rank 1", "arrow"])
def test_a_dense_jacobian_takes_no_operations_for_its_zeros(name: str) -> None:
    program = PROGRAMS[name]
    args = program.arguments()
    ours = work_of(irad.jacobian(program.make()), *args)
    assert ours.flops <= 1.1 * work_of(program.by_hand, *args).flops


@pytest.mark.parametrize("name", ["bottleneck", "deep bottleneck", "layered widths"])
def test_layers_are_multiplied_as_by_hand(name: str) -> None:
    program = PROGRAMS[name]
    args = program.arguments()
    ours = work_of(irad.jacobian(program.make()), *args)
    hand = work_of(program.by_hand, *args)
    assert ours.flops <= 1.01 * hand.flops
    assert ours.bytes <= 1.01 * hand.bytes


def test_entries_are_added_where_several_are_in_one_place() -> None:
    def fun(x: Any) -> Any:
        return jnp.sin(x) + x[::-1] * x + x[0] * jnp.cos(x) + jnp.tanh(x @ x)

    x = jnp.linspace(0.1, 1.0, 7)
    J = irad.jacobian(fun)(x)
    assert jnp.allclose(J, jax.jacobian(fun)(x), atol=1e-5)


def test_entries_that_never_meet_are_not_added() -> None:
    a = jnp.linspace(0.1, 1.0, 7)

    def fun(x: Any) -> Any:
        return jnp.pad(x[:3] * a[:3], (0, 4)) + jnp.pad(x[3:] * a[3:], (3, 0))

    J = irad.jacobian(fun, format="bcoo")
    assert work_of(lambda x: J(x).data, a).flops == 0
    assert jnp.allclose(J(a).todense(), jnp.diag(a))


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("elementwise", 1.0),
        ("tridiagonal", 1.01),
        ("arrow", 1.0),
        ("Burgers, coarse", 1.01),
    ],
)
def test_entries_take_what_they_take_by_hand(name: str, most: float) -> None:
    program = PROGRAMS[name]
    args = program.arguments()
    J = irad.jacobian(program.make(), format="bcoo")
    ours = work_of(lambda *args: J(*args).data, *args)
    assert ours.flops <= most * work_of(program.by_hand, *args).flops


@pytest.mark.parametrize("name", ["Burgers, coarse", "independent blocks", "arrow"])
def test_steps_of_equal_cost_are_predicted_apart(name: str) -> None:
    program = PROGRAMS[name]
    args, fun = program.arguments(), program.make()
    plan = irad.plan(fun)(*args)
    predicted = plan.candidates[plan.chosen].cost
    assert predicted is not None
    counted = work_of(irad.jacobian(fun), *args)
    assert predicted.flops == counted.flops


def test_a_plain_way_gives_way_to_one_about_as_fast_of_fewer_flops() -> None:
    program = PROGRAMS["square network"]
    plan = irad.plan(program.make())(*program.arguments())
    costs = [row.cost.flops for row in plan.candidates if row.cost]
    chosen = plan.candidates[plan.chosen].cost
    assert chosen is not None
    assert chosen.flops == min(costs) < max(costs)


def test_constant_factors_are_multiplied_in_once() -> None:
    def valley(x: Any) -> Any:
        return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    x = jnp.linspace(0.1, 1.0, 100)
    H = irad.hessian(valley, format="bcoo")
    assert work_of(lambda x: H(x).data, x).flops <= 7 * x.size
    np.testing.assert_allclose(H(x).todense(), jax.hessian(valley)(x), rtol=1e-5)


def test_factors_that_could_overflow_do_not_wait() -> None:
    def fun(x: Any) -> Any:
        return 1e-25 * (jnp.sin(1e25 * x) * x[0] * 1e20)

    x = jnp.linspace(0.1, 1.0, 7) * 1e-20
    expected = jax.jacobian(fun)(x)
    assert jnp.isfinite(expected).all()
    np.testing.assert_allclose(irad.jacobian(fun)(x), expected, rtol=1e-5)


@pytest.mark.parametrize(
    "name", ["Roe flux", "robot arm", "human heart dipole", "propane combustion"]
)
def test_scalar_programs_are_small_enough_to_run_at_once(name: str) -> None:
    program = PROGRAMS[name]
    args = program.arguments()
    made = jax.jit(irad.jacobian(program.make())).lower(*args).compile()
    counted = made.cost_analysis()
    assert counted is not None
    assert counted["flops"] < MACHINES["cpu"].inline


def kernels_of(fun: Any, *args: Any) -> int:
    text = jax.jit(fun).lower(*args).compile().as_text() or ""
    return text[text.index("ENTRY") :].count(" fusion(")


def test_short_runs_of_entries_are_gathered_and_not_sliced_one_by_one() -> None:
    """Three equations of a cell after the other: an entry of three is not there."""

    def cell(c: Any) -> Any:
        return jnp.stack([-c[0] * c[1], c[0] * jnp.exp(c[2]), c[2] * c[3], c[3]])

    def fun(x: Any) -> Any:
        return jax.vmap(cell)(x.reshape(50, 4)).reshape(-1)

    x = jnp.linspace(0.1, 1.0, 200)
    J = irad.jacobian(fun, format="bcoo")
    assert kernels_of(lambda x: J(x).data, x) <= 4
    assert jnp.allclose(J(x).todense(), jax.jacobian(fun)(x), atol=1e-5)


def test_each_gather_of_entries_is_predicted_to_be_a_kernel() -> None:
    """Adding up what was read at many places takes a gather for each share."""
    draw = np.random.default_rng(0)
    points, cameras = draw.integers(0, 20, 60), draw.integers(0, 5, 60)

    def residuals(z: Any) -> Any:
        p, c = z[:60].reshape(20, 3)[points], z[60:].reshape(5, 3)[cameras]
        return (p * c + jnp.sin(c)).reshape(-1)

    z = jnp.linspace(0.1, 1.0, 75)
    plan = irad.plan(residuals, format="bcoo")(z)
    kernels = {c.way: c.cost.kernels for c in plan.candidates if c.cost}
    assert kernels["reverse, structured"] > 4 * kernels["forward, structured"]
    assert plan.candidates[plan.chosen].way == "forward, structured"


@pytest.mark.parametrize(
    ("form", "way"), [("dense", "reverse"), ("bcoo", "reverse, structured")]
)
def test_one_row_is_pulled_plainly_where_an_array_is_wanted(
    form: str, way: str
) -> None:
    def fun(x: Any) -> Any:
        return jnp.sum(x**3)

    x = jnp.linspace(0.1, 0.9, 40)
    plan = irad.plan(fun, order="reverse", format=form)(x)
    assert plan.candidates[plan.chosen].way == way


def test_quotients_that_several_entries_share_are_predicted_to_be_kernels() -> None:
    def fun(x: Any) -> Any:
        a, b = x[0] / x[1], x[2] / x[3]
        return jnp.stack([a * b * x[0], a + jnp.sin(b), a * x[3], b * b * x[1]])

    x = jnp.linspace(0.5, 1.0, 4)
    plan = irad.plan(fun, order="forward")(x)
    costs = {c.way: c.cost for c in plan.candidates if c.cost}
    row = [c.way for c in plan.candidates].index("forward, structured")
    found = kernels_of(irad.jacobian(fun, plan=plan.choosing(row)), x)
    assert costs["forward, structured"].kernels >= found


def sums(jaxpr: Any) -> list[Any]:
    own = [e.invars[0].aval for e in jaxpr.eqns if e.primitive is lax.reduce_sum_p]
    bodies = (body for eqn in jaxpr.eqns for body in ir.inner_jaxprs(eqn))
    return own + [x for body in bodies for x in sums(body)]


def test_few_elements_of_structured_entries_are_added_by_slices() -> None:
    def fun(x: Any) -> Any:
        first, second = x.reshape(-1, 2).T
        bent = jnp.stack([first * second, jnp.sin(first)], axis=1)
        return (bent * jnp.sum(bent * bent, axis=1)[:, None]).reshape(-1)

    x = jnp.linspace(0.1, 1.0, 8000, dtype="float32")
    J = irad.jacobian(fun, format="bcoo")
    assert "forward, structured" in irad.plan(fun, format="bcoo")(x).reason
    made = jax.make_jaxpr(lambda x: J(x).data)(x)
    # Those that are left are the function's own, of no entries of tangents.
    assert {x.shape for x in sums(made.jaxpr)} == {(4000, 2)}
    t = jnp.cos(jnp.arange(8000, dtype="float32"))
    expected = jax.jvp(fun, (x,), (t,))[1]
    assert jnp.allclose(J(x) @ t, expected, rtol=1e-5, atol=1e-5)
