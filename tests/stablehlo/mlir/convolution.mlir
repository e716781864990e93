// The pulls of a convolution are convolutions.

func.func @main(%x: tensor<1x1x4xf32>, %k: tensor<1x1x2xf32>) -> tensor<1x1x3xf32> {
  %y = stablehlo.convolution(%x, %k) dim_numbers = [b, f, 0]x[o, i, 0]->[b, f, 0], window = {stride = [1], pad = [[0, 0]]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64} : (tensor<1x1x4xf32>, tensor<1x1x2xf32>) -> tensor<1x1x3xf32>
  return %y : tensor<1x1x3xf32>
}

// JVP: stablehlo.convolution(%arg0, %arg1)
// JVP: stablehlo.convolution(%arg2, %arg1)
// JVP: stablehlo.convolution(%arg0, %arg3)
// JVP: stablehlo.add %{{.*}}, %{{.*}}

// VJP: stablehlo.convolution(%arg0, %arg1)
// VJP: stablehlo.reverse %arg1
// VJP: stablehlo.convolution(%arg2, %{{.*}})
// VJP: stablehlo.convolution(%arg0, %arg2)

// x0 = [[[0.5, -1.25, 2.0, 1.5]]]
// x1 = [[[1.0, -0.5]]]
// t0 = [[[0.5, -0.75, 1.25, -1.0]]]
// t1 = [[[-1.0, -0.75]]]
// c0 = [[[-2.0, 1.0, 1.75]]]
// y0 = [[[1.125, -2.25, 1.25]]]
// pushed0 = [[[1.3125, -1.625, -1.375]]]
// pulled0 = [[[-2.0, 2.0, 1.25, -0.875]]]
// pulled1 = [[[1.25, 7.125]]]
