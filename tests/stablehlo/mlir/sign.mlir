// The sign is a step function.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.sign %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.sign %arg0

// VJP: stablehlo.sign %arg0

// x0 = [0.5, -1.25, 2.0]
// t0 = [1.25, 1.75, 2.0]
// c0 = [1.25, 2.0, 1.5]
// y0 = [1.0, -1.0, 1.0]
// pushed0 = [0.0, 0.0, 0.0]
// pulled0 = [0.0, 0.0, 0.0]
