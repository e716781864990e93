// The derivatives of a power are b a**(b - 1) and y log(a).

func.func @main(%a: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.power %a, %b : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.power
// JVP: stablehlo.log

// VJP: stablehlo.power
// VJP: stablehlo.log

// x0 = [0.5, 1.25, 2.0]
// x1 = [0.5, -1.25, 2.0]
// t0 = [-0.75, 1.0, -1.25]
// t1 = [1.75, 1.75, -1.5]
// c0 = [1.25, -1.5, -0.75]
// y0 = [0.7071068, 0.7565933, 4.0]
// pushed0 = [-1.388056, -0.4611427, -9.158883]
// pulled0 = [0.8838835, 1.13489, -3.0]
// pulled1 = [-0.6126613, -0.2532434, -2.079442]
