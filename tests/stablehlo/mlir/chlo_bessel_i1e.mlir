// The derivative of bessel_i1e is that of the scaled function of order 0, less y (1 + 1/x).

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = chlo.bessel_i1e %x : tensor<3xf32> -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: chlo.bessel_i1e
// JVP: stablehlo.abs
// JVP: stablehlo.sqrt
// JVP: stablehlo.sign

// VJP: chlo.bessel_i1e
// VJP: stablehlo.abs
// VJP: stablehlo.sqrt
// VJP: stablehlo.sign

// x0 = [0.5, 1.25, 2.0]
// t0 = [1.25, -1.75, -0.5]
// c0 = [1.5, 0.5, -1.5]
// y0 = [0.1564208, 0.2163917, 0.2152693]
// pushed0 = [0.2197161, -0.03557925, 0.007197806]
// pulled0 = [0.2636593, 0.0101655, 0.02159342]
