// The pull of a slice pads with zeros.

func.func @main(%x: tensor<2x3xf32>) -> tensor<2x2xf32> {
  %y = stablehlo.slice %x [0:2, 0:3:2] : (tensor<2x3xf32>) -> tensor<2x2xf32>
  return %y : tensor<2x2xf32>
}

// JVP: stablehlo.slice %arg0
// JVP: stablehlo.slice %arg1

// VJP: stablehlo.slice %arg0
// VJP: stablehlo.pad %arg1, %{{.*}}

// x0 = [[0.5, -1.25, 2.0], [1.5, 0.75, -0.5]]
// t0 = [[0.5, -1.0, -1.5], [0.75, 1.5, 1.5]]
// c0 = [[0.75, 1.0], [1.0, -0.5]]
// y0 = [[0.5, 2.0], [1.5, -0.5]]
// pushed0 = [[0.5, -1.5], [0.75, 1.5]]
// pulled0 = [[0.75, 0.0, 1.0], [1.0, 0.0, -0.5]]
