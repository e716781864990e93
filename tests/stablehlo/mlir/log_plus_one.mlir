// The derivative of log(1 + x) is 1 / (1 + x).

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.log_plus_one %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.log_plus_one %arg0
// JVP: stablehlo.add %arg0, %{{.*}}
// JVP: stablehlo.divide %arg1, %{{.*}}

// VJP: stablehlo.log_plus_one %arg0
// VJP: stablehlo.add %arg0, %{{.*}}
// VJP: stablehlo.divide %arg1, %{{.*}}

// x0 = [0.5, 1.25, 2.0]
// t0 = [-1.0, 1.25, -1.5]
// c0 = [-1.5, -1.25, 1.0]
// y0 = [0.4054651, 0.8109302, 1.098612]
// pushed0 = [-0.6666667, 0.5555556, -0.5]
// pulled0 = [-1.0, -0.5555556, 0.3333333]
