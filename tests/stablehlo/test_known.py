"""Operations that are carried as they are, and of which irad knows the derivative."""

import numpy as np
import pytest

import irad
from irad.stablehlo import Module

X = np.linspace(0.2, 1.9, 15, dtype=np.float32).reshape(5, 3) ** 2
V = np.array([0.5, 1.5, 2.0], np.float32)

BATCH = "tensor<5x3xf32>"
FEATURES = "tensor<3xf32>"


def normalization(name: str, kinds: list[str], results: list[str]) -> Module:
    arguments = ", ".join(f"%{i}: {kind}" for i, kind in enumerate(kinds))
    operands = ", ".join(f"%{i}" for i in range(len(kinds)))
    outs = ", ".join(results)
    values = ", ".join(f"%y#{i}" for i in range(len(results)))
    return irad.stablehlo.load(f"""
    func.func @main({arguments}) -> ({outs}) {{
      %y:{len(results)} = "stablehlo.batch_norm_{name}"({operands}) {{
        epsilon = 0.01 : f32, feature_index = 1 : i64
      }} : ({", ".join(kinds)}) -> ({outs})
      return {values} : {outs}
    }}""")


NORMALIZATIONS = {
    "inference": ([BATCH, *[FEATURES] * 4], [BATCH]),
    "training": ([BATCH, *[FEATURES] * 2], [BATCH, FEATURES, FEATURES]),
    "grad": ([BATCH, *[FEATURES] * 3, BATCH], [BATCH, FEATURES, FEATURES]),
}


@pytest.mark.parametrize("name", NORMALIZATIONS)
def test_a_normalization_of_a_batch_is_pushed_as_differences_say(name: str) -> None:
    kinds, results = NORMALIZATIONS[name]
    module = normalization(name, kinds, results)
    x = [X if kind == BATCH else V for kind in kinds]
    t = [np.cos(3 * a + i).astype(np.float32) for i, a in enumerate(x)]
    h = np.float32(1e-2)
    ahead, behind = (
        module(*[a + s * h * b for a, b in zip(x, t, strict=True)]) for s in (1, -1)
    )
    pushed = irad.stablehlo.jvp(module)(*x, *t)[len(results) :]
    for y, a, b in zip(pushed, ahead, behind, strict=True):
        np.testing.assert_allclose(y, (a - b) / (2 * h), rtol=2e-2, atol=2e-2)
    c = [np.sin(a).astype(np.float32) for a in pushed]
    pulled = irad.stablehlo.vjp(module)(*x, *c)[len(results) :]
    forward = sum(float(np.vdot(a, b)) for a, b in zip(c, pushed, strict=True))
    backward = sum(float(np.vdot(a, b)) for a, b in zip(t, pulled, strict=True))
    assert forward == pytest.approx(backward, rel=1e-4)


def test_an_operand_may_stand_twice_in_an_operation() -> None:
    module = irad.stablehlo.load("""
    func.func @main(%x: tensor<3xf32>) -> tensor<3x3xf32> {
      %y = "stablehlo.einsum"(%x, %x) {einsum_config = "i,j->ij"}
        : (tensor<3xf32>, tensor<3xf32>) -> tensor<3x3xf32>
      return %y : tensor<3x3xf32>
    }""")
    _, t = irad.stablehlo.jvp(module)(V, np.ones(3, np.float32))
    np.testing.assert_allclose(t, V[:, None] + V[None], rtol=1e-6)
