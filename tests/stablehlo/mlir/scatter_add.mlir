// What is added has the cotangent of where it went.

func.func @main(%x: tensor<3xf32>, %i: tensor<2x1xi32>, %u: tensor<2xf32>) -> tensor<3xf32> {
  %y = "stablehlo.scatter"(%x, %i, %u) ({
  ^bb0(%p: tensor<f32>, %q: tensor<f32>):
    %r = stablehlo.add %p, %q : tensor<f32>
    stablehlo.return %r : tensor<f32>
  }) {scatter_dimension_numbers = #stablehlo.scatter<inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, unique_indices = true} : (tensor<3xf32>, tensor<2x1xi32>, tensor<2xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: "stablehlo.scatter"(%arg0, %arg1, %arg2)
// JVP: "stablehlo.scatter"(%arg3, %arg1, %arg4)

// VJP: "stablehlo.scatter"(%arg0, %arg1, %arg2)
// VJP: stablehlo.compare GE, %arg1, %{{.*}}
// VJP: stablehlo.compare LE, %arg1, %{{.*}}
// VJP: stablehlo.and %{{.*}}, %{{.*}}
// VJP: stablehlo.reduce(%{{.*}} init: %{{.*}}) applies stablehlo.and across
// VJP: "stablehlo.gather"(%arg3, %arg1)
// VJP: stablehlo.select %{{.*}}, %{{.*}}, %{{.*}}

// x0 = [0.5, -1.25, 2.0]
// x1 = [[2], [0]]
// x2 = [1.5, 0.75]
// t0 = [1.75, -0.75, 1.5]
// t1 = [2.0, 1.0]
// c0 = [0.75, 1.25, -2.0]
// y0 = [1.25, -1.25, 3.5]
// pushed0 = [2.75, -0.75, 3.5]
// pulled0 = [0.75, 1.25, -2.0]
// pulled1 = [-2.0, 0.75]
