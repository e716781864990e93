// A gather of shards is pulled back as a sum of which each shard has its part.

sdy.mesh @mesh = <["i"=2]>
func.func @main(%x: tensor<4xf32>) -> tensor<8xf32> {
  %y = sdy.manual_computation(%x) in_shardings=[<@mesh, [{"i"}]>] out_shardings=[<@mesh, [{"i"}]>] manual_axes={"i"} (%s: tensor<2xf32>) {
    %a = stablehlo.sine %s : tensor<2xf32>
    %r = "stablehlo.all_gather"(%a) <{all_gather_dim = 0 : i64, channel_handle = #stablehlo.channel_handle<handle = 1, type = 1>, replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>, use_global_device_ids}> : (tensor<2xf32>) -> tensor<4xf32>
    sdy.return %r : tensor<4xf32>
  } : (tensor<4xf32>) -> tensor<8xf32>
  return %y : tensor<8xf32>
}

// JVP: "stablehlo.all_gather"
// JVP: "stablehlo.all_gather"

// VJP: "stablehlo.all_gather"
// VJP: "stablehlo.reduce_scatter"

// x0 = [0.5, -1.25, 2.0, 0.75]
// t0 = [1.0, -0.5, 0.25, 0.75]
// c0 = [0.5, -1.0, 0.75, 1.25, -0.25, 1.0, 0.5, -0.5]
// y0 = [0.4794255, -0.9489846, 0.9092974, 0.6816388, 0.4794255, -0.9489846, 0.9092974, 0.6816388]
// pushed0 = [0.8775826, -0.1576612, -0.1040367, 0.5487667, 0.8775826, -0.1576612, -0.1040367, 0.5487667]
// pulled0 = [0.2193956, 0.0, -0.5201835, 0.5487667]
