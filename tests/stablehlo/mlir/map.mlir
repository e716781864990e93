// A map is what its region computes of each element.

func.func @main(%x: tensor<3xf32>, %y: tensor<3xf32>) -> tensor<3xf32> {
  %z = "stablehlo.map"(%x, %y) ({
  ^bb0(%a: tensor<f32>, %b: tensor<f32>):
    %s = stablehlo.sine %a : tensor<f32>
    %p = stablehlo.multiply %s, %b : tensor<f32>
    stablehlo.return %p : tensor<f32>
  }) {dimensions = array<i64: 0>} : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xf32>
  return %z : tensor<3xf32>
}

// JVP: stablehlo.sine %arg0
// JVP: stablehlo.cosine %arg0

// VJP: stablehlo.sine %arg0
// VJP: stablehlo.cosine %arg0

// x0 = [0.5, -1.25, 2.0]
// x1 = [1.5, 0.75, -0.5]
// t0 = [1.0, -0.5, 0.25]
// t1 = [0.75, 2.0, -1.0]
// c0 = [0.5, -1.0, 1.25]
// y0 = [0.7191383, -0.7117385, -0.4546487]
// pushed0 = [1.675943, -2.016215, -0.8572791]
// pulled0 = [0.6581869, -0.2364918, 0.2600918]
// pulled1 = [0.2397128, 0.9489846, 1.136622]
