// The derivatives of a quotient are 1 / b and -a / b**2.

func.func @main(%a: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.divide %a, %b : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.divide
// JVP: stablehlo.multiply
// JVP: stablehlo.negate
// JVP: stablehlo.add

// VJP: stablehlo.divide %arg0, %arg1
// VJP: stablehlo.multiply %arg1, %arg1
// VJP: stablehlo.divide %{{.*}}, %{{.*}}
// VJP: stablehlo.negate %{{.*}}
// VJP: stablehlo.divide %arg2, %arg1
// VJP: stablehlo.multiply %arg2, %{{.*}}
// VJP: stablehlo.multiply %{{.*}}, %arg0

// x0 = [0.5, -1.25, 2.0]
// x1 = [0.5, 1.25, 2.0]
// t0 = [-1.25, 1.0, -1.75]
// t1 = [1.75, -1.75, -1.25]
// c0 = [-0.75, 1.5, 0.5]
// y0 = [1.0, -1.0, 1.0]
// pushed0 = [-6.0, -0.6, -0.25]
// pulled0 = [-1.5, 1.2, 0.25]
// pulled1 = [1.5, 1.2, -0.25]
