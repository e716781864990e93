"""Operations that irad does not know are differentiated by their owner's rule."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import irad
from irad.stablehlo import rules

TEXT = """
func.func @main(%x: tensor<3xf32>, %n: tensor<i32>) -> (tensor<f32>, tensor<i32>) {
  %0:2 = stablehlo.custom_call @energy(%x, %n) {
    api_version = 4 : i32, mhlo.backend_config = {scale = 2.0 : f32}
  } : (tensor<3xf32>, tensor<i32>) -> (tensor<f32>, tensor<i32>)
  return %0#0, %0#1 : tensor<f32>, tensor<i32>
}"""
X, N = np.array([1.0, 2.0, 3.0], np.float32), np.int32(3)


@pytest.fixture(autouse=True)
def _no_rules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(rules, "_RULES", {})
    return


def energy(x, n, *, scale, unit=1.0):
    return scale * unit * jnp.sum(x**3), n


def test_without_a_rule_the_error_says_where_and_what_to_write() -> None:
    module = irad.stablehlo.load(TEXT)
    for transform in (irad.stablehlo.jvp, irad.stablehlo.vjp, irad.stablehlo.grad):
        with pytest.raises(irad.NoRuleError) as raised:
            transform(module)
        message = str(raised.value)
        assert "'energy' (<text>:3:10)" in message
        assert "@irad.stablehlo.rule('energy')" in message
        assert "\n" not in message


def test_a_rule_gives_the_derivative_and_the_operation_the_value() -> None:
    irad.stablehlo.rule("energy")(energy)
    module = irad.stablehlo.load(TEXT)
    (gradient,) = irad.stablehlo.grad(module)(X, N)
    np.testing.assert_allclose(gradient, 6 * X**2, rtol=1e-6)
    for transform in (irad.stablehlo.jvp, irad.stablehlo.vjp):
        assert transform(module).text().count("custom_call @energy(") == 1
    (J,) = irad.stablehlo.jacobian(irad.stablehlo.grad(module))(X, N)
    np.testing.assert_allclose(J, np.diag(12 * X), rtol=1e-6)


def test_jax_uses_a_rule_too() -> None:
    module = irad.stablehlo.load(TEXT)

    def f(x):
        return module(x, N)[0] * 2

    with pytest.raises(irad.NoRuleError, match="'energy'"):
        jax.grad(f)(X)
    irad.stablehlo.rule("energy")(energy)
    np.testing.assert_allclose(jax.jit(jax.grad(f))(X), 12 * X**2, rtol=1e-6)
    push = jax.jit(lambda x, t: jax.jvp(jax.grad(f), (x,), (t,))[1])
    np.testing.assert_allclose(push(X, X), 24 * X**2, rtol=1e-6)


def test_a_rule_may_be_a_custom_jvp_and_is_not_used_for_inactive_operands() -> None:
    @irad.stablehlo.rule("energy")
    @jax.custom_jvp
    def twice(x, n):
        return jnp.sum(x), n

    twice.defjvp(lambda x, t: (twice(*x), (2 * jnp.sum(t[0]), t[1])))
    module = irad.stablehlo.load(TEXT)
    np.testing.assert_array_equal(irad.stablehlo.grad(module)(X, N), [[2, 2, 2]])
    assert irad.stablehlo.jvp(module, wrt=()).text().count("custom_call") == 1


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x, n: x, r"returns float32\[3\]; the operation has float32\[\], int32"),
        (lambda x, n, *, width: (x, n), "asks for width; the operation has"),
    ],
    ids=["types", "attributes"],
)
def test_a_rule_that_does_not_fit_is_an_error(function, words) -> None:
    irad.stablehlo.rule("energy")(function)
    with pytest.raises(TypeError, match=words):
        irad.stablehlo.vjp(irad.stablehlo.load(TEXT))


COMPOSITE = """
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = stablehlo.composite "owner.cube" %x {
    composite_attributes = {power = 3 : i64}, decomposition = @cube
  } : (tensor<3xf32>) -> tensor<3xf32>
  return %0 : tensor<3xf32>
}
func.func private @cube(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = stablehlo.multiply %x, %x : tensor<3xf32>
  %1 = stablehlo.multiply %0, %x : tensor<3xf32>
  return %1 : tensor<3xf32>
}"""


def test_a_composite_is_differentiated_as_what_it_is_composed_of() -> None:
    derivative = irad.stablehlo.vjp(irad.stablehlo.load(COMPOSITE))
    value, slope = derivative(X, np.ones_like(X))
    np.testing.assert_allclose(value, X**3, rtol=1e-6)
    np.testing.assert_allclose(slope, 3 * X**2, rtol=1e-6)


def test_a_composite_keeps_its_name_and_its_rule_comes_first() -> None:
    @irad.stablehlo.rule("owner.cube")
    def cube(x, *, power):
        return 100 * x**power

    derivative = irad.stablehlo.vjp(irad.stablehlo.load(COMPOSITE))
    assert derivative.text().count('stablehlo.composite "owner.cube"') == 1
    value, slope = derivative(X, np.ones_like(X))
    np.testing.assert_allclose(value, X**3, rtol=1e-6)
    np.testing.assert_allclose(slope, 300 * X**2, rtol=1e-6)
