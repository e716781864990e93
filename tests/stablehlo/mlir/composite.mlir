// A composite is differentiated as what it is composed of.

func.func @main(%x: tensor<2xf32>) -> tensor<2xf32> {
  %y = stablehlo.composite "owner.cube" %x {decomposition = @cube} : (tensor<2xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}
func.func private @cube(%x: tensor<2xf32>) -> tensor<2xf32> {
  %s = stablehlo.multiply %x, %x : tensor<2xf32>
  %y = stablehlo.multiply %s, %x : tensor<2xf32>
  return %y : tensor<2xf32>
}

// JVP: stablehlo.multiply

// VJP: stablehlo.multiply

// x0 = [0.5, -1.5]
// t0 = [2.0, 0.25]
// c0 = [-1.0, 0.75]
// y0 = [0.125, -3.375]
// pushed0 = [1.5, 1.6875]
// pulled0 = [-0.75, 5.0625]
