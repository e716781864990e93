// A classifier as exporters of other frameworks write it: operations in generic form,
// indices of 64 bits, weights as resources of raw bytes, shapes spelled out, several
// functions, and a mean that divides by an integer.
module @classifier attributes {exporter.version = "2.9"} {
  func.func private @linear(%x: tensor<2x3xf64>) -> tensor<2x4xf64> {
    %w = stablehlo.constant dense_resource<weights> : tensor<4x3xf64>
    %b = "stablehlo.constant"() {value = dense<[0.5, -0.25, 0.0, 1.0e-1]> : tensor<4xf64>} : () -> tensor<4xf64>
    %t = "stablehlo.transpose"(%w) {permutation = array<i64: 1, 0>} : (tensor<4x3xf64>) -> tensor<3x4xf64>
    %p = "stablehlo.dot"(%x, %t) : (tensor<2x3xf64>, tensor<3x4xf64>) -> tensor<2x4xf64>
    %c = "stablehlo.broadcast_in_dim"(%b) {broadcast_dimensions = array<i64: 1>} : (tensor<4xf64>) -> tensor<2x4xf64>
    %y = "stablehlo.add"(%p, %c) : (tensor<2x4xf64>, tensor<2x4xf64>) -> tensor<2x4xf64>
    return %y : tensor<2x4xf64>
  }
  func.func public @forward(%x: tensor<2x3xf64>, %labels: tensor<2xi64>) -> tensor<f64> {
    %zero = stablehlo.constant dense<0.0> : tensor<f64>
    %low = stablehlo.constant dense<0xFFF0000000000000> : tensor<f64>
    %count = stablehlo.constant dense<2> : tensor<i64>
    %h = func.call @linear(%x) : (tensor<2x3xf64>) -> tensor<2x4xf64>
    %flat = stablehlo.constant dense<0.0> : tensor<2x4xf64>
    %relu = stablehlo.maximum %h, %flat : tensor<2x4xf64>
    %m = "stablehlo.reduce"(%relu, %low) ({
      ^bb0(%a: tensor<f64>, %b: tensor<f64>):
        %0 = "stablehlo.maximum"(%a, %b) : (tensor<f64>, tensor<f64>) -> tensor<f64>
        "stablehlo.return"(%0) : (tensor<f64>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<2x4xf64>, tensor<f64>) -> tensor<2xf64>
    %mb = stablehlo.broadcast_in_dim %m, dims = [0] : (tensor<2xf64>) -> tensor<2x4xf64>
    %d = stablehlo.subtract %relu, %mb : tensor<2x4xf64>
    %e = stablehlo.exponential %d : tensor<2x4xf64>
    %s = "stablehlo.reduce"(%e, %zero) ({
      ^bb0(%a: tensor<f64>, %b: tensor<f64>):
        %0 = "stablehlo.add"(%a, %b) : (tensor<f64>, tensor<f64>) -> tensor<f64>
        "stablehlo.return"(%0) : (tensor<f64>) -> ()
    }) {dimensions = array<i64: 1>} : (tensor<2x4xf64>, tensor<f64>) -> tensor<2xf64>
    %l = stablehlo.log %s : tensor<2xf64>
    %row = "stablehlo.iota"() {iota_dimension = 0 : i64} : () -> tensor<2x1xi64>
    %column = stablehlo.reshape %labels : (tensor<2xi64>) -> tensor<2x1xi64>
    %at = stablehlo.concatenate %row, %column, dim = 1 : (tensor<2x1xi64>, tensor<2x1xi64>) -> tensor<2x2xi64>
    %chosen = "stablehlo.gather"(%d, %at) {
      dimension_numbers = #stablehlo.gather<collapsed_slice_dims = [0, 1], start_index_map = [0, 1], index_vector_dim = 1>,
      slice_sizes = array<i64: 1, 1>
    } : (tensor<2x4xf64>, tensor<2x2xi64>) -> tensor<2xf64>
    %n = stablehlo.subtract %l, %chosen : tensor<2xf64>
    %sum = "stablehlo.reduce"(%n, %zero) ({
      ^bb0(%a: tensor<f64>, %b: tensor<f64>):
        %0 = "stablehlo.add"(%a, %b) : (tensor<f64>, tensor<f64>) -> tensor<f64>
        "stablehlo.return"(%0) : (tensor<f64>) -> ()
    }) {dimensions = array<i64: 0>} : (tensor<2xf64>, tensor<f64>) -> tensor<f64>
    %div = stablehlo.convert %count : (tensor<i64>) -> tensor<f64>
    %mean = stablehlo.divide %sum, %div : tensor<f64>
    return %mean : tensor<f64>
  }
}

{-#
  dialect_resources: {
    builtin: {
      weights: "0x08000000000000000000E03F000000000000D0BF000000000000F03F000000000000C03F000000000000E83F000000000000E0BF000000000000F0BF000000000000D03F0000000000000000000000000000E03F000000000000E03F000000000000E03F"
    }
  }
#-}
