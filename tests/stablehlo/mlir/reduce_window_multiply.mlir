// An element of a window has the product of the others.

func.func @main(%x: tensor<5xf32>) -> tensor<4xf32> {
  %z = stablehlo.constant dense<1.0> : tensor<f32>
  %y = "stablehlo.reduce_window"(%x, %z) ({
  ^bb0(%p: tensor<f32>, %q: tensor<f32>):
    %r = stablehlo.multiply %p, %q : tensor<f32>
    stablehlo.return %r : tensor<f32>
  }) {window_dimensions = array<i64: 2>} : (tensor<5xf32>, tensor<f32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// JVP: stablehlo.slice
// JVP: stablehlo.multiply
// JVP: stablehlo.add

// VJP: stablehlo.slice
// VJP: stablehlo.pad

// x0 = [0.5, -1.25, 2.0, 1.5, -0.75]
// t0 = [1.5, -1.0, -1.75, -0.5, 1.25]
// c0 = [0.5, -0.5, -1.5, -1.25]
// y0 = [-0.625, -2.5, 3.0, -1.125]
// pushed0 = [-2.375, 0.1875, -3.625, 2.25]
// pulled0 = [-0.625, -0.75, -1.625, -2.0625, -1.875]
