// A difference gives minus its cotangent to what is taken away.

func.func @main(%a: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.subtract %a, %b : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.subtract %arg0, %arg1
// JVP: stablehlo.negate %arg3
// JVP: stablehlo.add %arg2, %{{.*}}

// VJP: stablehlo.subtract %arg0, %arg1
// VJP: stablehlo.negate %arg2

// x0 = [0.5, -1.25, 2.0]
// x1 = [0.5, 1.25, 2.0]
// t0 = [-1.0, 2.0, 1.0]
// t1 = [1.0, 0.5, -1.25]
// c0 = [0.5, -1.0, -0.5]
// y0 = [0.0, -2.5, 0.0]
// pushed0 = [-2.0, 1.5, 2.25]
// pulled0 = [0.5, -1.0, -0.5]
// pulled1 = [-0.5, 1.0, 0.5]
