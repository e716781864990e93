// The derivative of the cube root is y**-2 / 3.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.cbrt %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.cbrt %arg0
// JVP: stablehlo.multiply %{{.*}}, %{{.*}}
// JVP: stablehlo.divide %{{.*}}, %{{.*}}
// JVP: stablehlo.multiply %{{.*}}, %{{.*}}
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: stablehlo.cbrt %arg0
// VJP: stablehlo.multiply %{{.*}}, %{{.*}}
// VJP: stablehlo.divide %{{.*}}, %{{.*}}
// VJP: stablehlo.multiply %{{.*}}, %{{.*}}
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.5, 1.25, 2.0]
// t0 = [-1.25, -1.5, 1.75]
// c0 = [1.5, 1.5, -1.5]
// y0 = [0.7937005, 1.077217, 1.259921]
// pushed0 = [-0.6614171, -0.4308869, 0.367477]
// pulled0 = [0.7937005, 0.4308869, -0.3149803]
