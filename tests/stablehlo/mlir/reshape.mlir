// A reshape is undone by another.

func.func @main(%x: tensor<2x3xf32>) -> tensor<6xf32> {
  %y = stablehlo.reshape %x : (tensor<2x3xf32>) -> tensor<6xf32>
  return %y : tensor<6xf32>
}

// JVP: stablehlo.reshape %arg0
// JVP: stablehlo.reshape %arg1

// VJP: stablehlo.reshape %arg0
// VJP: stablehlo.reshape %arg1

// x0 = [[0.5, -1.25, 2.0], [1.5, 0.75, -0.5]]
// t0 = [[1.0, 2.0, -1.0], [0.75, 1.5, 1.5]]
// c0 = [-1.75, 1.0, -1.25, 1.5, 0.75, -1.75]
// y0 = [0.5, -1.25, 2.0, 1.5, 0.75, -0.5]
// pushed0 = [1.0, 2.0, -1.0, 0.75, 1.5, 1.5]
// pulled0 = [[-1.75, 1.0, -1.25], [1.5, 0.75, -1.75]]
