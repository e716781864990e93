// The derivative of asinh is 1 / sqrt(x**2 + 1).

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = chlo.asinh %x : tensor<3xf32> -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: chlo.asinh %arg0
// JVP: chlo.square %arg0
// JVP: stablehlo.add %{{.*}}, %{{.*}}
// JVP: stablehlo.rsqrt %{{.*}}
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: chlo.asinh %arg0
// VJP: chlo.square %arg0
// VJP: stablehlo.add %{{.*}}, %{{.*}}
// VJP: stablehlo.rsqrt %{{.*}}
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.5, -1.25, 2.0]
// t0 = [-1.5, 0.75, 1.75]
// c0 = [0.5, 1.0, 1.75]
// y0 = [0.4812118, -1.047593, 1.443635]
// pushed0 = [-1.341641, 0.4685213, 0.7826238]
// pulled0 = [0.4472136, 0.624695, 0.7826238]
