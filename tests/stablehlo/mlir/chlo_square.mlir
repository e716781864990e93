// The derivative of square is 2 x.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = chlo.square %x : tensor<3xf32> -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: chlo.square %arg0
// JVP: stablehlo.multiply %{{.*}}, %arg0
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: chlo.square %arg0
// VJP: stablehlo.multiply %{{.*}}, %arg0
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.5, -1.25, 2.0]
// t0 = [-1.5, 1.0, -1.75]
// c0 = [-1.25, -1.0, -1.25]
// y0 = [0.25, 1.5625, 4.0]
// pushed0 = [-1.5, -2.5, -7.0]
// pulled0 = [-1.25, 2.5, -5.0]
