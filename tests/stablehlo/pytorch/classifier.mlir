module @IrToHlo.213 attributes {mhlo.cross_program_prefetches = [], mhlo.input_output_alias = [], mhlo.is_dynamic = false, mhlo.use_auto_spmd_partitioning = false} {
  func.func @main(%arg0: tensor<2xi64>, %arg1: tensor<3xf32>, %arg2: tensor<3x16xf32>, %arg3: tensor<48xf32>, %arg4: tensor<48x16xf32>, %arg5: tensor<16xf32>, %arg6: tensor<4xf32>, %arg7: tensor<4x1x3x3xf32>, %arg8: tensor<2x1x8x8xf32>, %arg9: tensor<16xf32>) -> tensor<f32> {
    %cst = stablehlo.constant dense<2.500000e-01> : tensor<2x16xf32>
    %cst_0 = stablehlo.constant dense<4.000000e+00> : tensor<2x4x4xf32>
    %cst_1 = stablehlo.constant dense<0.000000e+00> : tensor<8xf32>
    %cst_2 = stablehlo.constant dense<1.000000e+00> : tensor<8xf32>
    %cst_3 = stablehlo.constant dense<1.000000e+00> : tensor<2x4x8x8xf32>
    %cst_4 = stablehlo.constant dense<0.707106769> : tensor<2x4x8x8xf32>
    %cst_5 = stablehlo.constant dense<5.000000e-01> : tensor<2x4x8x8xf32>
    %cst_6 = stablehlo.constant dense<0xFF800000> : tensor<f32>
    %cst_7 = stablehlo.constant dense<0.000000e+00> : tensor<f32>
    %0 = stablehlo.convolution(%arg8, %arg7) dim_numbers = [b, f, 0, 1]x[o, i, 0, 1]->[b, f, 0, 1], window = {stride = [1, 1], pad = [[1, 1], [1, 1]], lhs_dilate = [1, 1], rhs_dilate = [1, 1], reverse = [false, false]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64, precision_config = [#stablehlo<precision DEFAULT>, #stablehlo<precision DEFAULT>]} : (tensor<2x1x8x8xf32>, tensor<4x1x3x3xf32>) -> tensor<2x4x8x8xf32>
    %1 = stablehlo.broadcast_in_dim %arg6, dims = [1] : (tensor<4xf32>) -> tensor<2x4x8x8xf32>
    %2 = stablehlo.add %0, %1 : tensor<2x4x8x8xf32>
    %3 = stablehlo.multiply %2, %cst_5 : tensor<2x4x8x8xf32>
    %4 = stablehlo.multiply %2, %cst_4 : tensor<2x4x8x8xf32>
    %5 = stablehlo.custom_call @mhlo.erf(%4) {mhlo.attributes = {}, mhlo.version = 1 : i64} : (tensor<2x4x8x8xf32>) -> tensor<2x4x8x8xf32>
    %6 = stablehlo.add %5, %cst_3 : tensor<2x4x8x8xf32>
    %7 = stablehlo.multiply %3, %6 : tensor<2x4x8x8xf32>
    %8 = "stablehlo.reduce_window"(%7, %cst_6) <{base_dilations = array<i64: 1, 1, 1, 1>, padding = dense<0> : tensor<4x2xi64>, window_dilations = array<i64: 1, 1, 1, 1>, window_dimensions = array<i64: 1, 1, 2, 2>, window_strides = array<i64: 1, 1, 2, 2>}> ({
    ^bb0(%arg10: tensor<f32>, %arg11: tensor<f32>):
      %59 = stablehlo.maximum %arg10, %arg11 : tensor<f32>
      stablehlo.return %59 : tensor<f32>
    }) : (tensor<2x4x8x8xf32>, tensor<f32>) -> tensor<2x4x4x4xf32>
    %9 = stablehlo.reshape %8 : (tensor<2x4x4x4xf32>) -> tensor<1x8x16xf32>
    %output, %batch_mean, %batch_var = "stablehlo.batch_norm_training"(%9, %cst_2, %cst_1) <{epsilon = 9.99999974E-6 : f32, feature_index = 1 : i64}> : (tensor<1x8x16xf32>, tensor<8xf32>, tensor<8xf32>) -> (tensor<1x8x16xf32>, tensor<8xf32>, tensor<8xf32>)
    %10 = stablehlo.broadcast_in_dim %arg9, dims = [2] : (tensor<16xf32>) -> tensor<2x4x16xf32>
    %11 = stablehlo.reshape %output : (tensor<1x8x16xf32>) -> tensor<2x4x16xf32>
    %12 = stablehlo.broadcast_in_dim %arg5, dims = [2] : (tensor<16xf32>) -> tensor<2x4x16xf32>
    %13 = stablehlo.multiply %11, %12 : tensor<2x4x16xf32>
    %14 = stablehlo.add %10, %13 : tensor<2x4x16xf32>
    %15 = stablehlo.reshape %14 : (tensor<2x4x16xf32>) -> tensor<8x16xf32>
    %16 = stablehlo.transpose %arg4, dims = [1, 0] {result_layout = dense<[0, 1]> : tensor<2xindex>, xla_shape = "f32[16,48]{0,1}"} : (tensor<48x16xf32>) -> tensor<16x48xf32>
    %17 = stablehlo.dot_general %15, %16, contracting_dims = [1] x [0], precision = [DEFAULT, DEFAULT] : (tensor<8x16xf32>, tensor<16x48xf32>) -> tensor<8x48xf32>
    %18 = stablehlo.broadcast_in_dim %arg3, dims = [1] : (tensor<48xf32>) -> tensor<8x48xf32>
    %19 = stablehlo.add %17, %18 : tensor<8x48xf32>
    %20 = stablehlo.reshape %19 : (tensor<8x48xf32>) -> tensor<2x4x48xf32>
    %21 = stablehlo.slice %20 [0:2, 0:4, 0:16] : (tensor<2x4x48xf32>) -> tensor<2x4x16xf32>
    %22 = stablehlo.slice %20 [0:2, 0:4, 16:32] : (tensor<2x4x48xf32>) -> tensor<2x4x16xf32>
    %23 = stablehlo.transpose %22, dims = [0, 2, 1] {result_layout = dense<[1, 2, 0]> : tensor<3xindex>, xla_shape = "f32[2,16,4]{1,2,0}"} : (tensor<2x4x16xf32>) -> tensor<2x16x4xf32>
    %24 = stablehlo.dot_general %21, %23, batching_dims = [0] x [0], contracting_dims = [2] x [1], precision = [DEFAULT, DEFAULT] : (tensor<2x4x16xf32>, tensor<2x16x4xf32>) -> tensor<2x4x4xf32>
    %25 = stablehlo.divide %24, %cst_0 : tensor<2x4x4xf32>
    %26 = stablehlo.reduce(%25 init: %cst_6) applies stablehlo.maximum across dimensions = [2] : (tensor<2x4x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %27 = stablehlo.broadcast_in_dim %26, dims = [0, 1] : (tensor<2x4xf32>) -> tensor<2x4x4xf32>
    %28 = stablehlo.subtract %25, %27 : tensor<2x4x4xf32>
    %29 = stablehlo.exponential %28 : tensor<2x4x4xf32>
    %30 = stablehlo.reduce(%29 init: %cst_7) applies stablehlo.add across dimensions = [2] : (tensor<2x4x4xf32>, tensor<f32>) -> tensor<2x4xf32>
    %31 = stablehlo.broadcast_in_dim %30, dims = [0, 1] : (tensor<2x4xf32>) -> tensor<2x4x4xf32>
    %32 = stablehlo.divide %29, %31 : tensor<2x4x4xf32>
    %33 = stablehlo.slice %20 [0:2, 0:4, 32:48] : (tensor<2x4x48xf32>) -> tensor<2x4x16xf32>
    %34 = stablehlo.dot_general %32, %33, batching_dims = [0] x [0], contracting_dims = [2] x [1], precision = [DEFAULT, DEFAULT] : (tensor<2x4x4xf32>, tensor<2x4x16xf32>) -> tensor<2x4x16xf32>
    %35 = stablehlo.add %14, %34 : tensor<2x4x16xf32>
    %36 = stablehlo.reduce(%35 init: %cst_7) applies stablehlo.add across dimensions = [1] : (tensor<2x4x16xf32>, tensor<f32>) -> tensor<2x16xf32>
    %37 = stablehlo.multiply %36, %cst : tensor<2x16xf32>
    %38 = stablehlo.transpose %arg2, dims = [1, 0] {result_layout = dense<[0, 1]> : tensor<2xindex>, xla_shape = "f32[16,3]{0,1}"} : (tensor<3x16xf32>) -> tensor<16x3xf32>
    %39 = stablehlo.dot_general %37, %38, contracting_dims = [1] x [0], precision = [DEFAULT, DEFAULT] : (tensor<2x16xf32>, tensor<16x3xf32>) -> tensor<2x3xf32>
    %40 = stablehlo.broadcast_in_dim %arg1, dims = [1] : (tensor<3xf32>) -> tensor<2x3xf32>
    %41 = stablehlo.add %39, %40 : tensor<2x3xf32>
    %42 = stablehlo.reduce(%41 init: %cst_6) applies stablehlo.maximum across dimensions = [1] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>
    %43 = stablehlo.broadcast_in_dim %42, dims = [0] : (tensor<2xf32>) -> tensor<2x3xf32>
    %44 = stablehlo.subtract %41, %43 : tensor<2x3xf32>
    %45 = stablehlo.exponential %44 : tensor<2x3xf32>
    %46 = stablehlo.reduce(%45 init: %cst_7) applies stablehlo.add across dimensions = [1] : (tensor<2x3xf32>, tensor<f32>) -> tensor<2xf32>
    %47 = stablehlo.log %46 : tensor<2xf32>
    %48 = stablehlo.broadcast_in_dim %47, dims = [0] : (tensor<2xf32>) -> tensor<2x3xf32>
    %49 = stablehlo.subtract %44, %48 : tensor<2x3xf32>
    %50 = stablehlo.iota dim = 0 : tensor<2xui32>
    %51 = stablehlo.reshape %50 : (tensor<2xui32>) -> tensor<2x1x1xui32>
    %52 = stablehlo.reshape %arg0 : (tensor<2xi64>) -> tensor<2x1xi64>
    %53 = stablehlo.convert %52 : (tensor<2x1xi64>) -> tensor<2x1xui32>
    %54 = stablehlo.reshape %53 : (tensor<2x1xui32>) -> tensor<2x1x1xui32>
    %55 = stablehlo.concatenate %51, %54, dim = 2 : (tensor<2x1x1xui32>, tensor<2x1x1xui32>) -> tensor<2x1x2xui32>
    %56 = "stablehlo.gather"(%49, %55) <{dimension_numbers = #stablehlo.gather<collapsed_slice_dims = [0, 1], start_index_map = [0, 1], index_vector_dim = 2>, indices_are_sorted = false, slice_sizes = array<i64: 1, 1>}> : (tensor<2x3xf32>, tensor<2x1x2xui32>) -> tensor<2x1xf32>
    %57 = stablehlo.reduce(%56 init: %cst_7) applies stablehlo.add across dimensions = [0, 1] : (tensor<2x1xf32>, tensor<f32>) -> tensor<f32>
    %58 = stablehlo.negate %57 : tensor<f32>
    return %58 : tensor<f32>
  }
}
