// The derivative of exp(x) - 1 is its value and 1.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.exponential_minus_one %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.exponential_minus_one %arg0
// JVP: stablehlo.add %{{.*}}, %{{.*}}
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: stablehlo.exponential_minus_one %arg0
// VJP: stablehlo.add %{{.*}}, %{{.*}}
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.5, -1.25, 2.0]
// t0 = [1.5, 1.0, 1.75]
// c0 = [1.0, 1.25, 1.5]
// y0 = [0.6487213, -0.7134952, 6.389056]
// pushed0 = [2.473082, 0.2865048, 12.93085]
// pulled0 = [1.648721, 0.358131, 11.08358]
