// Householder reflectors and their product are the Q and R of a matrix.

func.func @main(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %y:2 = stablehlo.custom_call @lapack_sgeqrf_ffi(%x) {mhlo.backend_config = {}, operand_layouts = [dense<[0, 1]> : tensor<2xindex>], result_layouts = [dense<[0, 1]> : tensor<2xindex>, dense<0> : tensor<1xindex>]} : (tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2xf32>)
  %q = stablehlo.custom_call @lapack_sorgqr_ffi(%y#0, %y#1) {mhlo.backend_config = {}, operand_layouts = [dense<[0, 1]> : tensor<2xindex>, dense<0> : tensor<1xindex>], result_layouts = [dense<[0, 1]> : tensor<2xindex>]} : (tensor<2x2xf32>, tensor<2xf32>) -> tensor<2x2xf32>
  return %q : tensor<2x2xf32>
}

// JVP: custom_call @lapack_sgeqrf_ffi
// JVP: custom_call @lapack_sorgqr_ffi

// VJP: custom_call @lapack_sgeqrf_ffi
// VJP: custom_call @lapack_sorgqr_ffi

// x0 = [[2.0, 0.5], [0.5, 1.5]]
// t0 = [[0.25, -0.5], [-0.5, 1.0]]
// c0 = [[0.5, -1.0], [0.75, 1.25]]
// y0 = [[-0.9701425, -0.2425356], [-0.2425356, 0.9701425]]
// pushed0 = [[-0.06420061, 0.2568024], [0.2568024, 0.06420061]]
// pulled0 = [[-0.007133401, 0.0], [0.0285336, 0.0]]
