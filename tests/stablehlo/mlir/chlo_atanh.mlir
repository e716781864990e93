// The derivative of atanh is 1 / (1 - x**2).

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = chlo.atanh %x : tensor<3xf32> -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: chlo.atanh %arg0
// JVP: stablehlo.subtract %{{.*}}, %arg0
// JVP: stablehlo.add %{{.*}}, %arg0
// JVP: stablehlo.multiply %{{.*}}, %{{.*}}
// JVP: stablehlo.divide %arg1, %{{.*}}

// VJP: chlo.atanh %arg0
// VJP: stablehlo.subtract %{{.*}}, %arg0
// VJP: stablehlo.add %{{.*}}, %arg0
// VJP: stablehlo.multiply %{{.*}}, %{{.*}}
// VJP: stablehlo.divide %arg1, %{{.*}}

// x0 = [0.25, -0.5, 0.75]
// t0 = [-1.75, -1.25, 1.75]
// c0 = [1.5, 1.0, 1.0]
// y0 = [0.2554128, -0.5493061, 0.9729551]
// pushed0 = [-1.866667, -1.666667, 4.0]
// pulled0 = [1.6, 1.333333, 2.285714]
