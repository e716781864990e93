// The pull of a solve is a solve with the transpose.

func.func @main(%a: tensor<2x2xf32>, %b: tensor<2x1xf32>) -> tensor<2x1xf32> {
  %y = "stablehlo.triangular_solve"(%a, %b) {left_side = true, lower = true, unit_diagonal = false, transpose_a = #stablehlo<transpose NO_TRANSPOSE>} : (tensor<2x2xf32>, tensor<2x1xf32>) -> tensor<2x1xf32>
  return %y : tensor<2x1xf32>
}

// JVP: stablehlo.custom_call
// JVP: stablehlo.compare GE, %{{.*}}, %{{.*}}
// JVP: stablehlo.select %{{.*}}, %arg2, %{{.*}}
// JVP: stablehlo.negate %{{.*}}
// JVP: stablehlo.dot_general %{{.*}}, %{{.*}}
// JVP: stablehlo.add %arg3, %{{.*}}
// JVP: stablehlo.custom_call

// VJP: stablehlo.custom_call
// VJP: stablehlo.compare GE, %{{.*}}, %{{.*}}
// VJP: stablehlo.custom_call
// VJP: stablehlo.dot_general %{{.*}}, %{{.*}}
// VJP: stablehlo.negate %{{.*}}
// VJP: stablehlo.select %{{.*}}, %{{.*}}, %{{.*}}

// x0 = [[2.0, 0.0], [0.5, 1.5]]
// x1 = [[1.0], [-0.5]]
// t0 = [[0.75, -1.75], [-1.5, 2.0]]
// t1 = [[-1.5], [-1.0]]
// c0 = [[1.75], [-0.75]]
// y0 = [[0.5], [-0.5]]
// pushed0 = [[-0.9375], [0.8125]]
// pulled0 = [[-0.5, 0.0], [0.25, -0.25]]
// pulled1 = [[1.0], [-0.5]]
