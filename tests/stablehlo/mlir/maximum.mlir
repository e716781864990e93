// The greater operand has the tangent.

func.func @main(%a: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.maximum %a, %b : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.maximum
// JVP: stablehlo.compare
// JVP: stablehlo.and
// JVP: stablehlo.select
// JVP: stablehlo.multiply
// JVP: stablehlo.add

// VJP: stablehlo.maximum
// VJP: stablehlo.compare
// VJP: stablehlo.and
// VJP: stablehlo.select
// VJP: stablehlo.multiply

// x0 = [0.5, -1.25, 2.0]
// x1 = [1.0, -0.5, 1.0]
// t0 = [-1.75, -1.75, 0.75]
// t1 = [-1.75, 1.25, 1.5]
// c0 = [2.0, 1.75, -0.75]
// y0 = [1.0, -0.5, 2.0]
// pushed0 = [-1.75, 1.25, 0.75]
// pulled0 = [0.0, 0.0, -0.75]
// pulled1 = [2.0, 1.75, 0.0]
