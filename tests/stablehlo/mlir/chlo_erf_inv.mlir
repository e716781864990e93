// The derivative of erf_inv is sqrt(pi) exp(y**2) / 2.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = chlo.erf_inv %x : tensor<3xf32> -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: chlo.erf_inv %arg0
// JVP: chlo.square %{{.*}}
// JVP: stablehlo.exponential %{{.*}}
// JVP: stablehlo.multiply %{{.*}}, %{{.*}}
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: chlo.erf_inv %arg0
// VJP: chlo.square %{{.*}}
// VJP: stablehlo.exponential %{{.*}}
// VJP: stablehlo.multiply %{{.*}}, %{{.*}}
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.25, -0.5, 0.75]
// t0 = [-1.0, -1.5, -1.25]
// c0 = [-1.0, -1.75, -2.0]
// y0 = [0.2253121, -0.4769363, 0.8134198]
// pushed0 = [-0.9323782, -1.668877, -2.146875]
// pulled0 = [-0.9323782, -1.947023, -3.435]
