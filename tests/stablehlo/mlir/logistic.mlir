// The derivative of the logistic function is y (1 - y).

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.logistic %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.negate %arg0
// JVP: stablehlo.exponential %{{.*}}
// JVP: stablehlo.add %{{.*}}, %{{.*}}
// JVP: stablehlo.divide %{{.*}}, %{{.*}}
// JVP: stablehlo.subtract %{{.*}}, %{{.*}}
// JVP: stablehlo.multiply %{{.*}}, %{{.*}}
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: stablehlo.negate %arg0
// VJP: stablehlo.exponential %{{.*}}
// VJP: stablehlo.add %{{.*}}, %{{.*}}
// VJP: stablehlo.divide %{{.*}}, %{{.*}}
// VJP: stablehlo.subtract %{{.*}}, %{{.*}}
// VJP: stablehlo.multiply %{{.*}}, %{{.*}}
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.5, -1.25, 2.0]
// t0 = [-1.0, -1.25, -1.75]
// c0 = [-0.75, 1.75, 1.25]
// y0 = [0.6224593, 0.2227001, 0.8807971]
// pushed0 = [-0.2350037, -0.216381, -0.1837388]
// pulled0 = [-0.1762528, 0.3029334, 0.131242]
