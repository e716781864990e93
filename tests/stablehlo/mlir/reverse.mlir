// A reversal undoes itself.

func.func @main(%x: tensor<2x3xf32>) -> tensor<2x3xf32> {
  %y = stablehlo.reverse %x, dims = [1] : tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// JVP: stablehlo.reverse %arg0
// JVP: stablehlo.reverse %arg1

// VJP: stablehlo.reverse %arg0
// VJP: stablehlo.reverse %arg1

// x0 = [[0.5, -1.25, 2.0], [1.5, 0.75, -0.5]]
// t0 = [[1.0, -1.75, -1.5], [-0.75, 1.25, 1.75]]
// c0 = [[-0.5, 1.5, 1.5], [2.0, 1.5, -0.5]]
// y0 = [[2.0, -1.25, 0.5], [-0.5, 0.75, 1.5]]
// pushed0 = [[-1.5, -1.75, 1.0], [1.75, 1.25, -0.75]]
// pulled0 = [[1.5, 1.5, -0.5], [-0.5, 1.5, 2.0]]
