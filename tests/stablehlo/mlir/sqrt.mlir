// The derivative of the square root is 1 / 2y.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.sqrt %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.sqrt %arg0
// JVP: stablehlo.divide %{{.*}}, %{{.*}}
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: stablehlo.sqrt %arg0
// VJP: stablehlo.divide %{{.*}}, %{{.*}}
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.5, 1.25, 2.0]
// t0 = [1.75, -0.5, -0.5]
// c0 = [-1.5, -2.0, -1.25]
// y0 = [0.7071068, 1.118034, 1.414214]
// pushed0 = [1.237437, -0.2236068, -0.1767767]
// pulled0 = [-1.06066, -0.8944272, -0.4419417]
