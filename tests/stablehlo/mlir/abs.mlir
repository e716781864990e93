// The derivative of the absolute value is the sign.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.abs %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.abs %arg0
// JVP: stablehlo.compare GE, %arg0, %{{.*}}
// JVP: stablehlo.negate %arg1
// JVP: stablehlo.select %{{.*}}, %arg1, %{{.*}}

// VJP: stablehlo.abs %arg0
// VJP: stablehlo.compare GE, %arg0, %{{.*}}
// VJP: stablehlo.negate %arg1
// VJP: stablehlo.select %{{.*}}, %arg1, %{{.*}}

// x0 = [0.5, -1.25, 2.0]
// t0 = [0.5, 1.75, -1.25]
// c0 = [-1.0, -1.0, -0.75]
// y0 = [0.5, 1.25, 2.0]
// pushed0 = [0.5, -1.75, -1.25]
// pulled0 = [-1.0, 1.0, -0.75]
