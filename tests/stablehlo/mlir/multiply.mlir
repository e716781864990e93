// The derivative in a factor is the other one.

func.func @main(%a: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.multiply %a, %b : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.multiply %arg0, %arg1
// JVP: stablehlo.multiply %arg2, %arg1
// JVP: stablehlo.multiply %arg3, %arg0
// JVP: stablehlo.add %{{.*}}, %{{.*}}

// VJP: stablehlo.multiply %arg0, %arg1
// VJP: stablehlo.multiply %arg2, %arg1
// VJP: stablehlo.multiply %arg2, %arg0

// x0 = [0.5, -1.25, 2.0]
// x1 = [0.5, 1.25, 2.0]
// t0 = [-1.0, 1.25, -2.0]
// t1 = [-2.0, 0.75, 2.0]
// c0 = [1.25, 1.5, -1.25]
// y0 = [0.25, -1.5625, 4.0]
// pushed0 = [-1.5, 0.625, 0.0]
// pulled0 = [0.625, 1.875, -2.5]
// pulled1 = [0.625, -1.875, -2.5]
