// The derivative of erfc is -2 exp(-x**2) / sqrt(pi).

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = chlo.erfc %x : tensor<3xf32> -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: chlo.erfc %arg0
// JVP: chlo.square %arg0
// JVP: stablehlo.negate %{{.*}}
// JVP: stablehlo.exponential %{{.*}}
// JVP: stablehlo.multiply %{{.*}}, %{{.*}}
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: chlo.erfc %arg0
// VJP: chlo.square %arg0
// VJP: stablehlo.negate %{{.*}}
// VJP: stablehlo.exponential %{{.*}}
// VJP: stablehlo.multiply %{{.*}}, %{{.*}}
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.5, -1.25, 2.0]
// t0 = [2.0, -0.75, 1.25]
// c0 = [-1.0, -1.75, 0.75]
// y0 = [0.4795001, 1.9229, 0.004677735]
// pushed0 = [-1.757565, 0.1773908, -0.02583373]
// pulled0 = [0.8787826, 0.413912, -0.01550024]
