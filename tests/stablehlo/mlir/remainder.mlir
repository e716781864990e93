// A remainder moves with the dividend, and by the quotient with the divisor.

func.func @main(%a: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.remainder %a, %b : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.remainder
// JVP: stablehlo.sign
// JVP: stablehlo.abs
// JVP: stablehlo.floor

// VJP: stablehlo.remainder
// VJP: stablehlo.sign
// VJP: stablehlo.abs
// VJP: stablehlo.floor

// x0 = [5.0, -4.25, 7.0]
// x1 = [2.0, 1.5, 3.0]
// t0 = [-2.0, -1.75, 1.75]
// t1 = [-1.0, 1.5, 1.5]
// c0 = [-0.75, -1.75, -1.5]
// y0 = [1.0, -1.25, 1.0]
// pushed0 = [0.0, 1.25, -1.25]
// pulled0 = [-0.75, -1.75, -1.5]
// pulled1 = [1.5, -3.5, 3.0]
