// The derivative of cosh is the hyperbolic sine.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = chlo.cosh %x : tensor<3xf32> -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: chlo.cosh %arg0
// JVP: chlo.sinh %arg0
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: chlo.cosh %arg0
// VJP: chlo.sinh %arg0
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.5, -1.25, 2.0]
// t0 = [-1.5, -1.0, 2.0]
// c0 = [-1.0, 0.75, 1.0]
// y0 = [1.127626, 1.888424, 3.762196]
// pushed0 = [-0.781643, 1.601919, 7.253721]
// pulled0 = [-0.5210953, -1.201439, 3.62686]
