// Rounding down is a step function.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.floor %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.floor %arg0

// VJP: stablehlo.floor %arg0

// x0 = [0.5, -1.25, 2.25]
// t0 = [-1.25, -1.5, 1.75]
// c0 = [1.5, 1.5, -1.5]
// y0 = [0.0, -2.0, 2.0]
// pushed0 = [0.0, 0.0, 0.0]
// pulled0 = [0.0, 0.0, 0.0]
