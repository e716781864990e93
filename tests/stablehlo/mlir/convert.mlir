// A conversion converts tangents too.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf64> {
  %y = stablehlo.convert %x : (tensor<3xf32>) -> tensor<3xf64>
  return %y : tensor<3xf64>
}

// JVP: stablehlo.convert %arg0
// JVP: stablehlo.convert %arg1

// VJP: stablehlo.convert %arg0
// VJP: stablehlo.convert %arg1

// x0 = [0.5, -1.25, 2.0]
// t0 = [-1.75, 0.5, -1.75]
// c0 = [-1.5, -1.75, -1.25]
// y0 = [0.5, -1.25, 2.0]
// pushed0 = [-1.75, 0.5, -1.75]
// pulled0 = [-1.5, -1.75, -1.25]
