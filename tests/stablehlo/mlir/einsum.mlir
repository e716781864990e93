// A contraction by letters, deprecated in StableHLO.

func.func @main(%x: tensor<2x3xf32>, %y: tensor<3xf32>) -> tensor<2xf32> {
  %z = "stablehlo.einsum"(%x, %y) {einsum_config = "ij,j->i"} : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2xf32>
  return %z : tensor<2xf32>
}

// JVP: stablehlo.dot_general
// JVP: stablehlo.dot_general

// VJP: stablehlo.dot_general
// VJP: stablehlo.dot_general

// x0 = [[0.5, -1.0, 2.0], [1.25, 0.5, -0.75]]
// x1 = [1.5, -0.5, 0.25]
// t0 = [[1.0, 0.5, -0.25], [-0.5, 0.75, 1.0]]
// t1 = [0.25, 1.0, -2.0]
// c0 = [0.5, -1.25]
// y0 = [1.75, 1.4375]
// pushed0 = [-3.6875, 1.4375]
// pulled0 = [[0.75, -0.25, 0.125], [-1.875, 0.625, -0.3125]]
// pulled1 = [-1.3125, -1.125, 1.9375]
