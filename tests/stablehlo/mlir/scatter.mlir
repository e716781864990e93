// What is written over has no cotangent.

func.func @main(%x: tensor<3xf32>, %i: tensor<2x1xi32>, %u: tensor<2xf32>) -> tensor<3xf32> {
  %y = "stablehlo.scatter"(%x, %i, %u) ({
  ^bb0(%p: tensor<f32>, %q: tensor<f32>):
    stablehlo.return %q : tensor<f32>
  }) {scatter_dimension_numbers = #stablehlo.scatter<inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, unique_indices = true} : (tensor<3xf32>, tensor<2x1xi32>, tensor<2xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: "stablehlo.scatter"(%arg0, %arg1, %arg2)
// JVP: "stablehlo.scatter"(%arg3, %arg1, %arg4)

// VJP: "stablehlo.scatter"
// VJP: stablehlo.reduce
// VJP: "stablehlo.gather"

// x0 = [0.5, -1.25, 2.0]
// x1 = [[2], [0]]
// x2 = [1.5, 0.75]
// t0 = [1.0, -1.5, 1.25]
// t1 = [1.0, -1.25]
// c0 = [0.75, 1.25, 1.5]
// y0 = [0.75, -1.25, 1.5]
// pushed0 = [-1.25, -1.5, 1.0]
// pulled0 = [0.0, 1.25, 0.0]
// pulled1 = [1.5, 0.75]
