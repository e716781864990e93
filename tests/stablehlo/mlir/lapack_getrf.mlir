// The factors of an LU decomposition, whose derivative solves with them.

func.func @main(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
  %y:3 = stablehlo.custom_call @lapack_sgetrf_ffi(%x) {mhlo.backend_config = {}, operand_layouts = [dense<[0, 1]> : tensor<2xindex>], result_layouts = [dense<[0, 1]> : tensor<2xindex>, dense<0> : tensor<1xindex>, dense<> : tensor<0xindex>]} : (tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2xi32>, tensor<i32>)
  return %y#0 : tensor<2x2xf32>
}

// JVP: custom_call @lapack_sgetrf_ffi
// JVP: custom_call @lapack_strsm_ffi

// VJP: custom_call @lapack_sgetrf_ffi
// VJP: custom_call @lapack_strsm_ffi

// x0 = [[2.0, 0.5], [0.5, 1.5]]
// t0 = [[0.25, -0.5], [-0.5, 1.0]]
// c0 = [[0.5, -1.0], [0.75, 1.25]]
// y0 = [[2.0, 0.5], [0.25, 1.375]]
// pushed0 = [[0.25, -0.5], [-0.28125, 1.265625]]
// pulled0 = [[0.484375, -1.3125], [0.0625, 1.25]]
