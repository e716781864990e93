"""Operations with side effects happen once, in order, in derivatives too."""

from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import irad
from irad.stablehlo import rules

LOGGED = """
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  stablehlo.custom_call @log(%x) {has_side_effect = true} : (tensor<3xf32>) -> ()
  %0 = stablehlo.sine %x : tensor<3xf32>
  %1 = stablehlo.custom_call @record(%0) {has_side_effect = true}
    : (tensor<3xf32>) -> tensor<3xf32>
  %2 = stablehlo.custom_call @record(%0) {has_side_effect = true}
    : (tensor<3xf32>) -> tensor<3xf32>
  %3 = stablehlo.multiply %1, %1 : tensor<3xf32>
  stablehlo.custom_call @log(%3) {has_side_effect = true} : (tensor<3xf32>) -> ()
  return %3 : tensor<3xf32>
}"""

IN_A_LOOP = """
func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %zero = stablehlo.constant dense<0> : tensor<i32>
  %0:2 = stablehlo.while(%i = %zero, %y = %x) : tensor<i32>, tensor<f32>
   cond {
    %n = stablehlo.constant dense<5> : tensor<i32>
    %1 = stablehlo.compare LT, %i, %n : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %1 : tensor<i1>
  } do {
    %one = stablehlo.constant dense<1> : tensor<i32>
    stablehlo.custom_call @log(%i) {has_side_effect = true} : (tensor<i32>) -> ()
    %1 = stablehlo.add %i, %one : tensor<i32>
    %2 = stablehlo.sine %y : tensor<f32>
    stablehlo.return %1, %2 : tensor<i32>, tensor<f32>
  }
  return %0#1 : tensor<f32>
}"""

DRAWN = """
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %low = stablehlo.constant dense<0.0> : tensor<f32>
  %high = stablehlo.constant dense<1.0> : tensor<f32>
  %shape = stablehlo.constant dense<3> : tensor<1xi64>
  %0 = "stablehlo.rng"(%low, %high, %shape) {
    rng_distribution = #stablehlo<rng_distribution NORMAL>
  } : (tensor<f32>, tensor<f32>, tensor<1xi64>) -> tensor<3xf32>
  %1 = "stablehlo.rng"(%low, %high, %shape) {
    rng_distribution = #stablehlo<rng_distribution NORMAL>
  } : (tensor<f32>, tensor<f32>, tensor<1xi64>) -> tensor<3xf32>
  %2 = stablehlo.multiply %x, %0 : tensor<3xf32>
  %3 = stablehlo.add %2, %1 : tensor<3xf32>
  return %3 : tensor<3xf32>
}"""

CHECKED = """
func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %0 = stablehlo.sine %x : tensor<3xf32>
  stablehlo.custom_call @check.expect_close(%0, %x) {has_side_effect = true}
    : (tensor<3xf32>, tensor<3xf32>) -> ()
  return %0 : tensor<3xf32>
}"""


@pytest.fixture(autouse=True)
def _rule(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(rules, "_RULES", {"record": jnp.cos})
    return


TRANSFORMS = [irad.stablehlo.jvp, irad.stablehlo.vjp]


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_call_with_side_effects_stays_and_is_not_doubled(transform) -> None:
    text = transform(irad.stablehlo.load(LOGGED)).text()
    assert text.count("custom_call @log(") == 2
    assert text.count("custom_call @record(") == 2
    assert text.index("@log(") < text.index("@record(") < text.rindex("@log(")
    assert text.count("has_side_effect = true") == 4


def test_a_linear_program_has_no_side_effects() -> None:
    forward, linear = irad.stablehlo.linearize(irad.stablehlo.load(LOGGED))
    assert forward.text().count("custom_call") == 4
    assert "custom_call" not in linear.text()


def test_a_call_with_side_effects_stays_in_a_program_that_jax_traces() -> None:
    module = irad.stablehlo.load(LOGGED)
    x = np.ones(3, np.float32)
    text = jax.jit(lambda x: module(x)[0]).lower(x).as_text()
    assert text.count("custom_call @log(") == 2
    assert text.count("custom_call @record(") == 2


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_side_effect_in_a_loop_happens_at_each_of_its_steps(transform) -> None:
    text = transform(irad.stablehlo.load(IN_A_LOOP)).text()
    assert text.count("custom_call @log(") == 1


def test_draws_without_a_key_are_drawn_once_each() -> None:
    module = irad.stablehlo.vjp(irad.stablehlo.load(DRAWN))
    assert module.text().count("stablehlo.rng") == 2
    x = np.ones(3, np.float32)
    value, slope = module(x, x)
    assert not np.array_equal(value, 2 * slope)
    assert not np.array_equal(slope, module(x, x)[1])


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_what_only_the_interpreter_of_stablehlo_checks_is_left_out(transform) -> None:
    x = np.array([0.5, 1.0, 2.0], np.float32)
    value, derivative = transform(irad.stablehlo.load(CHECKED))(x, np.ones_like(x))
    np.testing.assert_allclose(value, np.sin(x), 1e-6)
    np.testing.assert_allclose(derivative, np.cos(x), 1e-6)
