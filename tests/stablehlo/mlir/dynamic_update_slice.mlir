// What is written over has no cotangent.

func.func @main(%x: tensor<3xf32>, %u: tensor<2xf32>, %i: tensor<i32>) -> tensor<3xf32> {
  %y = stablehlo.dynamic_update_slice %x, %u, %i : (tensor<3xf32>, tensor<2xf32>, tensor<i32>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.dynamic_update_slice %arg0, %arg1, %arg2
// JVP: stablehlo.dynamic_update_slice %arg3, %arg4, %arg2

// VJP: stablehlo.dynamic_update_slice %arg0, %arg1, %arg2
// VJP: stablehlo.dynamic_update_slice %arg3, %{{.*}}, %arg2
// VJP: stablehlo.dynamic_slice %arg3, %arg2

// x0 = [0.5, -1.25, 2.0]
// x1 = [1.5, -0.75]
// x2 = 1
// t0 = [1.5, 0.75, 1.5]
// t1 = [-1.5, -0.5]
// c0 = [1.25, -1.0, -1.75]
// y0 = [0.5, 1.5, -0.75]
// pushed0 = [1.5, -1.5, -0.5]
// pulled0 = [1.25, 0.0, 0.0]
// pulled1 = [-1.0, -1.75]
