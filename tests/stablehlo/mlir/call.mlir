// A call is differentiated as what it calls.

func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %s = call @twice(%x) : (tensor<f32>) -> tensor<f32>
  %y = call @twice(%s) : (tensor<f32>) -> tensor<f32>
  return %y : tensor<f32>
}
func.func private @twice(%x: tensor<f32>) -> tensor<f32> {
  %s = stablehlo.sine %x : tensor<f32>
  %y = stablehlo.sine %s : tensor<f32>
  return %y : tensor<f32>
}

// JVP: stablehlo.sine
// JVP: stablehlo.cosine

// VJP: stablehlo.sine
// VJP: stablehlo.cosine

// x0 = 0.75
// t0 = 2.0
// c0 = -1.75
// y0 = 0.5556948
// pushed0 = 0.7633593
// pulled0 = -0.6679393
