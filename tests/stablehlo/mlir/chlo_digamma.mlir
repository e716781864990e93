// The derivative of digamma is the trigamma function.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = chlo.digamma %x : tensor<3xf32> -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: chlo.digamma %arg0
// JVP: chlo.polygamma %{{.*}}, %arg0
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: chlo.digamma %arg0
// VJP: chlo.polygamma %{{.*}}, %arg0
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.5, 1.25, 2.0]
// t0 = [-1.0, 1.75, 1.5]
// c0 = [-1.5, -1.25, 1.5]
// y0 = [-1.96351, -0.2274535, 0.4227843]
// pushed0 = [-4.934802, 2.095326, 0.9674011]
// pulled0 = [-7.402203, -1.496661, 0.9674011]
