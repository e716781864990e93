"""Files in the shape of StableHLO's own test programs are read, and differentiated."""

from pathlib import Path

import jax
import numpy as np
import pytest

import irad
from irad_passes.errors import ModuleError
from tests.stablehlo.agreement import check_differences

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
    assert irad.stablehlo.load(EARLY).outputs[0].dtype == bool


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
