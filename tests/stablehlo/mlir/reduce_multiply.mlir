// The derivative of a product in a factor is the product of the others.

func.func @main(%x: tensor<2x3xf32>) -> tensor<2xf32> {
  %z = stablehlo.constant dense<1.0> : tensor<f32>
  %y = stablehlo.reduce(%x init: %z) applies stablehlo.multiply across dimensions = [1] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// JVP: stablehlo.slice
// JVP: stablehlo.pad

// VJP: stablehlo.slice
// VJP: stablehlo.pad

// x0 = [[0.5, -1.25, 2.0], [1.5, 0.75, -0.5]]
// t0 = [[2.0, -1.75, 2.0], [2.0, -1.25, 0.75]]
// c0 = [-1.75, -0.5]
// y0 = [-1.25, -0.5625]
// pushed0 = [-8.0, 1.03125]
// pulled0 = [[4.375, -1.75, 1.09375], [0.1875, 0.375, -0.5625]]
