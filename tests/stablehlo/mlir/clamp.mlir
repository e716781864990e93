// The operand has the tangent between the bounds, a bound beyond it.

func.func @main(%lo: tensor<3xf32>, %x: tensor<3xf32>, %hi: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.clamp %lo, %x, %hi : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.clamp
// JVP: stablehlo.or

// VJP: stablehlo.clamp
// VJP: stablehlo.or

// x0 = [-1.0, -1.0, -1.0]
// x1 = [0.5, -1.25, 2.5]
// x2 = [2.0, 2.0, 2.0]
// t0 = [-1.5, 0.5, 1.5]
// t1 = [-0.75, 1.5, -1.0]
// t2 = [-1.0, -1.0, 1.25]
// c0 = [-2.0, 1.25, -1.25]
// y0 = [0.5, -1.0, 2.0]
// pushed0 = [-0.75, 0.5, 1.25]
// pulled0 = [0.0, 1.25, 0.0]
// pulled1 = [-2.0, 0.0, 0.0]
// pulled2 = [0.0, 0.0, -1.25]
