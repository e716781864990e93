// Rounding is a step function.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.round_nearest_even %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.round_nearest_even %arg0

// VJP: stablehlo.round_nearest_even %arg0

// x0 = [0.25, -1.25, 1.75]
// t0 = [0.5, -1.25, 1.25]
// c0 = [1.75, 1.0, 1.5]
// y0 = [0.0, -1.0, 2.0]
// pushed0 = [0.0, 0.0, 0.0]
// pulled0 = [0.0, 0.0, 0.0]
