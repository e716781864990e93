// The smaller operand has the tangent.

func.func @main(%a: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.minimum %a, %b : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.minimum
// JVP: stablehlo.compare
// JVP: stablehlo.and
// JVP: stablehlo.select
// JVP: stablehlo.multiply
// JVP: stablehlo.add

// VJP: stablehlo.minimum
// VJP: stablehlo.compare
// VJP: stablehlo.and
// VJP: stablehlo.select
// VJP: stablehlo.multiply

// x0 = [0.5, -1.25, 2.0]
// x1 = [1.0, -0.5, 1.0]
// t0 = [-1.25, 1.0, 2.0]
// t1 = [0.75, 1.75, 1.5]
// c0 = [1.75, -0.75, 1.0]
// y0 = [0.5, -1.25, 1.0]
// pushed0 = [-1.25, 1.0, 1.5]
// pulled0 = [1.75, -0.75, 0.0]
// pulled1 = [0.0, 0.0, 1.0]
