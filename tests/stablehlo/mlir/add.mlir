// A sum gives its cotangent to both terms.

func.func @main(%a: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.add %a, %b : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.add %arg0, %arg1
// JVP: stablehlo.add %arg2, %arg3

// VJP: stablehlo.add %arg0, %arg1

// x0 = [0.5, -1.25, 2.0]
// x1 = [0.5, 1.25, 2.0]
// t0 = [-1.5, 0.75, -1.75]
// t1 = [-1.25, 1.0, 1.75]
// c0 = [1.5, -2.0, 1.0]
// y0 = [1.0, 0.0, 4.0]
// pushed0 = [-2.75, 1.75, 0.0]
// pulled0 = [1.5, -2.0, 1.0]
// pulled1 = [1.5, -2.0, 1.0]
