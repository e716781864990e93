"""Constants that a function makes: made once, and never anybody else's."""

from __future__ import annotations

import gc
import threading
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import irad

X = jnp.array([0.3, -1.2, 2.5])


@pytest.fixture(autouse=True)
def _forgotten():
    irad.clear_caches()


def run(make, *, keep=False):
    """What ``make()`` gives to a function that is differentiated, or a weak one."""
    seen = []

    def fun(x):
        made = make()
        seen.append(made if keep else weakref.ref(made))
        return jnp.sum(x)

    irad.grad(fun)(X)
    return seen[0]


CONSTANTS = {
    "identity": lambda: jnp.eye(3),
    "mask": lambda: jnp.tril(jnp.ones((3, 3), bool)),
    "zeros": lambda: jnp.zeros((2, 3), "float32"),
    "indices": lambda: (jnp.arange(3)[:, None] + 2) * jnp.arange(2),
}


@pytest.mark.parametrize("make", CONSTANTS.values(), ids=CONSTANTS)
def test_a_constant_that_nobody_holds_is_made_once(make):
    first, second = run(make), run(make)
    assert first() is not None
    assert first() is second()
    np.testing.assert_array_equal(first(), make())
    assert (first().dtype, first().weak_type) == (make().dtype, make().weak_type)


@pytest.mark.parametrize("make", CONSTANTS.values(), ids=CONSTANTS)
def test_a_constant_that_is_kept_is_nobody_elses(make):
    kept = [run(make, keep=True) for _ in range(3)]
    assert len({id(x) for x in kept}) == 3
    views = [np.asarray(run(make, keep=True)) for _ in range(2)]
    assert not np.shares_memory(*views)


def test_two_constants_of_one_call_are_two_arrays():
    def pair(x):
        a, b = jnp.zeros(3), jnp.zeros(3)
        jax.jit(lambda a, b: (a + 1, b + 1), donate_argnums=(0, 1))(a, b)
        return jnp.sum(x)

    for _ in range(2):
        np.testing.assert_array_equal(irad.grad(pair)(X), jnp.ones(3))


def test_a_constant_that_was_deleted_is_made_again():
    run(lambda: jnp.arange(3), keep=True).delete()
    np.testing.assert_array_equal(run(lambda: jnp.arange(3), keep=True), np.arange(3))


def test_an_array_that_was_given_is_seen_and_let_go():
    table, host = jnp.arange(3.0), np.arange(3.0)

    def fun(x):
        return jnp.sum(x * (table + jnp.asarray(host)[::-1]))

    np.testing.assert_array_equal(irad.grad(fun)(X), [2, 2, 2])
    host[:] = 5
    np.testing.assert_array_equal(irad.grad(fun)(X), [5, 6, 7])
    freed = weakref.ref(table)
    table = jnp.zeros(3)
    np.testing.assert_array_equal(irad.grad(fun)(X), [5, 5, 5])
    gc.collect()
    assert freed() is None


def test_numbers_are_told_apart_by_bits_and_type():
    def made(value):
        return run(lambda: jnp.full(2, value), keep=True)

    values = [0.0, -0.0, 1, 1.0, True, np.float32(1)]
    for value in [*values, *values]:
        got, expected = made(value), jnp.full(2, value)
        assert (got.dtype, got.weak_type) == (expected.dtype, expected.weak_type)
        assert got.tobytes() == expected.tobytes()


def test_a_constant_stands_on_the_device_of_its_call():
    for device in jax.devices()[:2]:
        for _ in range(2):
            with jax.default_device(device):
                assert run(lambda: jnp.ones(3), keep=True).devices() == {device}


def test_what_may_have_effects_runs_at_every_call():
    calls = []

    def host(x):
        calls.append(x)
        return np.asarray(x)

    @jax.jit
    def inner(x):
        return jax.pure_callback(host, jax.ShapeDtypeStruct((3,), x.dtype), x) + 1

    for _ in range(3):
        run(lambda: inner(jnp.arange(3)), keep=True)
    assert len(calls) == 3


def test_nothing_is_remembered_where_numbers_are_checked():
    def make():
        return jnp.ones(3) * jnp.inf - jnp.inf

    assert np.isnan(run(make, keep=True)).all()
    with jax.debug_nans(True), pytest.raises(FloatingPointError):
        run(make)


def test_large_constants_and_forgotten_ones_are_let_go():
    assert run(lambda: jnp.ones(5000))() is None
    small = run(lambda: jnp.ones(5))
    irad.clear_caches()
    assert small() is None


def test_threads_share_no_array():
    def hold(arrays, barrier):
        def fun(x):
            arrays.append(jnp.eye(3))
            barrier.wait()
            return jnp.sum(x)

        for _ in range(5):
            irad.grad(fun)(X)

    arrays, barrier = [], threading.Barrier(4)
    threads = [threading.Thread(target=hold, args=(arrays, barrier)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(x) for x in arrays}) == 20
