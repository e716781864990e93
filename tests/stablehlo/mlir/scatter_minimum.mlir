// The smaller of the two has the tangent.

func.func @main(%x: tensor<3xf32>, %i: tensor<2x1xi32>, %u: tensor<2xf32>) -> tensor<3xf32> {
  %y = "stablehlo.scatter"(%x, %i, %u) ({
  ^bb0(%p: tensor<f32>, %q: tensor<f32>):
    %r = stablehlo.minimum %p, %q : tensor<f32>
    stablehlo.return %r : tensor<f32>
  }) {scatter_dimension_numbers = #stablehlo.scatter<inserted_window_dims = [0], scatter_dims_to_operand_dims = [0], index_vector_dim = 1>, unique_indices = true} : (tensor<3xf32>, tensor<2x1xi32>, tensor<2xf32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: "stablehlo.reduce_window"
// JVP: "stablehlo.scatter"
// JVP: stablehlo.reduce
// JVP: "stablehlo.gather"

// VJP: "stablehlo.reduce_window"
// VJP: "stablehlo.scatter"
// VJP: stablehlo.reduce
// VJP: "stablehlo.gather"

// x0 = [0.5, -1.25, 2.0]
// x1 = [[2], [0]]
// x2 = [1.5, 0.75]
// t0 = [-1.75, 0.5, 1.75]
// t1 = [-1.75, 1.75]
// c0 = [1.75, 1.25, -0.75]
// y0 = [0.5, -1.25, 1.5]
// pushed0 = [-1.75, 0.5, -1.75]
// pulled0 = [1.75, 1.25, 0.0]
// pulled1 = [-0.75, 0.0]
