// An exchange of parts is pulled back as the exchange the other way.

sdy.mesh @mesh = <["i"=2]>
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = sdy.manual_computation(%x) in_shardings=[<@mesh, [{"i"}]>] out_shardings=[<@mesh, [{"i"}]>] manual_axes={"i"} (%s: tensor<2xf32>) {
    %a = stablehlo.sine %s : tensor<2xf32>
    %r = "stablehlo.all_to_all"(%a) <{channel_handle = #stablehlo.channel_handle<handle = 1, type = 1>, concat_dimension = 0 : i64, replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>, split_count = 2 : i64, split_dimension = 0 : i64}> : (tensor<2xf32>) -> tensor<2xf32>
    sdy.return %r : tensor<2xf32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// JVP: "stablehlo.all_to_all"
// JVP: "stablehlo.all_to_all"

// VJP: "stablehlo.all_to_all"
// VJP: "stablehlo.all_to_all"

// x0 = [0.5, -1.25, 2.0, 0.75]
// t0 = [1.0, -0.5, 0.25, 0.75]
// c0 = [0.5, -1.0, 0.75, 1.25]
// y0 = [0.4794255, 0.9092974, -0.9489846, 0.6816388]
// pushed0 = [0.8775826, -0.1040367, -0.1576612, 0.5487667]
// pulled0 = [0.4387913, 0.2364918, 0.4161468, 0.9146111]
