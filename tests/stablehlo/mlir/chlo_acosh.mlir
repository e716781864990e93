// The derivative of acosh is 1 / sqrt(x**2 - 1).

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = chlo.acosh %x : tensor<3xf32> -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: chlo.acosh %arg0
// JVP: stablehlo.subtract %arg0, %{{.*}}
// JVP: stablehlo.rsqrt %{{.*}}
// JVP: stablehlo.add %arg0, %{{.*}}
// JVP: stablehlo.rsqrt %{{.*}}
// JVP: stablehlo.multiply %{{.*}}, %{{.*}}
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: chlo.acosh %arg0
// VJP: stablehlo.subtract %arg0, %{{.*}}
// VJP: stablehlo.rsqrt %{{.*}}
// VJP: stablehlo.add %arg0, %{{.*}}
// VJP: stablehlo.rsqrt %{{.*}}
// VJP: stablehlo.multiply %{{.*}}, %{{.*}}
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [1.25, 1.5, 3.0]
// t0 = [-1.5, 1.0, 1.5]
// c0 = [-0.5, 0.75, 0.5]
// y0 = [0.6931472, 0.9624236, 1.762747]
// pushed0 = [-2.0, 0.8944272, 0.5303301]
// pulled0 = [-0.6666667, 0.6708204, 0.1767767]
