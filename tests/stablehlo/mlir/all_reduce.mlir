// What each shard adds to a sum over shards gets all of its cotangents.

sdy.mesh @mesh = <["i"=2]>
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = sdy.manual_computation(%x) in_shardings=[<@mesh, [{"i"}]>] out_shardings=[<@mesh, [{"i"}]>] manual_axes={"i"} (%s: tensor<2xf32>) {
    %a = stablehlo.sine %s : tensor<2xf32>
    %g = "stablehlo.all_reduce"(%a) <{channel_handle = #stablehlo.channel_handle<handle = 1, type = 1>, replica_groups = dense<[[0, 1]]> : tensor<1x2xi64>, use_global_device_ids}> ({
    ^bb0(%p: tensor<f32>, %q: tensor<f32>):
      %t = stablehlo.add %p, %q : tensor<f32>
      stablehlo.return %t : tensor<f32>
    }) : (tensor<2xf32>) -> tensor<2xf32>
    %r = stablehlo.multiply %g, %s : tensor<2xf32>
    sdy.return %r : tensor<2xf32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// JVP: "stablehlo.all_reduce"
// JVP: "stablehlo.all_reduce"

// VJP: "stablehlo.all_reduce"
// VJP: "stablehlo.all_reduce"

// x0 = [0.5, -1.25, 2.0, 0.75]
// t0 = [1.0, -0.5, 0.25, 0.75]
// c0 = [0.5, -1.0, 0.75, 1.25]
// y0 = [0.6943615, 0.3341823, 2.777446, -0.2005094]
// pushed0 = [1.775496, -0.3552089, 1.894272, 0.09281971]
// pulled0 = [2.230131, 0.9571135, 0.3132853, 1.266387]
