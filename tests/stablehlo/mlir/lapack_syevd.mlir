// Eigenvectors and eigenvalues, of the lower triangle alone.

func.func @main(%x: tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2xf32>) {
  %y:3 = stablehlo.custom_call @lapack_ssyevd_ffi(%x) {mhlo.backend_config = {mode = 86 : ui8, uplo = 76 : ui8}, operand_layouts = [dense<[0, 1]> : tensor<2xindex>], result_layouts = [dense<[0, 1]> : tensor<2xindex>, dense<0> : tensor<1xindex>, dense<> : tensor<0xindex>]} : (tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2xf32>, tensor<i32>)
  return %y#0, %y#1 : tensor<2x2xf32>, tensor<2xf32>
}

// JVP: custom_call @lapack_ssyevd_ffi

// VJP: custom_call @lapack_ssyevd_ffi

// x0 = [[2.0, 0.5], [0.5, 1.5]]
// t0 = [[0.25, -0.5], [-0.5, 1.0]]
// c0 = [[0.5, -1.0], [0.75, 1.25]]
// c1 = [0.5, -0.75]
// y0 = [[0.5257311, -0.8506508], [-0.8506508, -0.5257311]]
// y1 = [1.190983, 2.309017]
// pushed0 = [[0.08506508, 0.05257311], [0.05257311, -0.08506508]]
// pushed1 = [1.239919, 0.01008131]
// pulled0 = [[-0.09674014, 0.0], [-1.425802, -0.1532599]]
