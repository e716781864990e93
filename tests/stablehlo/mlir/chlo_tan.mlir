// The derivative of tan is 1 + y**2.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = chlo.tan %x : tensor<3xf32> -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.tan %arg0
// JVP: chlo.square %{{.*}}
// JVP: stablehlo.add %{{.*}}, %{{.*}}
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: stablehlo.tan %arg0
// VJP: chlo.square %{{.*}}
// VJP: stablehlo.add %{{.*}}, %{{.*}}
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.25, -0.5, 0.75]
// t0 = [1.75, -1.25, -0.5]
// c0 = [1.25, 1.25, -1.5]
// y0 = [0.2553419, -0.5463025, 0.9315965]
// pushed0 = [1.864099, -1.623058, -0.933936]
// pulled0 = [1.331499, 1.623058, -2.801808]
