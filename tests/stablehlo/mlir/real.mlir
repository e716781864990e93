// The real part is linear over the reals.

func.func @main(%x: tensor<3xcomplex<f32>>) -> tensor<3xf32> {
  %y = stablehlo.real %x : (tensor<3xcomplex<f32>>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.real %arg0
// JVP: stablehlo.real %arg1

// VJP: stablehlo.real %arg0
// VJP: stablehlo.complex %arg1, %{{.*}}

// x0 = [(0.5+1j), (-1.25+0.5j), (2-0.75j)]
// t0 = [(-0.75+1j), (1.75-1.25j), (0.5+0.75j)]
// c0 = [-1.25, -0.75, 1.5]
// y0 = [0.5, -1.25, 2.0]
// pushed0 = [-0.75, 1.75, 0.5]
// pulled0 = [(-1.25+0j), (-0.75+0j), (1.5+0j)]
