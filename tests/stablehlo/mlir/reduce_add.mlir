// The pull of a sum is a broadcast.

func.func @main(%x: tensor<2x3xf32>) -> tensor<2xf32> {
  %z = stablehlo.constant dense<0.0> : tensor<f32>
  %y = stablehlo.reduce(%x init: %z) applies stablehlo.add across dimensions = [1] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// JVP: stablehlo.reduce(%arg0 init: %{{.*}}) applies stablehlo.add across
// JVP: stablehlo.reduce(%arg1 init: %{{.*}}) applies stablehlo.add across

// VJP: stablehlo.reduce(%arg0 init: %{{.*}}) applies stablehlo.add across

// x0 = [[0.5, -1.25, 2.0], [1.5, 0.75, -0.5]]
// t0 = [[1.75, -1.75, -1.0], [-1.25, 1.5, 1.75]]
// c0 = [0.75, 1.0]
// y0 = [1.25, 1.75]
// pushed0 = [-1.0, 2.0]
// pulled0 = [[0.75, 0.75, 0.75], [1.0, 1.0, 1.0]]
