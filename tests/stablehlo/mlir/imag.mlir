// The imaginary part is linear over the reals.

func.func @main(%x: tensor<3xcomplex<f32>>) -> tensor<3xf32> {
  %y = stablehlo.imag %x : (tensor<3xcomplex<f32>>) -> tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.imag %arg0
// JVP: stablehlo.imag %arg1

// VJP: stablehlo.imag %arg0
// VJP: stablehlo.negate %arg1
// VJP: stablehlo.complex %{{.*}}, %{{.*}}

// x0 = [(0.5+1j), (-1.25+0.5j), (2-0.75j)]
// t0 = [(-0.75+2j), (-0.75-1.25j), (-1+0j)]
// c0 = [1.75, -0.75, -1.75]
// y0 = [1.0, 0.5, -0.75]
// pushed0 = [2.0, -1.25, 0.0]
// pulled0 = [-1.75j, 0.75j, 1.75j]
