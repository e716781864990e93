// The pull of a slice is added where it was read.

func.func @main(%x: tensor<3xf32>, %i: tensor<i32>) -> tensor<2xf32> {
  %y = stablehlo.dynamic_slice %x, %i, sizes = [2] : (tensor<3xf32>, tensor<i32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// JVP: stablehlo.dynamic_slice %arg0, %arg1
// JVP: stablehlo.dynamic_slice %arg2, %arg1

// VJP: stablehlo.dynamic_slice %arg0, %arg1
// VJP: stablehlo.dynamic_update_slice %{{.*}}, %arg2, %arg1

// x0 = [0.5, -1.25, 2.0]
// x1 = 1
// t0 = [1.0, 0.5, -1.75]
// c0 = [1.0, -0.75]
// y0 = [-1.25, 2.0]
// pushed0 = [0.5, -1.75]
// pulled0 = [0.0, 1.0, -0.75]
