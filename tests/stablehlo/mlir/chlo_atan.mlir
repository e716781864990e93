// The derivative of atan is 1 / (1 + x**2).

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = chlo.atan %x : tensor<3xf32> -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: chlo.atan %arg0
// JVP: chlo.square %arg0
// JVP: stablehlo.add %{{.*}}, %{{.*}}
// JVP: stablehlo.divide %arg1, %{{.*}}

// VJP: chlo.atan %arg0
// VJP: chlo.square %arg0
// VJP: stablehlo.add %{{.*}}, %{{.*}}
// VJP: stablehlo.divide %arg1, %{{.*}}

// x0 = [0.5, -1.25, 2.0]
// t0 = [-0.75, 1.75, -0.75]
// c0 = [-1.25, 1.0, 0.5]
// y0 = [0.4636476, -0.8960554, 1.107149]
// pushed0 = [-0.6, 0.6829268, -0.15]
// pulled0 = [-1.0, 0.3902439, 0.1]
