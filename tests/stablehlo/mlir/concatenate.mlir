// The pull of a concatenation is a slice for each operand.

func.func @main(%a: tensor<3xf32>, %b: tensor<2xf32>) -> tensor<5xf32> {
  %y = stablehlo.concatenate %a, %b, dim = 0 : (tensor<3xf32>, tensor<2xf32>) -> tensor<5xf32>
  return %y : tensor<5xf32>
}

// JVP: stablehlo.concatenate %arg0, %arg1
// JVP: stablehlo.concatenate %arg2, %arg3

// VJP: stablehlo.concatenate %arg0, %arg1
// VJP: stablehlo.slice %arg2
// VJP: stablehlo.slice %arg2

// x0 = [0.5, -1.25, 2.0]
// x1 = [1.5, -0.75]
// t0 = [-1.75, -1.75, 0.75]
// t1 = [-1.25, 0.75]
// c0 = [-0.75, 1.75, 1.25, -0.75, 1.75]
// y0 = [0.5, -1.25, 2.0, 1.5, -0.75]
// pushed0 = [-1.75, -1.75, 0.75, -1.25, 0.75]
// pulled0 = [-0.75, 1.75, 1.25]
// pulled1 = [-0.75, 1.75]
