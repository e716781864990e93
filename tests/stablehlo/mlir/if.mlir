// The branch that ran has the derivative.

func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %z = stablehlo.constant dense<0.0> : tensor<f32>
  %p = stablehlo.compare GT, %x, %z : (tensor<f32>, tensor<f32>) -> tensor<i1>
  %y = "stablehlo.if"(%p) ({
    %s = stablehlo.sine %x : tensor<f32>
    stablehlo.return %s : tensor<f32>
  }, {
    %e = stablehlo.exponential %x : tensor<f32>
    stablehlo.return %e : tensor<f32>
  }) : (tensor<i1>) -> tensor<f32>
  return %y : tensor<f32>
}

// JVP: stablehlo.compare GT, %arg0, %{{.*}}
// JVP: "stablehlo.case"(%{{.*}})
// JVP: stablehlo.exponential %arg0
// JVP: stablehlo.multiply %arg1, %{{.*}}
// JVP: stablehlo.sine %arg0
// JVP: stablehlo.cosine %arg0
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: "stablehlo.case"
// VJP: stablehlo.exponential
// VJP: stablehlo.sine
// VJP: stablehlo.cosine

// x0 = 0.75
// t0 = -0.5
// c0 = -1.0
// y0 = 0.6816388
// pushed0 = -0.3658444
// pulled0 = -0.7316889
