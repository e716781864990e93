// A sum of which each shard has its part is pulled back as a gather.

sdy.mesh @mesh = <["i"=2]>
func.func @main(%x: tensor<4xf32>) -> tensor<2xf32> {
  %y = sdy.manual_computation(%x) in_shardings=[<@mesh, [{"i"}]>] out_shardings=[<@mesh, [{"i"}]>] manual_axes={"i"} (%s: tensor<2xf32>) {
    %a = stablehlo.sine %s : tensor<2xf32>
    %r = "stablehlo.reduce_scatter"(%a) <{channel_handle = #stablehlo.channel_handle<handle = 1, type = 1>, replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>, scatter_dimension = 0 : i64, use_global_device_ids}> ({
    ^bb0(%p: tensor<f32>, %q: tensor<f32>):
      %t = stablehlo.add %p, %q : tensor<f32>
      stablehlo.return %t : tensor<f32>
    }) : (tensor<2xf32>) -> tensor<1xf32>
    sdy.return %r : tensor<1xf32>
  } : (tensor<4xf32>) -> tensor<2xf32>
  return %y : tensor<2xf32>
}

// JVP: "stablehlo.reduce_scatter"
// JVP: "stablehlo.reduce_scatter"

// VJP: "stablehlo.reduce_scatter"
// VJP: "stablehlo.all_gather"

// x0 = [0.5, -1.25, 2.0, 0.75]
// t0 = [1.0, -0.5, 0.25, 0.75]
// c0 = [0.5, -1.0]
// y0 = [1.388723, -0.2673459]
// pushed0 = [0.7735459, 0.3911055]
// pulled0 = [0.4387913, -0.3153224, -0.2080734, -0.7316889]
