// Negation is linear.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.negate %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.negate %arg0
// JVP: stablehlo.negate %arg1

// VJP: stablehlo.negate %arg0
// VJP: stablehlo.negate %arg1

// x0 = [0.5, -1.25, 2.0]
// t0 = [-1.75, -2.0, 0.5]
// c0 = [0.75, 0.75, -1.0]
// y0 = [-0.5, 1.25, -2.0]
// pushed0 = [1.75, 2.0, -0.5]
// pulled0 = [-0.75, -0.75, 1.0]
