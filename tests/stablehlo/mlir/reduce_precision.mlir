// Tangents are rounded as values are.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.reduce_precision %x, format = e8m7 : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.reduce_precision %arg0
// JVP: stablehlo.reduce_precision %arg1

// VJP: stablehlo.reduce_precision %arg0
// VJP: stablehlo.reduce_precision %arg1

// x0 = [0.5, -1.25, 2.0]
// t0 = [-1.25, 0.75, -1.0]
// c0 = [0.75, -1.5, -1.5]
// y0 = [0.5, -1.25, 2.0]
// pushed0 = [-1.25, 0.75, -1.0]
// pulled0 = [0.75, -1.5, -1.5]
