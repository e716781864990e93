// The branch that ran has the derivative; an index out of range means the last.

func.func @main(%i: tensor<i32>, %x: tensor<f32>) -> tensor<f32> {
  %y = "stablehlo.case"(%i) ({
    %s = stablehlo.sine %x : tensor<f32>
    stablehlo.return %s : tensor<f32>
  }, {
    %e = stablehlo.exponential %x : tensor<f32>
    stablehlo.return %e : tensor<f32>
  }) : (tensor<i32>) -> tensor<f32>
  return %y : tensor<f32>
}

// JVP: "stablehlo.case"
// JVP: stablehlo.sine
// JVP: stablehlo.cosine
// JVP: stablehlo.exponential

// VJP: "stablehlo.case"
// VJP: stablehlo.sine
// VJP: stablehlo.cosine
// VJP: stablehlo.exponential

// x0 = 7
// x1 = 0.75
// t0 = 1.0
// c0 = -1.5
// y0 = 2.117
// pushed0 = 2.117
// pulled0 = -3.1755
