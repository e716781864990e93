// The pull of sums over windows adds a cotangent to all of its window.

func.func @main(%x: tensor<5xf32>) -> tensor<4xf32> {
  %z = stablehlo.constant dense<0.0> : tensor<f32>
  %y = "stablehlo.reduce_window"(%x, %z) ({
  ^bb0(%p: tensor<f32>, %q: tensor<f32>):
    %r = stablehlo.add %p, %q : tensor<f32>
    stablehlo.return %r : tensor<f32>
  }) {window_dimensions = array<i64: 2>} : (tensor<5xf32>, tensor<f32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// JVP: "stablehlo.reduce_window"(%arg0, %{{.*}})
// JVP: "stablehlo.reduce_window"(%arg1, %{{.*}})

// VJP: "stablehlo.reduce_window"(%arg0, %{{.*}})
// VJP: stablehlo.pad %arg1, %{{.*}}
// VJP: "stablehlo.reduce_window"(%{{.*}}, %{{.*}})

// x0 = [0.5, -1.25, 2.0, 1.5, -0.75]
// t0 = [-1.0, 0.75, 1.25, -1.0, 1.25]
// c0 = [-1.25, -1.75, 2.0, 0.5]
// y0 = [-0.75, 0.75, 3.5, 0.75]
// pushed0 = [-0.25, 2.0, 0.25, 0.25]
// pulled0 = [-1.25, -3.0, 0.25, 2.5, 0.5]
