"""Random programs differentiated by irad and by JAX."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, seed, settings

import irad
from tests.compiling import AS_USERS, QUICK
from tests.fuzz.programs import FIRST_ORDER_FORWARD, instructions, run, uses

RNG = np.random.default_rng(0)
POINT = tuple(jnp.asarray(RNG.uniform(-1, 1, (3, 3))) for _ in range(5))


def check(program: Any) -> None:
    """Value, pull, push and the push of the pull, against JAX's.

    Compiled in a hurry, XLA may compute a value twice and round it in two ways. Then no
    element attains a maximum, and its slope is 0 / 0 in JAX as well: what differs is
    compiled again, as users compile it.
    """
    try:
        compare(program, QUICK)
    except AssertionError:
        compare(program, AS_USERS)


def compare(program: Any, options: dict[str, Any]) -> None:
    """The derivatives of a program by irad and by JAX, compiled into one."""

    def fun(a: Any, b: Any) -> Any:
        return run(program, a, b)

    forward = not uses(program, FIRST_ORDER_FORWARD)

    def derivatives(ad: Any, a: Any, b: Any, ta: Any, tb: Any, c: Any) -> Any:
        y, pullback = ad.vjp(fun, a, b)
        found = {"value": y, "pull": pullback(c)}
        if forward:
            found["push"] = ad.jvp(fun, (a, b), (ta, tb))[1]
            found["push of pull"] = ad.jvp(
                lambda a, b: ad.vjp(fun, a, b)[1](c), (a, b), (ta, tb)
            )[1]
        return found

    def both(*point: Any) -> Any:
        return derivatives(irad, *point), derivatives(jax, *point)

    compiled = jax.jit(both).lower(*POINT).compile(compiler_options=options)
    ours, theirs = compiled(*POINT)
    for law, expected in theirs.items():
        for x, y in zip(
            jax.tree.leaves(ours[law]), jax.tree.leaves(expected), strict=True
        ):
            scale = 1.0 + np.max(np.abs(y), where=np.isfinite(y), initial=0.0)
            np.testing.assert_allclose(x, y, rtol=1e-8, atol=1e-9 * scale, err_msg=law)


SLOW = settings(deadline=None, suppress_health_check=list(HealthCheck))


def check_many(shard: int, examples: int) -> None:
    """So many random programs, other ones for each shard."""

    @seed(shard)
    @settings(SLOW, max_examples=examples)
    @given(instructions())
    def many(program: Any) -> None:
        check(program)

    many()


@pytest.mark.parametrize("shard", range(10))
def test_random_programs_agree_with_jax(shard):
    check_many(shard, settings().max_examples // 10)


@pytest.mark.fuzz
@pytest.mark.parametrize("shard", range(4))
def test_many_random_programs_agree_with_jax(shard):
    """A quarter of the profile's examples each, so that they run side by side."""
    check_many(shard, settings().max_examples // 4)
