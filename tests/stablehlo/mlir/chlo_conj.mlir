// Conjugation is linear over the reals.

func.func @main(%x: tensor<3xcomplex<f32>>) -> tensor<3xcomplex<f32>> {
  %y = chlo.conj %x : tensor<3xcomplex<f32>> -> tensor<3xcomplex<f32>>
  return %y : tensor<3xcomplex<f32>>
}

// JVP: stablehlo.real
// JVP: stablehlo.imag
// JVP: stablehlo.complex

// VJP: stablehlo.real
// VJP: stablehlo.imag
// VJP: stablehlo.complex

// x0 = [(0.5+1j), (-1.25+0.5j), (2-0.75j)]
// t0 = [(1+0.75j), (-2-1j), (1.25+1.75j)]
// c0 = [(1.5-2j), (-1.75+0j), (1.75+1.25j)]
// y0 = [(0.5-1j), (-1.25-0.5j), (2+0.75j)]
// pushed0 = [(1-0.75j), (-2+1j), (1.25-1.75j)]
// pulled0 = [(1.5+2j), (-1.75+0j), (1.75-1.25j)]
