"""The loops of modules, in which all is a ``while``, are the scans they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.extend.core import check_jaxpr
from jax.extend.core import primitives as p

import irad
from irad.stablehlo.transforms import prepared
from irad_passes import dce
from tests.passes.laws import count
from tests.passes.test_loops import MODELS, SCANS, scans
from tests.stablehlo.exported import exported


def check_loops(function: Callable[..., Any], args: Any) -> None:
    """A function's module has the scans of the function when it is prepared."""
    module = exported(function, *args)
    assert count(module.jaxpr, p.scan_p) == 0
    new = prepared(module.jaxpr)
    check_jaxpr(new)
    assert [*scans(new)] == [*scans(dce(jax.make_jaxpr(function)(*args).jaxpr))]


# JAX lowers a loop of no step to nothing, and random numbers to one more loop.
OTHERWISE = ("of_no_step", "of_integers_and_keys")


@pytest.mark.parametrize("name", [name for name in SCANS if name not in OTHERWISE])
def test_an_exported_scan_comes_back(name: str) -> None:
    check_loops(*SCANS[name])


@pytest.mark.parametrize("program", MODELS, ids=lambda program: program.name)
@pytest.mark.usefixtures("float32", "standard_promotion")
def test_the_loops_of_exported_models_come_back(program: Any) -> None:
    check_loops(program.make(), program.arguments())


def test_the_gradient_of_a_module_is_that_of_its_scan() -> None:
    def loss(w: Any, x: Any) -> Any:
        s, y = lax.scan(lambda s, r: (jnp.tanh(w @ s) * r, jnp.sum(s)), x[0], x)
        return jnp.sum(s) + jnp.prod(y)

    w, x = jnp.eye(3) + 0.1, jnp.arange(12.0).reshape(4, 3) / 12 + 0.2
    found = irad.stablehlo.grad(exported(loss, w, x))(w, x)
    expected = jax.grad(loss, (0, 1))(w, x)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
