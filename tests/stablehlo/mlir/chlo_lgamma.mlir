// The derivative of lgamma is the digamma function.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = chlo.lgamma %x : tensor<3xf32> -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: chlo.lgamma %arg0
// JVP: chlo.digamma %arg0
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: chlo.lgamma %arg0
// VJP: chlo.digamma %arg0
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.5, 1.25, 2.0]
// t0 = [2.0, 0.5, -1.0]
// c0 = [-2.0, -1.25, -1.25]
// y0 = [0.5723649, -0.09827184, 0.0]
// pushed0 = [-3.92702, -0.1137268, -0.4227843]
// pulled0 = [3.92702, 0.2843169, -0.5284804]
