// A complex number is linear in its parts.

func.func @main(%a: tensor<3xf32>, %b: tensor<3xf32>) -> tensor<3xcomplex<f32>> {
  %y = stablehlo.complex %a, %b : (tensor<3xf32>, tensor<3xf32>) -> tensor<3xcomplex<f32>>
  return %y : tensor<3xcomplex<f32>>
}

// JVP: stablehlo.complex %arg0, %arg1
// JVP: stablehlo.complex %arg2, %arg3

// VJP: stablehlo.complex %arg0, %arg1
// VJP: stablehlo.real %arg2
// VJP: stablehlo.imag %arg2
// VJP: stablehlo.negate %{{.*}}

// x0 = [0.5, -1.25, 2.0]
// x1 = [0.5, 1.25, 2.0]
// t0 = [2.0, -1.5, -1.75]
// t1 = [-2.0, -1.75, 0.75]
// c0 = [(-1.75+0.25j), (-0.75+1j), (0.5+0j)]
// y0 = [(0.5+0.5j), (-1.25+1.25j), (2+2j)]
// pushed0 = [(2-2j), (-1.5-1.75j), (-1.75+0.75j)]
// pulled0 = [-1.75, -0.75, 0.5]
// pulled1 = [-0.25, -1.0, 0.0]
