"""A module that PyTorch exported, beside the gradients that PyTorch has of it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import irad

HERE = Path(__file__).parent / "pytorch"
FILE = np.load(HERE / "classifier.npz")
INPUTS = [FILE[f"input{i}"] for i in range(10)]
GRADIENTS = [FILE[f"gradient{i}"] for i in range(1, 10)]


@pytest.fixture(scope="module")
def module() -> irad.stablehlo.Module:
    return irad.stablehlo.load(HERE / "classifier.mlir")


def check(found: list[Any], expected: list[Any]) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == theirs.dtype
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(ours, theirs, atol=5e-6 * scale, rtol=0)


def test_its_value_and_gradients_are_pytorchs(module: irad.stablehlo.Module) -> None:
    loss, *gradients = irad.stablehlo.value_and_grad(module)(*INPUTS)
    check([loss, *gradients], [FILE["loss"], *GRADIENTS])


def test_so_are_those_of_its_artifact(module: irad.stablehlo.Module) -> None:
    again = irad.stablehlo.load(irad.stablehlo.grad(module).artifact())
    check(again(*INPUTS), GRADIENTS)


def test_its_hessian_is_symmetric(module: irad.stablehlo.Module) -> None:
    images = 8
    product = irad.stablehlo.hvp(module, wrt=images)
    rng = np.random.default_rng(0)
    s, t = (rng.normal(size=(2, 1, 8, 8)).astype(np.float32) for _ in range(2))
    (of_s,), (of_t,) = product(*INPUTS, s), product(*INPUTS, t)
    np.testing.assert_allclose(np.vdot(t, of_s), np.vdot(s, of_t), rtol=1e-4)


def test_a_small_step_against_the_gradient_makes_the_loss_less(
    module: irad.stablehlo.Module,
) -> None:
    step = 1e-2
    moved = [INPUTS[0]] + [
        x - step * g for x, g in zip(INPUTS[1:], GRADIENTS, strict=True)
    ]
    predicted = -step * sum(float(np.vdot(g, g)) for g in GRADIENTS)
    change = float(module(*moved)[0]) - float(FILE["loss"])
    np.testing.assert_allclose(change, predicted, rtol=0.2)
