// The pull of padding is a slice, and a sum for what is padded with.

func.func @main(%x: tensor<3xf32>, %p: tensor<f32>) -> tensor<6xf32> {
  %y = stablehlo.pad %x, %p, low = [1], high = [0], interior = [1] : (tensor<3xf32>, tensor<f32>) -> tensor<6xf32>
  return %y : tensor<6xf32>
}

// JVP: stablehlo.pad %arg0, %arg1
// JVP: stablehlo.pad %arg2, %arg3

// VJP: stablehlo.pad %arg0, %arg1
// VJP: stablehlo.pad %arg2, %{{.*}}
// VJP: stablehlo.slice %{{.*}}
// VJP: stablehlo.reduce(%arg2 init: %{{.*}}) applies stablehlo.add across
// VJP: stablehlo.reduce(%{{.*}} init: %{{.*}}) applies stablehlo.add across
// VJP: stablehlo.subtract %{{.*}}, %{{.*}}

// x0 = [0.5, -1.25, 2.0]
// x1 = 0.75
// t0 = [1.75, 1.75, -0.75]
// t1 = 1.25
// c0 = [1.25, -1.25, 1.75, -1.0, -1.0, 1.0]
// y0 = [0.75, 0.5, 0.75, -1.25, 0.75, 2.0]
// pushed0 = [1.25, 1.75, 1.25, 1.75, 1.25, -0.75]
// pulled0 = [-1.25, -1.0, 1.0]
// pulled1 = 2.0
