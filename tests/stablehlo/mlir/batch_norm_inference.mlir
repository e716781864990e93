// Each of five operands has a derivative; the value is computed by the operation.

func.func @main(%0: tensor<2x3xf32>, %1: tensor<3xf32>, %2: tensor<3xf32>, %3: tensor<3xf32>, %4: tensor<3xf32>) -> tensor<2x3xf32> {
  %y = "stablehlo.batch_norm_inference"(%0, %1, %2, %3, %4) {epsilon = 0.01 : f32, feature_index = 1 : i64} : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return %y : tensor<2x3xf32>
}

// JVP: "stablehlo.batch_norm_inference"

// VJP: "stablehlo.batch_norm_inference"

// x0 = [[0.5, -1.0, 2.0], [1.25, 0.5, -0.75]]
// x1 = [0.75, 1.75, 2.25]
// x2 = [1.0, 2.0, 2.5]
// x3 = [1.25, 2.25, 2.75]
// x4 = [1.5, 2.5, 3.0]
// t0 = [[1.0, 0.5, -0.25], [-0.5, 0.75, 1.0]]
// t1 = [0.25, 1.0, -0.75]
// t2 = [0.0, 1.0, -0.75]
// t3 = [-0.25, 1.0, -0.75]
// t4 = [-0.5, 1.0, -0.75]
// c0 = [[0.5, -1.0, 0.75], [1.0, 0.25, -0.5]]
// y0 = [[0.542244, -1.589918, 1.527341], [1.0, 0.06696714, -2.039075]]
// pushed0 = [[0.5345539, -0.8885538, 0.1014804], [-0.1525853, 0.00432855, 2.467063]]
// pulled0 = [[0.3051707, -1.10459, 0.9726588], [0.6103413, 0.2761476, -0.6484392]]
// pulled1 = [-0.3051707, 1.775234, 0.6844636]
// pulled2 = [1.5, -0.75, 0.25]
// pulled3 = [-0.915512, 0.8284427, -0.3242196]
// pulled4 = [0.07578742, -0.6188566, -0.2558211]
