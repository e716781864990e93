// The exponential is its own derivative.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.exponential %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.exponential %arg0
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: stablehlo.exponential %arg0
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.5, -1.25, 2.0]
// t0 = [1.75, -1.0, 1.25]
// c0 = [1.25, -1.0, 1.0]
// y0 = [1.648721, 0.2865048, 7.389056]
// pushed0 = [2.885262, -0.2865048, 9.23632]
// pulled0 = [2.060902, -0.2865048, 7.389056]
