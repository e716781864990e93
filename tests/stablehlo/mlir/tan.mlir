// The derivative of the tangent is 1 + y**2.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.tan %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.tan %arg0
// JVP: chlo.square %{{.*}}
// JVP: stablehlo.add %{{.*}}, %{{.*}}
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: stablehlo.tan %arg0
// VJP: chlo.square %{{.*}}
// VJP: stablehlo.add %{{.*}}, %{{.*}}
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.25, -0.5, 0.75]
// t0 = [1.25, 0.75, -1.0]
// c0 = [0.5, 2.0, 1.25]
// y0 = [0.2553419, -0.5463025, 0.9315965]
// pushed0 = [1.331499, 0.9738348, -1.867872]
// pulled0 = [0.5325997, 2.596893, 2.33484]
