// The derivative solves two triangular systems with the factor.

func.func @main(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %y = stablehlo.cholesky %x, lower = true : tensor<2x2xf32>
  %z = stablehlo.constant dense<[[1.0, 0.0], [1.0, 1.0]]> : tensor<2x2xf32>
  %l = stablehlo.multiply %y, %z : tensor<2x2xf32>
  return %l : tensor<2x2xf32>
}

// JVP: stablehlo.custom_call
// JVP: stablehlo.transpose
// JVP: stablehlo.dot_general

// VJP: stablehlo.custom_call
// VJP: stablehlo.dot_general
// VJP: stablehlo.transpose

// x0 = [[2.0, 0.5], [0.5, 1.5]]
// t0 = [[-1.75, -1.25], [-0.5, -0.75]]
// c0 = [[0.5, 1.5], [0.75, 0.75]]
// y0 = [[1.414214, 0.0], [0.3535534, 1.172604]]
// pushed0 = [[-0.6187184, 0.0], [-0.1988738, -0.2598384]]
// pulled0 = [[0.130473, 0.0], [0.3704295, 0.3198011]]
