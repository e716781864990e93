// The greatest elements have the tangents.

func.func @main(%x: tensor<3xf32>) -> (tensor<2xf32>, tensor<2xi32>) {
  %v, %n = chlo.top_k(%x, k = 2) : tensor<3xf32> -> (tensor<2xf32>, tensor<2xi32>)
  return %v, %n : tensor<2xf32>, tensor<2xi32>
}

// JVP: chlo.top_k(%arg0, k = 2)
// JVP: "stablehlo.gather"(%arg1, %{{.*}})

// VJP: chlo.top_k(%arg0, k = 2)
// VJP: "stablehlo.scatter"(%{{.*}}, %{{.*}}, %arg1)

// x0 = [0.5, -1.25, 2.0]
// t0 = [-1.25, -2.0, -1.75]
// c0 = [-1.0, -1.5]
// y0 = [2.0, 0.5]
// y1 = [2, 0]
// pushed0 = [-1.75, -1.25]
// pulled0 = [-1.5, 0.0, -1.0]
