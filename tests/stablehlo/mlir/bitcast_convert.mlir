// Bits are a step function of a number.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %b = stablehlo.bitcast_convert %x : (tensor<3xf32>) -> tensor<3xi32>
  %z = stablehlo.constant dense<0> : tensor<3xi32>
  %p = stablehlo.compare LT, %b, %z : (tensor<3xi32>, tensor<3xi32>) -> tensor<3xi1>
  %n = stablehlo.negate %x : tensor<3xf32>
  %y = stablehlo.select %p, %n, %x : tensor<3xi1>, tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.bitcast_convert %arg0
// JVP: stablehlo.compare LT, %{{.*}}, %{{.*}}
// JVP: stablehlo.negate %arg0
// JVP: stablehlo.negate %arg1
// JVP: stablehlo.select %{{.*}}, %{{.*}}, %arg0
// JVP: stablehlo.select %{{.*}}, %{{.*}}, %arg1

// VJP: stablehlo.bitcast_convert
// VJP: stablehlo.compare
// VJP: stablehlo.negate
// VJP: stablehlo.select
// VJP: stablehlo.add

// x0 = [0.5, -1.25, 2.0]
// t0 = [-1.75, 1.25, -1.75]
// c0 = [1.75, 1.25, 1.75]
// y0 = [0.5, 1.25, 2.0]
// pushed0 = [-1.75, -1.25, -1.75]
// pulled0 = [1.75, -1.25, 1.75]
