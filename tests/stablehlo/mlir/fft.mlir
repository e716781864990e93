// The Fourier transform is its own transpose.

func.func @main(%x: tensor<3xcomplex<f32>>) -> tensor<3xcomplex<f32>> {
  %y = stablehlo.fft %x, type = FFT, length = [3] : (tensor<3xcomplex<f32>>) -> tensor<3xcomplex<f32>>
  return %y : tensor<3xcomplex<f32>>
}

// JVP: stablehlo.fft %arg0
// JVP: stablehlo.fft %arg1

// VJP: stablehlo.fft %arg0
// VJP: stablehlo.fft %arg1

// x0 = [(0.5+1j), (-1.25+0.5j), (2-0.75j)]
// t0 = [(-1.75+0j), (-1.5-0.5j), (-1-1.25j)]
// c0 = [(1.75+1.25j), (-1.75+0j), (1+0.5j)]
// y0 = [(1.25+0.75j), (1.207532+3.939583j), (-0.9575318-1.689583j)]
// pushed0 = [(-4.25-1.75j), (0.1495191+1.308013j), (-1.149519+0.4419873j)]
// pulled0 = [(1+1.75j), (1.691987+3.38157j), (2.558013-1.38157j)]
