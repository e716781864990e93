"""Gradients of random programs that are known as StableHLO text alone are JAX's."""

from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, seed, settings

import irad
from tests.fuzz.structures import POINT, programs, scalar

LEAVES, TREE = jax.tree.flatten(POINT)
INPUTS = tuple(range(len(LEAVES)))
SLOW = settings(deadline=None, suppress_health_check=list(HealthCheck))


def check(program: Any) -> None:
    """The gradient of a program's text, and that of the program without NaNs."""
    assume(not _stops(program))  # of which a module has no trace

    def f(*leaves: Any) -> Any:
        return scalar(program, jax.tree.unflatten(TREE, leaves))

    text = jax.jit(f, keep_unused=True).lower(*LEAVES).as_text()
    expected = jax.jit(jax.grad(f, INPUTS))(*LEAVES)
    of_text = irad.stablehlo.grad(irad.stablehlo.load(text))(*LEAVES)
    safe = jax.jit(irad.grad(f, INPUTS, nan_safe=True))(*LEAVES)
    for what, found in (("text", of_text), ("without NaNs", safe)):
        for a, b in zip(map(np.asarray, found), map(np.asarray, expected), strict=True):
            known = np.isfinite(b)
            scale = 1.0 + np.max(np.abs(b[known]), initial=0.0)
            np.testing.assert_allclose(
                a[known], b[known], 1e-8, 1e-9 * scale, err_msg=what
            )


def _stops(program: Any) -> bool:
    return any(name == "stop" or _stops(inner) for name, _, _, _, inner in program)


@settings(SLOW, max_examples=20)
@given(programs())
def test_gradients_of_random_modules_are_jaxs(program: Any) -> None:
    check(program)


@pytest.mark.fuzz
@pytest.mark.parametrize("shard", range(4))
def test_gradients_of_many_random_modules_are_jaxs(shard: int) -> None:
    @seed(shard)
    @settings(SLOW, max_examples=settings().max_examples // 8)
    @given(programs())
    def many(program: Any) -> None:
        check(program)

    many()
