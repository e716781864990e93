// The derivative of acos is -1 / sqrt(1 - x**2).

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = chlo.acos %x : tensor<3xf32> -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: chlo.acos %arg0
// JVP: chlo.square %arg0
// JVP: stablehlo.subtract %{{.*}}, %{{.*}}
// JVP: stablehlo.rsqrt %{{.*}}
// JVP: stablehlo.negate %{{.*}}
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: chlo.acos %arg0
// VJP: chlo.square %arg0
// VJP: stablehlo.subtract %{{.*}}, %{{.*}}
// VJP: stablehlo.rsqrt %{{.*}}
// VJP: stablehlo.negate %{{.*}}
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.25, -0.5, 0.75]
// t0 = [1.25, 2.0, 1.0]
// c0 = [-1.25, -1.25, -1.25]
// y0 = [1.318116, 2.094395, 0.7227342]
// pushed0 = [-1.290994, -2.309401, -1.511858]
// pulled0 = [1.290994, 1.443376, 1.889822]
