// A loop with a known number of steps keeps what its steps need.

func.func @main(%x: tensor<f32>) -> tensor<f32> {
  %n = stablehlo.constant dense<3> : tensor<i32>
  %i = stablehlo.constant dense<0> : tensor<i32>
  %one = stablehlo.constant dense<1> : tensor<i32>
  %r:2 = stablehlo.while(%k = %i, %v = %x) : tensor<i32>, tensor<f32>
  cond {
    %c = stablehlo.compare LT, %k, %n : (tensor<i32>, tensor<i32>) -> tensor<i1>
    stablehlo.return %c : tensor<i1>
  } do {
    %j = stablehlo.add %k, %one : tensor<i32>
    %w = stablehlo.sine %v : tensor<f32>
    stablehlo.return %j, %w : tensor<i32>, tensor<f32>
  }
  return %r#1 : tensor<f32>
}

// JVP: stablehlo.while(%{{.*}} = %{{.*}}, %{{.*}} = %arg0, %{{.*}} = %arg1)
// JVP: stablehlo.compare LT, %{{.*}}, %{{.*}}
// JVP: stablehlo.add %{{.*}}, %{{.*}}
// JVP: stablehlo.sine %arg0
// JVP: stablehlo.cosine %arg0
// JVP: stablehlo.multiply %arg1, %{{.*}}

// VJP: stablehlo.while
// VJP: stablehlo.sine
// VJP: stablehlo.cosine
// VJP: stablehlo.dynamic_update_slice
// VJP: stablehlo.dynamic_slice

// x0 = 0.75
// t0 = 1.75
// c0 = 1.0
// y0 = 0.5891984
// pushed0 = 0.8034043
// pulled0 = 0.4590881
