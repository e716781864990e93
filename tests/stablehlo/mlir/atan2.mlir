// The derivatives of an angle are b and -a over the squared radius.

func.func @main(%a: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.atan2 %a, %b : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.atan2
// JVP: chlo.square

// VJP: stablehlo.atan2
// VJP: chlo.square

// x0 = [0.5, -1.25, 2.0]
// x1 = [0.5, 1.25, 2.0]
// t0 = [-1.75, 2.0, 2.0]
// t1 = [0.5, -1.75, 1.0]
// c0 = [1.25, 0.75, -1.75]
// y0 = [0.7853982, -0.7853982, 0.7853982]
// pushed0 = [-2.25, 0.1, 0.25]
// pulled0 = [1.25, 0.3, -0.4375]
// pulled1 = [-1.25, 0.3, 0.4375]
