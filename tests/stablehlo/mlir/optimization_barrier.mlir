// A barrier stands before tangents and cotangents too.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.optimization_barrier %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.optimization_barrier %arg0
// JVP: stablehlo.optimization_barrier %arg1

// VJP: stablehlo.optimization_barrier %arg0
// VJP: stablehlo.optimization_barrier %arg1

// x0 = [0.5, -1.25, 2.0]
// t0 = [-0.75, -1.5, -1.0]
// c0 = [-0.75, -1.25, 2.0]
// y0 = [0.5, -1.25, 2.0]
// pushed0 = [-0.75, -1.5, -1.0]
// pulled0 = [-0.75, -1.25, 2.0]
