// The derivative of the hyperbolic tangent is 1 - y**2.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.tanh %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.tanh %arg0
// JVP: stablehlo.subtract %{{.*}}, %{{.*}}
// JVP: stablehlo.add %{{.*}}, %{{.*}}
// JVP: stablehlo.multiply %{{.*}}, %{{.*}}
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: stablehlo.tanh %arg0
// VJP: stablehlo.subtract %{{.*}}, %{{.*}}
// VJP: stablehlo.add %{{.*}}, %{{.*}}
// VJP: stablehlo.multiply %{{.*}}, %{{.*}}
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.5, -1.25, 2.0]
// t0 = [-2.0, 1.25, -1.75]
// c0 = [0.75, 1.75, 1.75]
// y0 = [0.4621172, -0.8482836, 0.9640276]
// pushed0 = [-1.572895, 0.3505186, -0.1236389]
// pulled0 = [0.5898358, 0.490726, 0.1236389]
