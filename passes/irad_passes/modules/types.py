"""Types of a module as types of JAX, and back."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from irad_passes._compat.mlir import ShapedArray, ir, mlir
from irad_passes.errors import ModuleError

DTYPES: dict[str, np.dtype[Any]] = {
    "i1": np.dtype(np.bool_),
    **{f"i{n}": np.dtype(f"int{n}") for n in (8, 16, 32, 64)},
    **{f"ui{n}": np.dtype(f"uint{n}") for n in (8, 16, 32, 64)},
    "i2": np.dtype(ml_dtypes.int2),
    "i4": np.dtype(ml_dtypes.int4),
    "ui2": np.dtype(ml_dtypes.uint2),
    "ui4": np.dtype(ml_dtypes.uint4),
    "f16": np.dtype(np.float16),
    "f32": np.dtype(np.float32),
    "f64": np.dtype(np.float64),
    "bf16": np.dtype(ml_dtypes.bfloat16),
    "f8E3M4": np.dtype(ml_dtypes.float8_e3m4),
    "f8E4M3": np.dtype(ml_dtypes.float8_e4m3),
    "f8E4M3FN": np.dtype(ml_dtypes.float8_e4m3fn),
    "f8E4M3FNUZ": np.dtype(ml_dtypes.float8_e4m3fnuz),
    "f8E4M3B11FNUZ": np.dtype(ml_dtypes.float8_e4m3b11fnuz),
    "f8E5M2": np.dtype(ml_dtypes.float8_e5m2),
    "f8E5M2FNUZ": np.dtype(ml_dtypes.float8_e5m2fnuz),
    "f8E8M0FNU": np.dtype(ml_dtypes.float8_e8m0fnu),
    "f4E2M1FN": np.dtype(ml_dtypes.float4_e2m1fn),
    "complex<f32>": np.dtype(np.complex64),
    "complex<f64>": np.dtype(np.complex128),
}
"""Element types of tensors, by their text."""


def dtype_of(element: Any) -> np.dtype[Any]:
    """The dtype of an element type; ModuleError where JAX has none."""
    found = DTYPES.get(str(element))
    if found is None:
        kind = "quantized type" if "quant" in str(element) else "element type"
        raise ModuleError(f"{kind} {element} has no arrays in JAX")
    return found


def aval_of(type_: Any) -> Any:
    """The JAX type of a tensor type; ModuleError for one that has none."""
    if not isinstance(type_, ir.RankedTensorType):
        raise ModuleError(f"a value of type {type_} is no array")
    if not type_.has_static_shape:
        raise ModuleError(
            f"{type_} has a dimension that is not known. Refine the module first: "
            "load it with the shapes of its inputs"
        )
    return ShapedArray(tuple(type_.shape), dtype_of(type_.element_type))


def tensor_type(aval: Any) -> Any:
    """The tensor type of a JAX type, in the context at hand."""
    return ir.RankedTensorType.get(aval.shape, mlir.dtype_to_ir_type(aval.dtype))
