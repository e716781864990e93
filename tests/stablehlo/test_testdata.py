"""Files in the shape of StableHLO's own test programs are read, and differentiated."""

import re
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import irad
from irad_passes.errors import ModuleError
from tests.stablehlo.agreement import check_differences
from tests.stablehlo.exported import exported

LATE = """
module @jit_main attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main() -> (tensor<3xf32> {jax.result_info = "", mhlo.layout_mode = "default"}) {
    %0 = call @inputs() : () -> tensor<3xf32>
    %1 = call @expected() : () -> tensor<3xf32>
    %2 = call @square(%0) : (tensor<3xf32>) -> tensor<3xf32>
    stablehlo.custom_call @check.expect_close(%2, %1) {has_side_effect = true} : (tensor<3xf32>, tensor<3xf32>) -> ()
    return %2 : tensor<3xf32>
  }
  func.func private @inputs() -> (tensor<3xf32> {mhlo.layout_mode = "default"}) {
    %0 = stablehlo.constant dense<[1.0, -2.0, 3.0]> : tensor<3xf32>
    return %0 : tensor<3xf32>
  }
  func.func private @expected() -> tensor<3xf32> {
    %0 = stablehlo.constant dense<[1.0, 4.0, 9.0]> : tensor<3xf32>
    return %0 : tensor<3xf32>
  }
  func.func private @square(%x: tensor<3xf32>) -> tensor<3xf32> {
    %0 = stablehlo.multiply %x, %x : tensor<3xf32>
    return %0 : tensor<3xf32>
  }
}
"""  # noqa: E501, as it is written

EARLY = """
module @jit_testcase {
  func.func public @main() -> tensor<i1> {
    %0 = call @inputs() : () -> tensor<2x3xf32>
    %1 = call @expected() : () -> tensor<3x2xf32>
    %2 = "stablehlo.transpose"(%0) {permutation = dense<[1, 0]> : tensor<2xi64>} : (tensor<2x3xf32>) -> tensor<3x2xf32>
    %3 = stablehlo.custom_call @check.eq(%2, %1) : (tensor<3x2xf32>, tensor<3x2xf32>) -> tensor<i1>
    return %3 : tensor<i1>
  }
  func.func private @inputs() -> tensor<2x3xf32> {
    %0 = stablehlo.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
    return %0 : tensor<2x3xf32>
  }
  func.func private @expected() -> tensor<3x2xf32> {
    %0 = stablehlo.constant dense<[[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]> : tensor<3x2xf32>
    return %0 : tensor<3x2xf32>
  }
}
"""  # noqa: E501


def test_a_file_of_functions_without_inputs_is_read(tmp_path: Path) -> None:
    path = tmp_path / "square.mlir"
    path.write_text(LATE)
    module = irad.stablehlo.load(path)
    assert list(module.functions) == ["main", "inputs", "expected", "square"]
    (x,) = irad.stablehlo.load(path, function="inputs")()
    (y,) = irad.stablehlo.load(path, function="expected")()
    np.testing.assert_array_equal(np.square(x), y)
    for transform in (irad.stablehlo.jvp, irad.stablehlo.vjp):
        assert not transform(module).inputs[: -len(module.outputs)]


def test_any_function_of_a_file_is_differentiated() -> None:
    module = irad.stablehlo.load(LATE)
    x = np.array([1.0, -2.0, 3.0], np.float32)
    value, slope = irad.stablehlo.vjp(module, function="square")(x, np.ones_like(x))
    np.testing.assert_array_equal(value, x * x)
    np.testing.assert_array_equal(slope, 2 * x)


def test_lists_are_read_as_they_were_spelled_early() -> None:
    (x,) = irad.stablehlo.load(EARLY, function="inputs")()
    (y,) = irad.stablehlo.load(EARLY, function="expected")()
    text = """func.func @main(%x: tensor<2x3xf32>) -> tensor<3x2xf32> {
      %y = "stablehlo.transpose"(%x) {
        permutation = dense<[1, 0]> : tensor<2xi64>
      } : (tensor<2x3xf32>) -> tensor<3x2xf32>
      %z = "stablehlo.slice"(%y) {
        start_indices = dense<0> : tensor<2xi64>,
        limit_indices = dense<[3, 2]> : tensor<2xi64>,
        strides = dense<1> : tensor<2xi64>
      } : (tensor<3x2xf32>) -> tensor<3x2xf32>
      return %z : tensor<3x2xf32>
    }"""
    module = irad.stablehlo.load(text)
    np.testing.assert_array_equal(module(x)[0], y)
    np.testing.assert_array_equal(irad.stablehlo.vjp(module)(x, y)[1], x)
    (are_equal,) = irad.stablehlo.load(EARLY)()
    assert are_equal.dtype == bool
    assert are_equal


def test_what_the_parser_does_not_know_is_an_error_with_its_place() -> None:
    with pytest.raises(ModuleError, match=r"<text>:6:"):
        irad.stablehlo.load(EARLY.replace("permutation", "permutatoin"))


OF_MHLO = """
func.func @main(%x: tensor<2x3xf64>) -> (tensor<2x3xf64>, tensor<2x2xf64>, tensor<2x2xi32>) {
  %0 = stablehlo.custom_call @mhlo.erf(%x) {mhlo.attributes = {}, mhlo.version = 1 : i64} : (tensor<2x3xf64>) -> tensor<2x3xf64>
  %1 = stablehlo.custom_call @mhlo.tan(%0) {mhlo.attributes = {}, mhlo.version = 1 : i64} : (tensor<2x3xf64>) -> tensor<2x3xf64>
  %2:2 = stablehlo.custom_call @mhlo.topk(%1) {mhlo.attributes = {k = 2 : i64, largest = true}, mhlo.version = 1 : i64} : (tensor<2x3xf64>) -> (tensor<2x2xf64>, tensor<2x2xi32>)
  return %1, %2#0, %2#1 : tensor<2x3xf64>, tensor<2x2xf64>, tensor<2x2xi32>
}
"""  # noqa: E501


