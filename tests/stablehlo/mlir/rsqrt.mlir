// The derivative of x**-1/2 is -y / 2x.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.rsqrt %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.rsqrt %arg0
// JVP: stablehlo.divide %{{.*}}, %arg0
// JVP: stablehlo.multiply %{{.*}}, %{{.*}}
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: stablehlo.rsqrt %arg0
// VJP: stablehlo.divide %{{.*}}, %arg0
// VJP: stablehlo.multiply %{{.*}}, %{{.*}}
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.5, 1.25, 2.0]
// t0 = [-0.75, -1.5, 0.75]
// c0 = [1.25, -0.5, 1.5]
// y0 = [1.414214, 0.8944272, 0.7071068]
// pushed0 = [1.06066, 0.5366563, -0.1325825]
// pulled0 = [-1.767767, 0.1788854, -0.265165]
