// Complex factors are not conjugated: the pairing is Re(sum(c * t)).

func.func @main(%a: tensor<3xcomplex<f32>>, %b: tensor<3xcomplex<f32>>) -> tensor<3xcomplex<f32>> {
  %y = stablehlo.multiply %a, %b : tensor<3xcomplex<f32>>
  return %y : tensor<3xcomplex<f32>>
}

// JVP: stablehlo.multiply %arg0, %arg1
// JVP: stablehlo.multiply %arg2, %arg1
// JVP: stablehlo.multiply %arg3, %arg0
// JVP: stablehlo.add %{{.*}}, %{{.*}}

// VJP: stablehlo.multiply %arg0, %arg1
// VJP: stablehlo.multiply %arg2, %arg1
// VJP: stablehlo.multiply %arg2, %arg0

// x0 = [(0.5+1j), (-1.25+0.5j), (2-0.75j)]
// x1 = [(1.5-0.25j), (0.75+2j), (-1+0.5j)]
// t0 = [(1.75-0.5j), (-0.75-1.5j), (1.5-0.5j)]
// t1 = [(1.75-2j), (-2+1.5j), (0.5-1.5j)]
// c0 = [(-1-1.25j), (-1.25+0.75j), (1.25+1.25j)]
// y0 = [(1+1.375j), (-1.9375-2.125j), (-1.625+1.75j)]
// pushed0 = [(5.375-0.4375j), (4.1875-5.5j), (-1.375-2.125j)]
// pulled0 = [(-1.8125-1.625j), (-2.4375-1.9375j), (-1.875-0.625j)]
// pulled1 = [(0.75-1.625j), (1.1875-1.5625j), (3.4375+1.5625j)]
