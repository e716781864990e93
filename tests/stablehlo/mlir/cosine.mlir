// The derivative of the cosine is minus the sine.

func.func @main(%x: tensor<3xf32>) -> tensor<3xf32> {
  %y = stablehlo.cosine %x : tensor<3xf32>
  return %y : tensor<3xf32>
}

// JVP: stablehlo.cosine %arg0
// JVP: stablehlo.sine %arg0
// JVP: stablehlo.negate %{{.*}}
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: stablehlo.cosine %arg0
// VJP: stablehlo.sine %arg0
// VJP: stablehlo.negate %{{.*}}
// VJP: stablehlo.multiply %arg1, %{{.*}}

// x0 = [0.5, -1.25, 2.0]
// t0 = [-1.75, 1.5, 1.25]
// c0 = [1.5, 2.0, -1.0]
// y0 = [0.8775826, 0.3153224, -0.4161468]
// pushed0 = [0.8389947, 1.423477, -1.136622]
// pulled0 = [-0.7191383, 1.897969, 0.9092974]
