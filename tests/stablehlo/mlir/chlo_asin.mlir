// The derivative of asin is 1 / sqrt(1 - x**2).

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = chlo.asin %x : tensor<3xf32> -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: chlo.asin %arg0
// JVP: chlo.square %arg0
// JVP: stablehlo.subtract %{{.*}}, %{{.*}}
// JVP: stablehlo.rsqrt %{{.*}}
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: chlo.asin %arg0
// VJP: chlo.square %arg0
// VJP: stablehlo.subtract %{{.*}}, %{{.*}}
// VJP: stablehlo.rsqrt %{{.*}}
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.25, -0.5, 0.75]
// t0 = [-1.5, 0.5, -2.0]
// c0 = [-1.0, 0.75, 1.75]
// y0 = [0.2526803, -0.5235988, 0.8480621]
// pushed0 = [-1.549193, 0.5773503, -3.023716]
// pulled0 = [-1.032796, 0.8660254, 2.645751]
