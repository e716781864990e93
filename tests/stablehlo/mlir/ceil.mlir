// Rounding up is a step function.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.ceil %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.ceil %arg0

// VJP: stablehlo.ceil %arg0

// x0 = [0.5, -1.25, 2.25]
// t0 = [0.5, 1.75, -1.25]
// c0 = [-1.0, -1.0, -0.75]
// y0 = [1.0, -1.0, 3.0]
// pushed0 = [0.0, 0.0, 0.0]
// pulled0 = [0.0, 0.0, 0.0]
