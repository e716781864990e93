// The smallest element has the tangent.

func.func @main(%x: tensor<2x3xf32>) -> tensor<2xf32> {
  %z = stablehlo.constant dense<0x7F800000> : tensor<f32>
  %y = stablehlo.reduce(%x init: %z) applies stablehlo.minimum across dimensions = [1] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// JVP: "stablehlo.reduce_window"
// JVP: stablehlo.reduce

// VJP: "stablehlo.reduce_window"(%{{.*}}, %{{.*}})
// VJP: stablehlo.reshape %{{.*}}
// VJP: stablehlo.reduce(%{{.*}} init: %{{.*}}) applies stablehlo.minimum across
// VJP: stablehlo.compare EQ, %{{.*}}, %{{.*}}
// VJP: stablehlo.reduce(%{{.*}} init: %{{.*}}) applies stablehlo.add across
// VJP: stablehlo.divide %arg1, %{{.*}}
// VJP: stablehlo.multiply %{{.*}}, %{{.*}}

// x0 = [[0.5, -1.25, 2.0], [1.5, 0.75, -0.5]]
// t0 = [[1.25, 1.75, 1.25], [-1.75, 1.0, 1.5]]
// c0 = [1.0, 0.5]
// y0 = [-1.25, -0.5]
// pushed0 = [1.75, 1.5]
// pulled0 = [[0.0, 1.0, 0.0], [0.0, 0.0, 0.5]]
