// A deprecated product is read as a general one.

func.func @main(%a: tensor<2x3xf32>, %b: tensor<3xf32>) -> tensor<2xf32> {
  %y = stablehlo.dot %a, %b : (tensor<2x3xf32>, tensor<3xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// JVP: stablehlo.dot_general %arg0, %arg1
// JVP: stablehlo.dot_general %arg2, %arg1
// JVP: stablehlo.dot_general %arg0, %arg3
// JVP: stablehlo.add %{{.*}}, %{{.*}}

// VJP: stablehlo.dot_general %arg0, %arg1
// VJP: stablehlo.dot_general %arg2, %arg1
// VJP: stablehlo.dot_general %arg0, %arg2

// x0 = [[0.5, -1.25, 2.0], [1.5, 0.75, -0.5]]
// x1 = [0.5, -1.25, 2.0]
// t0 = [[-1.0, 1.25, -1.0], [-1.5, 1.75, -1.0]]
// t1 = [1.0, -0.5, -0.75]
// c0 = [0.75, -0.5]
// y0 = [5.8125, -1.1875]
// pushed0 = [-4.4375, -3.4375]
// pulled0 = [[0.375, -0.9375, 1.5], [-0.25, 0.625, -1.0]]
// pulled1 = [-0.375, -1.3125, 1.75]
