// The derivative of erf is 2 exp(-x**2) / sqrt(pi).

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = chlo.erf %x : tensor<3xf32> -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: chlo.erf %arg0
// JVP: chlo.square %arg0
// JVP: stablehlo.negate %{{.*}}
// JVP: stablehlo.exponential %{{.*}}
// JVP: stablehlo.multiply %{{.*}}, %{{.*}}
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: chlo.erf %arg0
// VJP: chlo.square %arg0
// VJP: stablehlo.negate %{{.*}}
// VJP: stablehlo.exponential %{{.*}}
// VJP: stablehlo.multiply %{{.*}}, %{{.*}}
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.5, -1.25, 2.0]
// t0 = [1.0, -1.75, 0.75]
// c0 = [-1.0, 2.0, -1.0]
// y0 = [0.5204999, -0.9229001, 0.9953223]
// pushed0 = [0.8787826, -0.413912, 0.01550024]
// pulled0 = [-0.8787826, 0.4730422, -0.02066698]
