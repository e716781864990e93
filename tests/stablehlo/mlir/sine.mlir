// The derivative of the sine is the cosine.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.sine %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.sine %arg0
// JVP: stablehlo.cosine %arg0
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: stablehlo.sine %arg0
// VJP: stablehlo.cosine %arg0
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.5, -1.25, 2.0]
// t0 = [-1.5, -1.75, -0.75]
// c0 = [2.0, -1.0, -1.5]
// y0 = [0.4794255, -0.9489846, 0.9092974]
// pushed0 = [-1.316374, -0.5518141, 0.3121101]
// pulled0 = [1.755165, -0.3153224, 0.6242203]
