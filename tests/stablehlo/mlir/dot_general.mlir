// The pull of a product is a product with the other factor.

func.func @main(%a: tensor<2x3xf32>, %b: tensor<3x2xf32>) -> tensor<2x2xf32> {
  %y = stablehlo.dot_general %a, %b, contracting_dims = [1] x [0] : (tensor<2x3xf32>, tensor<3x2xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// JVP: stablehlo.dot_general %arg0, %arg1
// JVP: stablehlo.dot_general %arg2, %arg1
// JVP: stablehlo.dot_general %arg0, %arg3
// JVP: stablehlo.add %{{.*}}, %{{.*}}

// VJP: stablehlo.dot_general %arg0, %arg1
// VJP: stablehlo.dot_general %arg2, %arg1
// VJP: stablehlo.dot_general %arg0, %arg2

// x0 = [[0.5, -1.25, 2.0], [1.5, 0.75, -0.5]]
// x1 = [[1.0, -0.5], [0.25, 2.0], [-1.5, 0.75]]
// t0 = [[-1.75, 1.75, 0.75], [1.0, -0.5, -1.75]]
// t1 = [[-1.25, -1.5], [-0.5, 1.25], [-1.75, 1.25]]
// c0 = [[-1.0, 1.5], [1.75, 1.25]]
// y0 = [[-2.8125, -1.25], [2.4375, 0.375]]
// pushed0 = [[-5.9375, 5.125], [2.125, -4.75]]
// pulled0 = [[-1.75, 2.75, 2.625], [1.125, 2.9375, -1.6875]]
// pulled1 = [[2.125, 2.625], [2.5625, -0.9375], [-2.875, 2.375]]
