"""Derivatives on a mesh of virtual devices are those of one device."""

from __future__ import annotations

from dataclasses import replace

import jax
import pytest

from benchmarks import multi_device
from irad.errors import DisagreementError

pytestmark = pytest.mark.usefixtures("float32", "standard_promotion")


@pytest.mark.parametrize("make", [multi_device.gradient, multi_device.jacobian])
def test_a_derivative_on_a_mesh_is_that_of_one_device(make):
    pair = make(multi_device.mesh())
    assert "values" in multi_device.report(pair)
    broken = replace(pair, alone=scaled(pair.alone))
    with pytest.raises(DisagreementError):
        multi_device.report(broken)


def scaled(derivative):
    return lambda *args: jax.tree.map(lambda x: 1.001 * x, derivative(*args))
