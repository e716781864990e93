// The derivative of sinh is the hyperbolic cosine.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = chlo.sinh %x : tensor<3xf32> -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: chlo.sinh %arg0
// JVP: chlo.cosh %arg0
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: chlo.sinh %arg0
// VJP: chlo.cosh %arg0
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.5, -1.25, 2.0]
// t0 = [1.75, -1.75, -1.5]
// c0 = [-1.25, -1.0, -1.25]
// y0 = [0.5210953, -1.601919, 3.62686]
// pushed0 = [1.973345, -3.304742, -5.643294]
// pulled0 = [-1.409532, -1.888424, -4.702745]
