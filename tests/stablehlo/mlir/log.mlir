// The derivative of the logarithm is 1 / x.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.log %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.log %arg0
// JVP: stablehlo.divide %arg1, %arg0

// VJP: stablehlo.log %arg0
// VJP: stablehlo.divide %arg1, %arg0

// x0 = [0.5, 1.25, 2.0]
// t0 = [-1.0, -1.5, 0.75]
// c0 = [1.25, -1.5, -1.5]
// y0 = [-0.6931472, 0.2231436, 0.6931472]
// pushed0 = [-2.0, -1.2, 0.375]
// pulled0 = [2.5, -1.2, -0.75]
