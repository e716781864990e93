// The mean and the variance of a batch depend on it.

func.func @main(%0: tensor<2x3xf32>, %1: tensor<3xf32>, %2: tensor<3xf32>) -> (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) {
  %y:3 = "stablehlo.batch_norm_training"(%0, %1, %2) {epsilon = 0.01 : f32, feature_index = 1 : i64} : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>)
  return %y#0, %y#1, %y#2 : tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>
}

// JVP: "stablehlo.batch_norm_training"

// VJP: "stablehlo.batch_norm_training"

// x0 = [[0.5, -1.0, 2.0], [1.25, 0.5, -0.75]]
// x1 = [0.75, 1.75, 2.25]
// x2 = [1.0, 2.0, 2.5]
// t0 = [[1.0, 0.5, -0.25], [-0.5, 0.75, 1.0]]
// t1 = [0.25, 1.0, -0.75]
// t2 = [0.0, 1.0, -0.75]
// c0 = [[0.5, -1.0, 0.75], [1.0, 0.25, -0.5]]
// c1 = [0.5, -0.25, 1.0]
// c2 = [0.5, -0.25, 1.0]
// y0 = [[0.2753238, 0.2653512, 4.744073], [1.724676, 3.734649, 0.2559269]]
// y1 = [0.875, -0.25, 0.625]
// y2 = [0.140625, 0.5625, 1.890625]
// pushed0 = [[-0.1453362, 0.003722176, -1.503391], [0.1453362, 1.996278, 0.003391193]]
// pushed1 = [0.25, 0.625, 0.375]
// pushed2 = [-0.5625, 0.1875, -1.71875]
// pulled0 = [[0.03042581, 0.03725038, 1.880367], [0.4695742, -0.2872504, -0.8803668]]
// pulled1 = [0.4831175, 1.239035, 1.246707]
// pulled2 = [1.5, -0.75, 0.25]
