// The pull reads where the values went.

func.func @main(%x: tensor<5xf32>, %s: tensor<2xf32>) -> tensor<5xf32> {
  %z = stablehlo.constant dense<0.0> : tensor<f32>
  %y = "stablehlo.select_and_scatter"(%x, %s, %z) ({
  ^bb0(%p: tensor<f32>, %q: tensor<f32>):
    %r = stablehlo.compare GE, %p, %q : (tensor<f32>, tensor<f32>) -> tensor<i1>
    stablehlo.return %r : tensor<i1>
  }, {
  ^bb0(%p: tensor<f32>, %q: tensor<f32>):
    %r = stablehlo.add %p, %q : tensor<f32>
    stablehlo.return %r : tensor<f32>
  }) {window_dimensions = array<i64: 2>, window_strides = array<i64: 2>} : (tensor<5xf32>, tensor<2xf32>, tensor<f32>) -> tensor<5xf32>
  return %y : tensor<5xf32>
}

// JVP: stablehlo.pad %arg0, %{{.*}}
// JVP: "stablehlo.select_and_scatter"(%{{.*}}, %arg1, %{{.*}})
// JVP: stablehlo.slice %{{.*}}
// JVP: stablehlo.pad %arg0, %{{.*}}
// JVP: "stablehlo.select_and_scatter"(%{{.*}}, %arg3, %{{.*}})
// JVP: stablehlo.slice %{{.*}}

// VJP: stablehlo.pad %arg0, %{{.*}}
// VJP: "stablehlo.select_and_scatter"(%{{.*}}, %arg1, %{{.*}})
// VJP: stablehlo.slice %{{.*}}
// VJP: "stablehlo.reduce_window"(%arg0, %arg2, %{{.*}}, %{{.*}})

// x0 = [0.5, -1.25, 2.0, 1.5, -0.75]
// x1 = [1.0, -0.5]
// t0 = [-1.0, 1.75, -2.0, 0.75, -1.75]
// t1 = [1.5, -1.0]
// c0 = [0.5, 0.75, -0.75, -1.0, 1.5]
// y0 = [1.0, 0.0, -0.5, 0.0, 0.0]
// pushed0 = [1.5, 0.0, -1.0, 0.0, 0.0]
// pulled0 = [0.0, 0.0, 0.0, 0.0, 0.0]
// pulled1 = [0.5, -0.75]
