// The pull of a broadcast is a sum.

func.func @main(%x: tensor<3xf32>) -> tensor<2x3xf32> {
  %y = stablehlo.broadcast_in_dim %x, dims = [1] : (tensor<3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// JVP: stablehlo.broadcast_in_dim %arg0
// JVP: stablehlo.broadcast_in_dim %arg1

// VJP: stablehlo.broadcast_in_dim %arg0
// VJP: stablehlo.reduce(%arg1 init: %{{.*}}) applies stablehlo.add across

// x0 = [0.5, -1.25, 2.0]
// t0 = [0.5, -2.0, 1.75]
// c0 = [[-1.5, 1.5, 0.75], [-1.25, -1.0, -2.0]]
// y0 = [[0.5, -1.25, 2.0], [0.5, -1.25, 2.0]]
// pushed0 = [[0.5, -2.0, 1.75], [0.5, -2.0, 1.75]]
// pulled0 = [-2.75, 0.5, -1.25]
