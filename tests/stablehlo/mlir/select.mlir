// Each case has the tangents of the elements chosen from it.

func.func @main(%a: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<3xf32> {
  %p = stablehlo.compare LT, %a, %b : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xi1>
  %n = stablehlo.negate %b : tensor<3xf32>
  %y = stablehlo.select %p, %a, %n : tensor<3xi1>, tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.compare LT, %arg0, %arg1
// JVP: stablehlo.negate %arg1
// JVP: stablehlo.negate %arg3
// JVP: stablehlo.select %{{.*}}, %arg0, %{{.*}}
// JVP: stablehlo.select %{{.*}}, %arg2, %{{.*}}

// VJP: stablehlo.compare LT, %arg0, %arg1
// VJP: stablehlo.negate %arg1
// VJP: stablehlo.select %{{.*}}, %arg0, %{{.*}}
// VJP: stablehlo.select %{{.*}}, %{{.*}}, %arg2
// VJP: stablehlo.select %{{.*}}, %arg2, %{{.*}}
// VJP: stablehlo.negate %{{.*}}

// x0 = [0.5, -1.25, 2.0]
// x1 = [1.0, -2.5, 1.0]
// t0 = [-1.0, 1.25, 1.75]
// t1 = [1.5, -1.0, -1.75]
// c0 = [1.25, -1.25, -1.75]
// y0 = [0.5, 2.5, -1.0]
// pushed0 = [-1.0, 1.0, 1.75]
// pulled0 = [1.25, 0.0, 0.0]
// pulled1 = [0.0, 1.25, 1.75]
