// What was sent is sent back.

sdy.mesh @mesh = <["i"=2]>
func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> {
  %y = sdy.manual_computation(%x) in_shardings=[<@mesh, [{"i"}]>] out_shardings=[<@mesh, [{"i"}]>] manual_axes={"i"} (%s: tensor<2xf32>) {
    %a = stablehlo.sine %s : tensor<2xf32>
    %r = "stablehlo.collective_permute"(%a) <{channel_handle = #stablehlo.channel_handle<handle = 1, type = 1>, source_target_pairs = dense<[[0, 1]]> : tensor<1x2xi64>}> : (tensor<2xf32>) -> tensor<2xf32>
    sdy.return %r : tensor<2xf32>
  } : (tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// JVP: source_target_pairs = dense<{{\[}}[0, 1]]>
// JVP: source_target_pairs = dense<{{\[}}[0, 1]]>

// VJP: source_target_pairs = dense<{{\[}}[0, 1]]>
// VJP: source_target_pairs = dense<{{\[}}[1, 0]]>

// x0 = [0.5, -1.25, 2.0, 0.75]
// t0 = [1.0, -0.5, 0.25, 0.75]
// c0 = [0.5, -1.0, 0.75, 1.25]
// y0 = [0.0, 0.0, 0.4794255, -0.9489846]
// pushed0 = [0.0, 0.0, 0.8775826, -0.1576612]
// pulled0 = [0.6581869, 0.394153, 0.0, 0.0]
