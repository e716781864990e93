"""Schedules by name: the same gradients, in the memory that each name promises."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

import irad
from irad._compat import ir
from irad.checkpointing import Schedule, binomial
from irad.checkpointing.named import NAMES, schedules
from irad.derivatives import gradient
from irad.instruments.work import work

W = np.linspace(-0.3, 0.3, 256).reshape(16, 16)


def long_loop(x: Any) -> Any:
    """Layers in a loop."""

    def step(x: Any, _: Any) -> Any:
        return 0.9 * jnp.tanh(x @ W) * jnp.cos(x) + 0.1 * x, None

    return jnp.sum(lax.scan(step, x, length=400)[0])


def deep_net(x: Any) -> Any:
    """Layers one after the other."""
    for i in range(40):
        x = jnp.tanh(x @ (W + 0.01 * i)) * jnp.cos(x) + 0.1 * x
    return jnp.mean(x**2)


PROGRAMS = {
    "loop": (long_loop, jnp.full((32, 16), 0.3)),
    "net": (deep_net, jnp.full((512, 16), 0.3)),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_each_name_gives_the_gradient_and_its_memory(name: str) -> None:
    fun, x = PROGRAMS[name]
    expected = jax.grad(fun)(x)
    peak = {}
    # A program without loops is the same to the others.
    names = ("all", "sqrt", "none") if name == "net" else NAMES
    for schedule in names:
        gradient = jax.grad(irad.attach(fun, schedule=schedule))
        compiled = jax.jit(gradient).lower(x).compile()
        peak[schedule] = compiled.memory_analysis().temp_size_in_bytes
        np.testing.assert_allclose(compiled(x), expected, rtol=1e-9, atol=1e-15)
    whole, least = peak.pop("all"), peak.pop("none")
    assert all(least <= between <= whole for between in peak.values())
    assert 2 * peak["sqrt"] < whole
    assert 3 * least < whole


def test_a_checkpoint_is_by_the_square_root_and_with_a_limit_by_what_fits() -> None:
    fun, x = PROGRAMS["loop"]
    expected = jax.grad(fun)(x)
    for options in ({}, {"memory_limit": "200KB"}, {"schedule": "none"}):
        found = jax.grad(irad.checkpoint(fun, **options))(x)
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_ten_thousand_steps_run_in_a_hundredth_of_the_memory() -> None:
    steps, x = 10_000, jnp.linspace(0.1, 0.9, 8)

    def fun(x: Any) -> Any:
        step = lambda x, _: (1.01 * jnp.sin(x), None)  # noqa: E731
        return jnp.sum(lax.scan(step, x, length=steps)[0])

    def made(**options: Any) -> Any:
        return jax.jit(irad.grad(fun, **options)).lower(x).compile()

    free = made()
    limit = free.memory_analysis().temp_size_in_bytes // 100
    fitted = made(memory_limit=limit)
    assert fitted.memory_analysis().temp_size_in_bytes <= limit
    np.testing.assert_allclose(fitted(x), free(x), rtol=1e-12)
    # A sine each time that a step is run and a cosine where it is reversed.
    run = work(fitted.as_text()).transcendentals // x.size - 2 * steps
    assert 0 < run <= binomial.advances(steps, limit // x.nbytes)


def test_slots_meet_limits_that_nested_loops_do_not() -> None:
    x = jnp.linspace(0.1, 0.9, 1000)

    def fun(x: Any) -> Any:
        return jnp.sum(lax.scan(lambda x, _: (jnp.sin(x), None), x, length=600)[0])

    limit = 8 * x.nbytes
    compiled = jax.jit(irad.grad(fun, memory_limit=limit)).lower(x).compile()
    assert compiled.memory_analysis().temp_size_in_bytes <= limit
    np.testing.assert_allclose(compiled(x), jax.grad(fun)(x), rtol=1e-12)


def test_slots_are_as_many_as_fit_and_fewer() -> None:
    closed = jax.make_jaxpr(long_loop)(PROGRAMS["loop"][1])
    found = [*schedules(closed.jaxpr, "binomial", 50 * 32 * 16 * 8)]
    slots = [s.checkpointing.slots for s in found]
    assert (slots[0], slots[-1]) == (50, 1)
    assert slots == sorted(slots, reverse=True)


def chain(x: Any) -> Any:
    """Layers, one after the other."""
    for i in range(48):
        x = jnp.tanh(x @ (W + 0.001 * i)) + 0.1 * x
    return jnp.mean(x**2)


def test_segments_of_segments_hold_less_and_run_once_more_for_each_level() -> None:
    x = jnp.full((512, 16), 0.3)
    free = gradient_of(chain, x, Schedule())
    before = min(temporaries(gradient_of(chain, x, Schedule(s))) for s in (6, 8, 12))
    for segments, levels in ((4, 2), (3, 3)):
        made = gradient_of(chain, x, Schedule(segments, levels))
        held = temporaries(made)
        assert held < 0.9 * before
        before = held
        np.testing.assert_allclose(made(x), free(x), rtol=1e-12)
        again = tanhs(made) / tanhs(free) - 1.0
        assert (levels - 1) / 2 < again <= levels


def test_segments_of_segments_hand_on_what_is_no_number() -> None:
    x = jnp.full((8, 16), 0.3)
    broken = x.at[2, 3].set(jnp.nan).at[4].set(jnp.inf)
    for at in (x, broken):
        found = gradient_of(chain, at, Schedule(3, levels=3))(at)
        np.testing.assert_allclose(found, jax.grad(chain)(at), rtol=1e-9)


def gradient_of(fun: Any, x: Any, schedule: Schedule) -> Any:
    """The compiled gradient by a schedule."""
    closed = jax.make_jaxpr(fun)(x)
    jaxpr, n = ir.with_constants_as_inputs(closed.jaxpr), len(closed.consts)
    made = gradient(jaxpr, n, with_value=False, schedule=schedule)
    run = jax.jit(lambda x: ir.evaluate(made, [*closed.consts, x])[0])
    return run.lower(x).compile()


def tanhs(compiled: Any) -> int:
    """How many functions are computed."""
    return work(compiled.as_text()).transcendentals


def temporaries(compiled: Any) -> int:
    """Bytes of temporaries by XLA."""
    return compiled.memory_analysis().temp_size_in_bytes


# Loops of unknown length --------------------------------------------------------------


def until(x: Any, n: Any) -> Any:
    """So many steps, with their number traced."""
    return jnp.sum(lax.fori_loop(0, n, lambda i, x: jnp.sin(1.1 * x), x))


def test_as_many_states_are_stored_as_a_user_wants() -> None:
    x, n = jnp.ones(1000), jnp.int32(50)
    expected = jax.grad(lambda x: until(x, 50))(x)
    few = irad.grad(until, max_checkpoints=4)
    compiled = jax.jit(few).lower(x, n).compile()
    assert compiled.memory_analysis().temp_size_in_bytes < 9 * x.nbytes
    np.testing.assert_allclose(compiled(x, n), expected, rtol=1e-12)
    _, found = irad.value_and_grad(until, max_checkpoints=1)(x, n)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    _, pullback = irad.vjp(lambda x: until(x, n), x, max_checkpoints=2)
    np.testing.assert_allclose(pullback(1.0)[0], expected, rtol=1e-12)
    attached = irad.attach(lambda x: until(x, n), max_checkpoints=3)
    np.testing.assert_allclose(jax.grad(attached)(x), expected, rtol=1e-12)


@pytest.mark.parametrize("count", [0, -1, 1.5, True, "many"])
def test_what_is_no_count_is_refused(count: Any) -> None:
    with pytest.raises(ValueError, match="max_checkpoints is a positive int"):
        irad.grad(until, max_checkpoints=count)
    with pytest.raises(ValueError, match="max_checkpoints is a positive int"):
        irad.attach(until, max_checkpoints=count)


# Draws that differ from call to call --------------------------------------------------


def drawn(x: Any) -> Any:
    """A factor for each entry, from a generator without a key."""
    one = jnp.ones((), x.dtype)
    return lax.rng_uniform(one, 1.5 * one, shape=x.shape)


def drawing_loop(x: Any) -> Any:
    return jnp.sum(lax.scan(lambda x, _: (x * drawn(x), None), x, length=40)[0])


def drawing_net(x: Any) -> Any:
    for _ in range(40):
        x = x * drawn(x)
    return jnp.sum(x)


@pytest.mark.parametrize("fun", [drawing_loop, drawing_net])
def test_what_has_no_key_is_drawn_once(fun: Any) -> None:
    x = jnp.full(100, 0.3)
    by_root = jax.jit(jax.value_and_grad(irad.attach(fun, schedule="sqrt")))
    value, gradient = by_root(x)
    np.testing.assert_allclose(jnp.sum(x * gradient), value, rtol=1e-12)
