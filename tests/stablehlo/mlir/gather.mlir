// The pull of a gather adds where it was read.

func.func @main(%x: tensor<3xf32>, %i: tensor<2x1xi32>) -> tensor<2xf32> {
  %y = "stablehlo.gather"(%x, %i) {dimension_numbers = #stablehlo.gather<collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, slice_sizes = array<i64: 1>} : (tensor<3xf32>, tensor<2x1xi32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// JVP: "stablehlo.gather"(%arg0, %arg1)
// JVP: "stablehlo.gather"(%arg2, %arg1)

// VJP: "stablehlo.gather"(%arg0, %arg1)
// VJP: stablehlo.minimum %{{.*}}, %{{.*}}
// VJP: stablehlo.clamp %{{.*}}, %arg1, %{{.*}}
// VJP: "stablehlo.scatter"(%{{.*}}, %{{.*}}, %arg2)

// x0 = [0.5, -1.25, 2.0]
// x1 = [[2], [2]]
// t0 = [-0.5, 1.25, -1.75]
// c0 = [0.75, -0.75]
// y0 = [2.0, 2.0]
// pushed0 = [-1.75, -1.75]
// pulled0 = [0.0, 0.0, 0.0]