def test_operations_that_were_custom_calls_of_mhlo_are_differentiated() -> None:
    x = np.array([[0.3, -1.2, 0.8], [1.5, 0.1, -0.4]])
    module = irad.stablehlo.load(OF_MHLO)
    value, greatest, places = module(x)
    np.testing.assert_allclose(value, np.tan(jax.scipy.special.erf(x)), 1e-12)
    np.testing.assert_array_equal(greatest, np.sort(value)[:, :0:-1])
    np.testing.assert_array_equal(places, [[2, 0], [0, 1]])
    check_differences(module, [x])


# The coefficients are 64-bit numbers that are converted, or products stand the other
# way round, or a body calls a function: spellings of other versions of JAX.


def test_a_function_is_known_by_converted_coefficients() -> None:
    x = np.array([0.0, 1.5, -9.0], np.float32)
    text = jax.jit(jax.lax.bessel_i0e).lower(x).as_text()
    constant = re.compile(r"(%\w+) = stablehlo.constant dense<(.*)> : tensor<f32>")
    late = constant.sub(
        r"\1_64 = stablehlo.constant dense<\2> : tensor<f64>\n"
        r"    \1 = stablehlo.convert \1_64 : (tensor<f64>) -> tensor<f32>",
        text,
    )
    assert late.count("tensor<f64>") > 50
    module = irad.stablehlo.load(late)
    value, slope = irad.stablehlo.jvp(module)(x, np.ones_like(x))
    np.testing.assert_array_equal(value, jax.jit(jax.lax.bessel_i0e)(x))
    expected = jax.vmap(jax.grad(jax.lax.bessel_i0e))(x)
    np.testing.assert_allclose(slope, expected, 1e-5)


def test_a_function_is_known_by_products_in_either_order() -> None:
    x = np.array([-1.0, 0.0, 0.5], np.float32)
    text = exported(jax.lax.erf_inv, x).text()
    (line,) = re.findall(r"(\w+ = stablehlo.negate %arg0.*)\n", text)
    negative = "%" + line.split()[0].lstrip("%")
    early = text.replace(f"multiply %arg0, {negative}", f"multiply {negative}, %arg0")
    assert early != text
    slope = irad.stablehlo.jvp(irad.stablehlo.load(early))(x, np.ones_like(x))[1]
    np.testing.assert_allclose(slope, jax.vmap(jax.grad(jax.lax.erf_inv))(x), 1e-5)


LOG_SUMS = """
func.func @main(%x: tensor<300xf32>) -> tensor<300xf32> {
  %start = stablehlo.constant dense<0xFF800000> : tensor<f32>
  %y = "stablehlo.reduce_window"(%x, %start) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %c = func.call @logaddexp(%a, %b) : (tensor<f32>, tensor<f32>) -> tensor<f32>
    stablehlo.return %c : tensor<f32>
  }) {
    window_dimensions = array<i64: 300>, padding = dense<[[299, 0]]> : tensor<1x2xi64>
  } : (tensor<300xf32>, tensor<f32>) -> tensor<300xf32>
  return %y : tensor<300xf32>
}
func.func private @logaddexp(%a: tensor<f32>, %b: tensor<f32>) -> tensor<f32> {
  %0 = stablehlo.maximum %a, %b : tensor<f32>
  %1 = stablehlo.subtract %a, %b : tensor<f32>
  %2 = stablehlo.compare NE, %1, %1, FLOAT : (tensor<f32>, tensor<f32>) -> tensor<i1>
  %3 = stablehlo.add %a, %b : tensor<f32>
  %4 = stablehlo.abs %1 : tensor<f32>
  %5 = stablehlo.negate %4 : tensor<f32>
  %6 = stablehlo.exponential %5 : tensor<f32>
  %7 = stablehlo.log_plus_one %6 : tensor<f32>
  %8 = stablehlo.add %0, %7 : tensor<f32>
  %9 = stablehlo.select %2, %3, %8 : tensor<i1>, tensor<f32>
  return %9 : tensor<f32>
}
"""


def test_a_long_log_sum_whose_body_calls_a_function_is_differentiated() -> None:
    x = np.cos(np.arange(300, dtype=np.float32))
    x[0] = -np.inf
    module = irad.stablehlo.load(LOG_SUMS)
    c = np.ones_like(x)
    value, pulled = irad.stablehlo.vjp(module)(x, c)
    known, pull = jax.vjp(jax.lax.cumlogsumexp, x)
    np.testing.assert_allclose(value, known, 1e-5)
    np.testing.assert_allclose(pulled[1:], pull(c)[0][1:], 2e-5)
    assert not np.isnan(pulled[1:]).any()


def test_windows_may_start_from_any_number() -> None:
    x = np.cos(np.arange(500, dtype=np.float32))

    def least(x: Any) -> Any:
        return jax.lax.reduce_window(
            x, np.float32(0.3), jax.lax.min, (401,), (1,), "VALID"
        )

    module = irad.stablehlo.load(jax.jit(least).lower(x).as_text())
    value, pulled = irad.stablehlo.vjp(module)(x, np.ones(100, np.float32))
    np.testing.assert_array_equal(value, jax.jit(least)(x))
    assert pulled.sum() == 100
    nothing = irad.stablehlo.vjp(module)(x + 2, np.ones(100, np.float32))[1]
    np.testing.assert_array_equal(nothing, 0.0)
