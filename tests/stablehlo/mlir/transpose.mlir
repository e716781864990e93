// A transpose is undone by the inverse permutation.

func.func @main(%x: tensor<2x3xf32>) -> tensor<3x2xf32> {
  %y = stablehlo.transpose %x, dims = [1, 0] : (tensor<2x3xf32>) -> tensor<3x2xf32>
  return %y : tensor<3x2xf32>
}

// JVP: stablehlo.transpose %arg0
// JVP: stablehlo.transpose %arg1

// VJP: stablehlo.transpose %arg0
// VJP: stablehlo.transpose %arg1

// x0 = [[0.5, -1.25, 2.0], [1.5, 0.75, -0.5]]
// t0 = [[1.25, -0.75, -1.0], [-1.5, 2.0, -0.75]]
// c0 = [[1.75, 0.75], [-1.25, 1.25], [-1.75, -0.75]]
// y0 = [[0.5, 1.5], [-1.25, 0.75], [2.0, -0.5]]
// pushed0 = [[1.25, -1.5], [-0.75, 2.0], [-1.0, -0.75]]
// pulled0 = [[1.75, -1.25, -1.75], [0.75, 1.25, -0.75]]
