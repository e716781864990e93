// A sort permutes tangents as it does values.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = "stablehlo.sort"(%x) ({
  ^bb0(%p: tensor<f32>, %q: tensor<f32>):
    %r = stablehlo.compare LT, %p, %q : (tensor<f32>, tensor<f32>) -> tensor<i1>
    stablehlo.return %r : tensor<i1>
  }) {dimension = 0 : i64, is_stable = true} : (tensor<3xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: "stablehlo.sort"(%arg0, %{{.*}})
// JVP: "stablehlo.gather"(%arg1, %{{.*}})

// VJP: "stablehlo.sort"(%arg0, %{{.*}})
// VJP: "stablehlo.scatter"(%{{.*}}, %{{.*}}, %arg1)

// x0 = [0.5, -1.25, 2.0]
// t0 = [1.5, 1.75, -2.0]
// c0 = [-1.0, 1.75, -1.25]
// y0 = [-1.25, 0.5, 2.0]
// pushed0 = [1.75, 1.5, -2.0]
// pulled0 = [1.75, -1.0, -1.25]
