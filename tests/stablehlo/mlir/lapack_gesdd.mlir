// Singular values and vectors.

func.func @main(%x: tensor<2x2xf32>) -> (tensor<2xf32>, tensor<2x2xf32>, tensor<2x2xf32>) {
  %y:5 = stablehlo.custom_call @lapack_sgesdd_ffi(%x) {mhlo.backend_config = {mode = 83 : ui8}, operand_layouts = [dense<[0, 1]> : tensor<2xindex>], result_layouts = [dense<[0, 1]> : tensor<2xindex>, dense<0> : tensor<1xindex>, dense<[0, 1]> : tensor<2xindex>, dense<[0, 1]> : tensor<2xindex>, dense<> : tensor<0xindex>]} : (tensor<2x2xf32>) -> (tensor<2x2xf32>, tensor<2xf32>, tensor<2x2xf32>, tensor<2x2xf32>, tensor<i32>)
  return %y#1, %y#2, %y#3 : tensor<2xf32>, tensor<2x2xf32>, tensor<2x2xf32>
}

// JVP: custom_call @lapack_sgesdd_ffi

// VJP: custom_call @lapack_sgesdd_ffi

// x0 = [[2.0, 0.5], [-0.75, 1.5]]
// t0 = [[0.25, -0.5], [-0.5, 1.0]]
// c0 = [0.5, -0.75]
// c1 = [[0.5, -1.0], [0.75, 1.25]]
// c2 = [[1.0, 0.25], [-0.5, 0.75]]
// y0 = [2.137767, 1.57875]
// y1 = [[-0.9197569, 0.3924886], [0.3924886, 0.9197569]]
// y2 = [[-0.9981818, 0.06027528], [0.06027528, 0.9981818]]
// pushed0 = [0.4767853, 0.7003921]
// pushed1 = [[0.4095379, 0.9597101], [0.9597101, -0.4095379]]
// pushed2 = [[0.06971204, 1.154458], [1.154458, -0.06971204]]
// pulled0 = [[0.7579266, 0.2487549], [0.4062798, -0.9671332]]
