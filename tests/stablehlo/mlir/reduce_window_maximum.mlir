// The greatest element of a window has the tangent.

func.func @main(%x: tensor<5xf32>) -> tensor<4xf32> {
  %z = stablehlo.constant dense<0xFF800000> : tensor<f32>
  %y = "stablehlo.reduce_window"(%x, %z) ({
  ^bb0(%p: tensor<f32>, %q: tensor<f32>):
    %r = stablehlo.maximum %p, %q : tensor<f32>
    stablehlo.return %r : tensor<f32>
  }) {window_dimensions = array<i64: 2>} : (tensor<5xf32>, tensor<f32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// JVP: stablehlo.slice
// JVP: stablehlo.maximum
// JVP: "stablehlo.reduce_window"

// VJP: stablehlo.slice
// VJP: stablehlo.maximum
// VJP: "stablehlo.reduce_window"
// VJP: stablehlo.pad

// x0 = [0.5, -1.25, 2.0, 1.5, -0.75]
// t0 = [1.0, 1.25, -0.75, 1.0, 2.0]
// c0 = [1.5, -1.25, 0.75, 1.0]
// y0 = [0.5, 2.0, 2.0, 1.5]
// pushed0 = [1.0, -0.75, -0.75, 1.0]
// pulled0 = [1.5, 0.0, -0.5, 1.0, 0.0]
